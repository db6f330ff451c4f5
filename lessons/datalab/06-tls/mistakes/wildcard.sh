# staging/issued/wildcard certificate=everything
printf '%s\n' 'apiVersion: cert-manager.io/v1' 'kind: Certificate' 'metadata: {name: everything}' 'spec: {secretName: everything, dnsNames: ["*.${domain}"], issuerRef: {name: staging, kind: ClusterIssuer}}' | kubectl apply -f -
