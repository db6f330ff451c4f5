# upgrade/upgraded/name-in-use
helm install lab atelier/jupyter-python -f ~/datalab/helm/values.yaml
