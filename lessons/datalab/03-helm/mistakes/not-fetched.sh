# wrapper/released/not-fetched chart=jupyter-python
rm -rf ~/datalab/helm/notebook/charts
helm install notebook ~/datalab/helm/notebook
