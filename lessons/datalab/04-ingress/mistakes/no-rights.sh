# controller/released/no-rights
helm install traefik ~/datalab/ingress/traefik --namespace ${namespace}-ingress --create-namespace
