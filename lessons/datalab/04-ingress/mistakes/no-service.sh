# route/answers/no-service service=notebook
kubectl create ingress notebook --class=traefik --rule="notebook.${domain}/*=notebook:8888"
