#!/usr/bin/env bash
# Turns every check of this lesson green. A second run from the end state does too.
set -euo pipefail
files=~/datalab/names
notebook=~/datalab/helm/notebook

# Applies a file with the address where Traefik is reached.
record() {
  sed "s/ADDRESS/$(kubectl get ingress notebook-jupyter-python -o jsonpath='{.status.loadBalancer.ingress[0].ip}')/" "$files/$1" | kubectl apply -f -
}

# Catching up wants the end state alone: Jupyter under its name.
if [ "${ATELIER_CATCH_UP:-}" = 1 ]; then
  helm upgrade notebook "$notebook" -f "$files/values.yaml"
  kubectl wait ingress/notebook-jupyter-python --for=jsonpath='{.status.loadBalancer.ingress[0].ip}' --timeout=60s
  record wildcard.yaml
  record apex.yaml
  exit 0
fi

# What an earlier run has left would tick at once.
kubectl delete dnsendpoints wildcard apex docs --ignore-not-found
kubectl delete pod look --grace-period=1 --ignore-not-found
helm upgrade notebook "$notebook" --reset-values
kubectl run look --image=nicolaka/netshoot:v0.13 --command -- sleep infinity
kubectl wait pod/look --for=condition=Ready --timeout=60s
atelier wait nobody/look
kubectl exec look -- dig jupyter.${domain}
atelier answer nobody/code NXDOMAIN

atelier wait nobody
helm upgrade notebook "$notebook" -f "$files/values.yaml"
atelier wait host/ingress
atelier answer host/told zone

atelier wait host
record wildcard.yaml
atelier wait star/opens

atelier wait star
atelier answer owner/purpose owner

atelier wait owner
atelier answer covers/outside apex
record apex.yaml

atelier wait covers
record docs.yaml
atelier wait shadow/broken
kubectl delete -f "$files/docs.yaml"
atelier wait shadow/repaired
atelier answer shadow/why exists
atelier wait shadow
kubectl delete pod look --grace-period=1
