#!/usr/bin/env bash
# Turns every check of this lesson green. A second run from the end state does too.
set -euo pipefail
files=~/datalab/helm

kubectl delete deployment,service,persistentvolumeclaim jupyter --ignore-not-found
# The address of the repository stands in the wrapper chart.
helm repo add atelier "$(awk '/repository:/ { print $2 }' "$files/notebook/Chart.yaml")" --force-update

# Catching up wants the end state alone: the release that later lessons build on.
if [ "${ATELIER_CATCH_UP:-}" = 1 ]; then
  helm dependency update "$files/notebook"
  cp "$files/notebook/values-nested.yaml" "$files/notebook/values.yaml"
  helm upgrade --install notebook "$files/notebook"
  kubectl rollout status statefulset/notebook-jupyter-python --timeout=120s
  exit 0
fi

atelier wait clean
helm repo update
atelier answer repo/version "$(helm search repo atelier/jupyter-python | awk 'NR == 2 { print $2 }')"
helm show values atelier/jupyter-python | grep -A 2 '^persistence'
atelier answer repo/value persistence.enabled

atelier wait repo
atelier answer template/kind "$(helm template lab atelier/jupyter-python --set persistence.enabled=true | awk '/^kind: .*Claim/ { print $2 }')"

# What an earlier attempt left behind would be in the way.
helm uninstall lab --ignore-not-found --wait
kubectl delete service lab-jupyter-python --ignore-not-found
atelier wait template
helm install lab atelier/jupyter-python --version 1.0.0

atelier wait install
helm upgrade lab atelier/jupyter-python -f "$files/values.yaml"

atelier wait upgrade
helm rollback lab 1
atelier wait rollback/rolled-back
atelier answer rollback/meaning anew

atelier wait rollback
helm uninstall lab

atelier wait uninstall
helm dependency update "$files/notebook"
# The mistake first, even where an earlier run has put it right.
sed -e 1d -e 's/^  //' "$files/notebook/values-nested.yaml" > "$files/notebook/values.yaml"
helm upgrade --install notebook "$files/notebook"

atelier wait wrapper
cp "$files/notebook/values-nested.yaml" "$files/notebook/values.yaml"
helm upgrade notebook "$files/notebook"
atelier wait nested/disk
atelier answer nested/silence nobody
atelier wait nested
