# prove/record/placeholder endpoint=acme-challenge
kubectl apply -f ~/datalab/tls/challenge.yaml
