#!/usr/bin/env bash
# Turns every check of this lesson green. A second run from the end state does too.
set -euo pipefail

# Catching up wants the end state alone, and this lesson leaves none.
if [ "${ATELIER_CATCH_UP:-}" = 1 ]; then exit 0; fi

atelier answer goal/portable s3
atelier wait goal

atelier answer image/outside kernel
atelier wait image

atelier answer place/hospital distribution
atelier wait place

atelier answer origin/key kubeconfig
atelier wait origin

atelier answer terraform/again nothing
atelier wait terraform

atelier answer tools/client "$(kubectl version --client | awk '/^Client Version/ { print $3 }')"
atelier wait tools
