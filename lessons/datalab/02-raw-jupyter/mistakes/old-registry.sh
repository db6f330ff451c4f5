# apply/ready/old-registry image=jupyter/minimal-notebook:2023-10-20
sed 's#quay.io/jupyter/minimal-notebook:.*#jupyter/minimal-notebook:2023-10-20#' ~/datalab/jupyter-raw/deployment.yaml | kubectl apply -f - -f ~/datalab/jupyter-raw/service.yaml
