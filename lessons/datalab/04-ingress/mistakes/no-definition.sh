# controller/released/no-definition
rm -rf ~/datalab/ingress/traefik/charts
helm repo remove atelier
helm dependency build ~/datalab/ingress/traefik
