# issuers/accounts/not-yours
kubectl apply -f ~/datalab/tls/issuers.yaml
