# types/balancer/pending service=door
kubectl create service loadbalancer door --tcp=8888 --dry-run=client -o json | kubectl patch --local -f - --type=merge --patch '{"spec":{"loadBalancerClass":"example.com/nobody"}}' -o json | kubectl apply -f -
