# controller/released/not-fetched chart=traefik
rm -rf ~/datalab/ingress/traefik/charts
helm install traefik ~/datalab/ingress/traefik --namespace ${namespace}-ingress --create-namespace --kube-context admin
