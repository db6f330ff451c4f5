# install/released/refused-value where=/security/password
helm install lab atelier/jupyter-python --version 1.0.0 --set security.password=short
