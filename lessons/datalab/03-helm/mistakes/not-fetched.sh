# wrapper/released/not-fetched chart=jupyter-python
helm install notebook ~/datalab/helm/notebook
