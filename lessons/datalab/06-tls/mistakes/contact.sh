# issuers/accounts/contact issuer=staging email=me@example.com
kubectl --context admin apply -f ~/datalab/tls/issuers.yaml
kubectl --context admin patch clusterissuer staging --type=merge --patch '{"spec": {"acme": {"email": "me@example.com"}}}'
