# staging/issued/self-check name=jupyter.somebody-else.localhost
helm upgrade notebook ~/datalab/helm/notebook -f ~/datalab/names/values.yaml -f ~/datalab/tls/notebook-staging.yaml --set jupyter-python.ingress.hostname=jupyter.somebody-else.localhost
