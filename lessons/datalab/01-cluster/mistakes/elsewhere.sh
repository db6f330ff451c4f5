# pod/running/elsewhere other=kube-public
kubectl run hello --image=nginx:1.27 --namespace kube-public
