#!/usr/bin/env bash
# Turns every check of this lesson green. A second run from the end state does too.
set -euo pipefail
files=~/datalab/ingress
traefik=(--kube-context admin --namespace ${namespace}-ingress)

ingress() { # PORT
  kubectl create ingress notebook --class=traefik --rule="notebook.${domain}/*=notebook-jupyter-python:$1" --dry-run=client -o yaml
}

# Where it was installed by mistake, it holds the names of the cluster.
helm uninstall traefik --kube-context admin --ignore-not-found --wait
helm dependency update "$files/traefik"
# The values as they were given, under the dependency's name.
if ! grep -q '^traefik:' "$files/traefik/values.yaml"; then
  { echo traefik: && sed 's/^/  /' "$files/traefik/values.yaml"; } > "$files/values.yaml"
  mv "$files/values.yaml" "$files/traefik/values.yaml"
fi

# Catching up wants the end state alone: Traefik, and the route to the notebook.
if [ "${ATELIER_CATCH_UP:-}" = 1 ]; then
  helm upgrade --install traefik "$files/traefik" "${traefik[@]}" --create-namespace
  ingress 8888 > "$files/notebook.yaml"
  kubectl apply -f "$files/notebook.yaml"
  kubectl --context admin -n ${namespace}-ingress rollout status deployment/traefik --timeout=120s
  exit 0
fi

# What an earlier attempt left behind would be in the way.
kubectl delete service door --ignore-not-found
kubectl expose service notebook-jupyter-python --name=door --type=NodePort --port=8888 --target-port=http
atelier answer types/port "$(kubectl get service door -o jsonpath='{.spec.ports[0].nodePort}')"
kubectl patch service door --patch 'spec: {type: LoadBalancer}'
atelier wait types/reached
kubectl delete service door
atelier wait types

helm upgrade --install traefik "$files/traefik" "${traefik[@]}" --create-namespace
atelier answer controller/rights everywhere
atelier wait controller

kubectl --context admin -n ${namespace}-ingress wait --for=jsonpath='{.status.loadBalancer.ingress}' service/traefik --timeout=180s
atelier answer address/outside "$(kubectl --context admin -n ${namespace}-ingress get service traefik -o jsonpath="{.status.loadBalancer.ingress[0]['ip','hostname']}")"
atelier answer address/nobody 404
atelier wait address

kubectl delete ingress --all
ingress 8888 > "$files/notebook.yaml"
kubectl apply -f "$files/notebook.yaml"
atelier wait route

ingress 8889 | kubectl apply -f -
atelier wait port/broken
atelier answer port/said "service port not found"
kubectl apply -f "$files/notebook.yaml"
atelier wait port

kubectl scale statefulset notebook-jupyter-python --replicas=0
atelier wait empty/closed
kubectl scale statefulset notebook-jupyter-python --replicas=1
atelier answer empty/codes route
atelier wait empty
