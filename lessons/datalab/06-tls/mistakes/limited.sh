# chain/broken/limited count=5
for N in 1 2 3 4 5; do kubectl exec certbot -- certbot renew --force-renewal --manual-auth-hook true; done
