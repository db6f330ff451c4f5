# upgrade/upgraded/refused-value where=/persistence/size
helm upgrade lab atelier/jupyter-python --set persistence.enabled=true --set persistence.size=10
