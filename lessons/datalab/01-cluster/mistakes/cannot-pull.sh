# pod/running/cannot-pull image=nginx:1.72
kubectl run hello --image=nginx:1.72
