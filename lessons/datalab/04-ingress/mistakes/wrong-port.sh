# route/answers/wrong-port port=80
kubectl create ingress notebook --class=traefik --rule="notebook.${domain}/*=notebook-jupyter-python:80"
