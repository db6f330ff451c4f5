# host/ingress/nobodys-class class=nginx
helm upgrade notebook ~/datalab/helm/notebook -f ~/datalab/names/values.yaml --set jupyter-python.ingress.ingressClassName=nginx
