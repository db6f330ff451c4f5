# install/released/no-repo repo=ateliers
helm install lab ateliers/jupyter-python --version 1.0.0
