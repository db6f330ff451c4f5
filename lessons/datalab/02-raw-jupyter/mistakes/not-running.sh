# forward/page/not-running phase=Pending
kubectl scale deployment/jupyter --replicas=0
kubectl wait --for=delete pod -l app=jupyter --timeout=30s
kubectl set image deployment/jupyter jupyter=quay.io/jupyter/minimal-notebook:2025
kubectl scale deployment/jupyter --replicas=1
kubectl wait --for=create pod -l app=jupyter --timeout=30s
kubectl port-forward service/jupyter 8888:8888
