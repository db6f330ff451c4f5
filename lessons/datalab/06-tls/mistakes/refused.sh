# renewal/renewed/refused
sed 's/duration: 1h/duration: 30m/' ~/datalab/tls/practice.yaml | kubectl apply -f -
