# apply/created/no-kubeconfig
KUBECONFIG=~/elsewhere kubectl apply -f ~/datalab/jupyter-raw/
