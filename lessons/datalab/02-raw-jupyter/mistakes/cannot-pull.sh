# apply/ready/cannot-pull image=quay.io/jupyter/minimal-notbook:2025-12-31
sed 's#minimal-notebook#minimal-notbook#' ~/datalab/jupyter-raw/deployment.yaml | kubectl apply -f - -f ~/datalab/jupyter-raw/service.yaml
