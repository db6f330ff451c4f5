# route/answers/other-class class=nginx
kubectl create ingress notebook --class=nginx --rule="notebook.${domain}/*=notebook-jupyter-python:8888"
