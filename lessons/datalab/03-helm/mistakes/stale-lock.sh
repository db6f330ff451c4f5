# wrapper/released/stale-lock
cd ~/datalab/helm/notebook
helm dependency build
sed 's/version: 1.1.0/version: 1.0.0/' Chart.yaml > Chart.new && mv Chart.new Chart.yaml
helm dependency build
