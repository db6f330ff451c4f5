# star/record/elsewhere answer=10.96.0.1
sed s/ADDRESS/10.96.0.1/ ~/datalab/names/wildcard.yaml | kubectl apply -f -
