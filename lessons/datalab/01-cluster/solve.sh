#!/usr/bin/env bash
# Turns every check of this lesson green. A second run from the end state does too.
set -euo pipefail

place_kubeconfig() {
  mkdir -p ~/.kube
  [ -e ~/.kube/config ] || mv ~/Downloads/kubeconfig.yaml ~/.kube/config
  chmod 600 ~/.kube/config
}

# Catching up wants the end state alone: all else in this lesson leaves no trace.
if [ "${ATELIER_CATCH_UP:-}" = 1 ]; then
  place_kubeconfig
  exit 0
fi

atelier answer refused/address localhost:8080
atelier wait refused

place_kubeconfig
atelier answer kubeconfig/node "$(kubectl get nodes -o name | head -1 | cut -d/ -f2)"
atelier wait kubeconfig

kubectl auth whoami
atelier answer whoami/rights own
atelier wait whoami

atelier answer versions/kubelet "$(kubectl get nodes --no-headers | awk 'NR == 1 { print $5 }')"
atelier wait versions

atelier answer explain/default Always
atelier wait explain

# What an earlier attempt left behind would be in the way.
kubectl delete pod hello web --ignore-not-found --now
kubectl run hello --image=nginx:1.27
atelier wait pod

kubectl label pod hello course=atelier
atelier wait labels

kubectl run web --image=ngnix:1.27
atelier wait typo/broken
kubectl set image pod/web web=nginx:1.27
atelier wait typo

kubectl delete pod hello web --now
atelier wait gone/deleted
atelier answer gone/nobody none
atelier wait gone
