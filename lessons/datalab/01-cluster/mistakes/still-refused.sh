# kubeconfig/node/still-refused
mkdir -p ~/.kube
cp ~/Downloads/kubeconfig.yaml ~/.kube/kubeconfig.yaml
mv ~/.kube/config ~/.kube/config.away 2> /dev/null
kubectl get nodes
