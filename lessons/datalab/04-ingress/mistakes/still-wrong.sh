# port/repaired/still-wrong port=80
kubectl create ingress notebook --class=traefik --rule="notebook.${domain}/*=notebook-jupyter-python:80" --dry-run=client -o yaml | kubectl apply -f -
