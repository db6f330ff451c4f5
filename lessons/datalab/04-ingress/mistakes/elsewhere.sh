# controller/released/elsewhere
helm install traefik ~/datalab/ingress/traefik --kube-context admin
