# staging/issued/legacy ingress=notebook-jupyter-python
kubectl annotate ingress notebook-jupyter-python certmanager.k8s.io/cluster-issuer=staging
