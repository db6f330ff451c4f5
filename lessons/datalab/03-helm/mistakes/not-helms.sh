# install/released/not-helms kind=Service name=lab-jupyter-python
kubectl create service clusterip lab-jupyter-python --tcp=8888
helm install lab atelier/jupyter-python --version 1.0.0
