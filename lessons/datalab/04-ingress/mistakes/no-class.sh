# route/answers/no-class ingress=notebook
kubectl create ingress notebook --rule="notebook.${domain}/*=notebook-jupyter-python:8888"
