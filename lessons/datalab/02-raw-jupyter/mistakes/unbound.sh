# volume/bound/unbound storage=fast
sed 's#  accessModes#  storageClassName: fast\n  accessModes#' ~/datalab/jupyter-raw/volume/claim.yaml | kubectl apply -f -
kubectl apply -f ~/datalab/jupyter-raw/volume/deployment.yaml
