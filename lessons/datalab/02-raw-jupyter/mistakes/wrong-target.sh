# forward/page/wrong-target target=8080
sed 's#targetPort: http#targetPort: 8080#' ~/datalab/jupyter-raw/service.yaml | kubectl apply -f -
