# staging/issued/self-check name=lab.jupyter.${domain}
helm upgrade notebook ~/datalab/helm/notebook --reset-then-reuse-values -f ~/datalab/tls/notebook-staging.yaml --set jupyter-python.ingress.hostname=lab.jupyter.${domain}
