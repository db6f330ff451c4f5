# host/ingress/other-host host=jupyter.example.org
helm upgrade notebook ~/datalab/helm/notebook -f ~/datalab/names/values.yaml --set jupyter-python.ingress.hostname=jupyter.example.org
