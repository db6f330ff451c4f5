# route/created/host-taken other=lab
kubectl create ingress lab --class=traefik --rule="notebook.${domain}/*=notebook-jupyter-python:8888"
kubectl create ingress notebook --class=traefik --rule="notebook.${domain}/*=notebook-jupyter-python:8888"
