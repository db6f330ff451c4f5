# star/record/no-star object=apex
address=$(kubectl get ingress notebook-jupyter-python -o jsonpath='{.status.loadBalancer.ingress[0].ip}')
sed "s/ADDRESS/$address/" ~/datalab/names/apex.yaml | kubectl apply -f -
