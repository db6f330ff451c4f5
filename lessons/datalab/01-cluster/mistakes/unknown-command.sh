# refused/address/unknown-command word=nodes
kubectl nodes
