# upgrade/upgraded/in-progress
helm upgrade lab atelier/jupyter-python --version 1.0.0 --set service.image.version=quay.io/jupyter/minimal-notebook:2026 --wait --timeout 60s &
kubectl wait --for=create secret/sh.helm.release.v1.lab.v2 --timeout=30s
kill -9 $!
helm upgrade lab atelier/jupyter-python -f ~/datalab/helm/values.yaml
