# install/released/no-rights
helm dependency build ~/datalab/tls/cert-manager && helm install cert-manager ~/datalab/tls/cert-manager --namespace ${namespace}-cert-manager --create-namespace
