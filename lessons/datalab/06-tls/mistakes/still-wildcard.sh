# production/verified/wildcard
helm upgrade notebook ~/datalab/helm/notebook -f ~/datalab/names/values.yaml -f ~/datalab/tls/notebook-wildcard.yaml
