# production/verified/wildcard
helm upgrade notebook ~/datalab/helm/notebook --reset-then-reuse-values -f ~/datalab/tls/notebook-wildcard.yaml --set jupyter-python.ingress.annotations=null
