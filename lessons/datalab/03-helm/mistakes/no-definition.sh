# wrapper/released/no-definition
helm dependency build ~/datalab/helm/notebook
rm -r ~/datalab/helm/notebook/charts
helm repo remove atelier
helm dependency build ~/datalab/helm/notebook
