# chain/broken/not-the-key
for FILE in privkey chain; do kubectl exec certbot -- cat /etc/letsencrypt/live/${domain}/$FILE.pem > ~/datalab/tls/$FILE.pem; done
kubectl create secret tls wildcard --cert ~/datalab/tls/chain.pem --key ~/datalab/tls/privkey.pem
