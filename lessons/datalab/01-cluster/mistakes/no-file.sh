# kubeconfig/node/no-file file=kubeconfig.yml
mv ~/Downloads/kubeconfig.yml ~/.kube/config
