# kubeconfig/node/still-refused
mkdir -p ~/.kube
cp ~/Downloads/kubeconfig.yaml ~/.kube/kubeconfig.yaml
kubectl get nodes
