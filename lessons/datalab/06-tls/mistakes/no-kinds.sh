# install/kinds/no-kinds kind=Issuer
kubectl apply -f ~/datalab/tls/authority.yaml
