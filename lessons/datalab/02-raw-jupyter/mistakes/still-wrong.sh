# tag/repaired/still-wrong image=quay.io/jupyter/minimal-notebook:2026-8-10
kubectl set image deployment/jupyter jupyter=quay.io/jupyter/minimal-notebook:2026-08
atelier wait tag/broken
kubectl set image deployment/jupyter jupyter=quay.io/jupyter/minimal-notebook:2026-8-10
