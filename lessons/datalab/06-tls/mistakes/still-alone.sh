# chain/repaired/still-alone
kubectl create secret tls wildcard --cert ~/datalab/tls/cert.pem --key ~/datalab/tls/privkey.pem --dry-run=client -o yaml | kubectl apply -f -
