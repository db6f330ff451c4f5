# shadow/repaired/gone-too
sed "s/ADDRESS/$(kubectl get ingress notebook-jupyter-python -o jsonpath='{.status.loadBalancer.ingress[0].ip}')/" ~/datalab/names/docs.yaml | kubectl apply -f -
atelier wait shadow/broken
kubectl delete dnsendpoints --all
