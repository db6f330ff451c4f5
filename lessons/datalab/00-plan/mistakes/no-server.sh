# tools/client/no-server
kubectl version
