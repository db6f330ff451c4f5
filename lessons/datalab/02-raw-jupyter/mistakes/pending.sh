# apply/ready/pending
sed 's#cpu: 50m#cpu: 500#' ~/datalab/jupyter-raw/deployment.yaml | kubectl apply -f - -f ~/datalab/jupyter-raw/service.yaml
