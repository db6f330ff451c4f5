{{/* How a challenge is solved: the same in an issuer and in a Challenge. */}}
{{- define "schema.solver" -}}
type: object
properties:
  selector:
    type: object
    description: "For which certificates this solver is. Of several that fit, the most particular wins; one without a selector fits all."
    properties:
      dnsNames: {{ include "schema.texts" "Names, exactly as they stand in the certificate." }}
      dnsZones: {{ include "schema.texts" "Zones, with all that is below them; the longest wins." }}
      matchLabels: {{ include "schema.map" "Labels of the Certificate." }}
  waitInsteadOfSelfCheck: {{ include "schema.text" "Waits so long, as in 1m, instead of first looking whether the answer is there." }}
  http01:
    type: object
    description: "Proves a name by a file below http://NAME/.well-known/acme-challenge/. Cannot prove a wildcard."
    properties:
      ingress:
        type: object
        description: "Serves the file by an Ingress, which is made for as long as the challenge lasts."
        properties:
          ingressClassName: {{ include "schema.text" "IngressClass of the Ingress: whose controller shall serve it." }}
          class: {{ include "schema.text" "The same as the old annotation kubernetes.io/ingress.class. Only one of the three may be set." }}
          name: {{ include "schema.text" "An Ingress that is there, to which a path is added instead. Only one of the three may be set." }}
          serviceType: {{ include "schema.text" "Type of the Service to the pod that answers: ClusterIP or NodePort, which it is where nothing is said." }}
          ingressTemplate:
            type: object
            description: "Changes to the Ingress that is made."
            properties:
              metadata:
                type: object
                description: "Labels and annotations to add; they win over cert-manager's own."
                properties:
                  annotations: {{ include "schema.map" "Annotations to add." }}
                  labels: {{ include "schema.map" "Labels to add." }}
          podTemplate:
            {{- include "schema.pod-template" . | nindent 12 }}
      gatewayHTTPRoute:
        type: object
        description: "Serves the file by an HTTPRoute of the Gateway API."
        properties:
          labels: {{ include "schema.map" "Labels of the HTTPRoute." }}
          parentRefs:
            type: array
            x-kubernetes-list-type: atomic
            description: "Gateways it attaches to."
            items:
              type: object
              required: [name]
              properties:
                group: { type: string, default: gateway.networking.k8s.io, maxLength: 253 }
                kind: { type: string, default: Gateway, minLength: 1, maxLength: 63 }
                namespace: { type: string, minLength: 1, maxLength: 63 }
                name: { type: string, minLength: 1, maxLength: 253 }
                sectionName: { type: string, minLength: 1, maxLength: 253 }
                port: { type: integer, format: int32, minimum: 1, maximum: 65535 }
          serviceType: {{ include "schema.text" "Type of the Service to the pod that answers: ClusterIP or NodePort." }}
          podTemplate:
            {{- include "schema.pod-template" . | nindent 12 }}
  dns01:
    type: object
    description: "Proves a name by a TXT record _acme-challenge.NAME, which cert-manager sets at a DNS provider. The only way to a wildcard."
    properties:
      cnameStrategy: { type: string, enum: [None, Follow], description: "Whether a CNAME at _acme-challenge is followed to another zone." }
      acmeDNS:
        type: object
        required: [accountSecretRef, host]
        description: "An acme-dns server."
        properties:
          host: {{ include "schema.text" "Its address." }}
          accountSecretRef: {{ include "schema.secret-key" "The accounts, as JSON." }}
      akamai:
        type: object
        required: [accessTokenSecretRef, clientSecretSecretRef, clientTokenSecretRef, serviceConsumerDomain]
        description: "Akamai."
        properties:
          serviceConsumerDomain: {{ include "schema.text" "The API's host." }}
          accessTokenSecretRef: {{ include "schema.secret-key" "The access token." }}
          clientSecretSecretRef: {{ include "schema.secret-key" "The client's secret." }}
          clientTokenSecretRef: {{ include "schema.secret-key" "The client's token." }}
      azureDNS:
        type: object
        required: [resourceGroupName, subscriptionID]
        description: "Azure DNS."
        properties:
          clientID: {{ include "schema.text" "The application; needs clientSecretSecretRef and tenantID too." }}
          clientSecretSecretRef: {{ include "schema.secret-key" "The application's secret." }}
          environment: { type: string, enum: [AzurePublicCloud, AzureChinaCloud, AzureGermanCloud, AzureUSGovernmentCloud], description: "Which Azure." }
          hostedZoneName: {{ include "schema.text" "The zone." }}
          managedIdentity:
            type: object
            description: "An identity of the node or pod instead of an application."
            properties:
              clientID: {{ include "schema.text" "By its client id." }}
              resourceID: {{ include "schema.text" "By its resource id." }}
              tenantID: {{ include "schema.text" "Its tenant." }}
          resourceGroupName: {{ include "schema.text" "The zone's resource group." }}
          subscriptionID: {{ include "schema.text" "The subscription." }}
          tenantID: {{ include "schema.text" "The application's tenant." }}
          zoneType: { type: string, enum: [AzurePublicZone, AzurePrivateZone], description: "Public or private." }
      cloudDNS:
        type: object
        required: [project]
        description: "Google Cloud DNS."
        properties:
          project: {{ include "schema.text" "The project." }}
          hostedZoneName: {{ include "schema.text" "The zone, where it cannot be guessed." }}
          serviceAccountSecretRef: {{ include "schema.secret-key" "The service account's key, as JSON." }}
      cloudflare:
        type: object
        description: "Cloudflare."
        properties:
          email: {{ include "schema.text" "Of the account; needed with an API key." }}
          apiTokenSecretRef: {{ include "schema.secret-key" "An API token, which is narrower than a key." }}
          apiKeySecretRef: {{ include "schema.secret-key" "The account's API key." }}
      digitalocean:
        type: object
        required: [tokenSecretRef]
        description: "DigitalOcean."
        properties:
          tokenSecretRef: {{ include "schema.secret-key" "An API token." }}
      rfc2136:
        type: object
        required: [nameserver]
        description: "A name server that takes dynamic updates (RFC 2136), such as BIND."
        properties:
          nameserver: {{ include "schema.text" "Its address, as in 192.0.2.1:53." }}
          protocol: { type: string, enum: [TCP, UDP], description: "How it is spoken to; UDP where nothing is said." }
          tsigAlgorithm: {{ include "schema.text" "HMACMD5, HMACSHA1, HMACSHA256 or HMACSHA512." }}
          tsigKeyName: {{ include "schema.text" "Name of the key." }}
          tsigSecretSecretRef: {{ include "schema.secret-key" "The key." }}
      route53:
        type: object
        description: "Amazon Route 53."
        properties:
          accessKeyID: {{ include "schema.text" "The access key's id." }}
          accessKeyIDSecretRef: {{ include "schema.secret-key" "The access key's id, from a Secret." }}
          secretAccessKeySecretRef: {{ include "schema.secret-key" "The access key." }}
          auth:
            type: object
            required: [kubernetes]
            description: "A token of a ServiceAccount instead of a key."
            properties:
              kubernetes:
                type: object
                required: [serviceAccountRef]
                properties:
                  serviceAccountRef: {{ include "schema.account" "Whose token." }}
          hostedZoneID: {{ include "schema.text" "The zone, where it cannot be guessed." }}
          region: {{ include "schema.text" "The region." }}
          role: {{ include "schema.text" "A role to take." }}
      webhook:
        type: object
        required: [groupName, solverName]
        description: "Any other provider, by a program that runs in the cluster."
        properties:
          groupName: {{ include "schema.text" "API group of that program." }}
          solverName: {{ include "schema.text" "Which of its solvers." }}
          config: { x-kubernetes-preserve-unknown-fields: true, description: "What it wants to know." }
{{- end -}}
