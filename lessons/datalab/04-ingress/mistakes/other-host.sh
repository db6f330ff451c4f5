# route/answers/other-host host=notebook.example.org
kubectl create ingress notebook --class=traefik --rule="notebook.example.org/*=notebook-jupyter-python:8888"
