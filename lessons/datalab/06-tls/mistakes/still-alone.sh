# chain/repaired/still-alone
for FILE in privkey cert; do kubectl exec certbot -- cat /etc/letsencrypt/live/${domain}/$FILE.pem > ~/datalab/tls/$FILE.pem; done
kubectl create secret tls wildcard --cert ~/datalab/tls/cert.pem --key ~/datalab/tls/privkey.pem
helm upgrade notebook ~/datalab/helm/notebook -f ~/datalab/names/values.yaml -f ~/datalab/tls/notebook-wildcard.yaml
