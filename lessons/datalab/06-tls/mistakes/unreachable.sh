# issuers/accounts/unreachable issuer=staging
sed '/^---/,$d' ~/datalab/tls/issuers.yaml | sed 's|/staging/directory|/stagging/directory|' | kubectl --context admin apply -f -
