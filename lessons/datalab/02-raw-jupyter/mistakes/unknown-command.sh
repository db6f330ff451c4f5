# apply/created/unknown-command word=deploy
kubectl deploy -f ~/datalab/jupyter-raw/
