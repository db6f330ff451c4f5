# host/ingress/ignored
helm upgrade notebook ~/datalab/helm/notebook --set ingress.enabled=true --set ingress.ingressClassName=traefik --set ingress.hostname=jupyter.${domain}
