# prove/record/other-name
sed -e "s/PUT-THE-VALUE-HERE/$(printf 'a%.0s' {1..43})/" -e 's/_acme-challenge/acme-challenge/' ~/datalab/tls/challenge.yaml | kubectl apply -f -
