# controller/ready/ignored
sed -e 1d -e 's/^  //' ~/datalab/ingress/traefik/values.yaml > ~/values.yaml && mv ~/values.yaml ~/datalab/ingress/traefik/values.yaml
helm install traefik ~/datalab/ingress/traefik --namespace ${namespace}-ingress --create-namespace --kube-context admin
