# staging/issued/no-issuer kind=Issuer issuer=staging
sed s/cluster-issuer/issuer/ ~/datalab/tls/notebook-staging.yaml > ~/datalab/tls/notebook-issuer.yaml
helm upgrade notebook ~/datalab/helm/notebook -f ~/datalab/names/values.yaml -f ~/datalab/tls/notebook-issuer.yaml
