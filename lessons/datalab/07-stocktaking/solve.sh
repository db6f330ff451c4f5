#!/usr/bin/env bash
# Nothing is left behind: this lesson looks and asks.
set -euo pipefail
[ "${ATELIER_CATCH_UP:-}" != 1 ] || exit 0

helm list
kubectl get ingresses
atelier answer standing/order zone
atelier wait standing
atelier answer monday/who administrators
atelier wait monday
atelier answer click/does helm
atelier answer click/first identity
atelier wait click
