# install/released/not-fetched chart=cert-manager
rm -rf ~/datalab/tls/cert-manager/charts
helm install cert-manager ~/datalab/tls/cert-manager --namespace ${namespace}-cert-manager --create-namespace --kube-context admin
