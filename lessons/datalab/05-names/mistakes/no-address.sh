# star/record/no-address object=wildcard
kubectl apply -f ~/datalab/names/wildcard.yaml
