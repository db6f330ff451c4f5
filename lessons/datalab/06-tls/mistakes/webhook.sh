# authority/issuer/webhook
kubectl --context admin -n ${namespace}-cert-manager scale deployment cert-manager-webhook --replicas=0
kubectl --context admin -n ${namespace}-cert-manager wait --for=delete pod -l app.kubernetes.io/component=webhook --timeout=60s
kubectl apply -f ~/datalab/tls/authority.yaml
kubectl --context admin -n ${namespace}-cert-manager scale deployment cert-manager-webhook --replicas=1
kubectl --context admin -n ${namespace}-cert-manager rollout status deployment/cert-manager-webhook
