# pod/running/unknown-command word=deploy
kubectl deploy hello --image=nginx:1.27
