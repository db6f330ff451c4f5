# forward/page/port-taken port=8888
kubectl run squatter --image=nginx:1.27
kubectl wait --for=condition=Ready pod/squatter --timeout=30s
kubectl port-forward pod/squatter 8888:80 > ~/squatter.log 2>&1 &
until grep -q Forwarding ~/squatter.log; do :; done
kubectl port-forward service/jupyter 8888:8888
kill %1
kubectl delete pod squatter --now
rm ~/squatter.log
