# staging/issued/self-check
helm upgrade notebook ~/datalab/helm/notebook -f ~/datalab/names/values.yaml -f ~/datalab/tls/notebook-staging.yaml --set jupyter-python.ingress.hostname=lab.jupyter.${domain}
