{{/* Pieces of the kinds' schemas, each one line of YAML. Those that take a text take the description. */}}

{{- define "schema.text" -}}
{ type: string, description: {{ . | quote }} }
{{- end -}}

{{- define "schema.flag" -}}
{ type: boolean, description: {{ . | quote }} }
{{- end -}}

{{- define "schema.moment" -}}
{ type: string, format: date-time, description: {{ . | quote }} }
{{- end -}}

{{- define "schema.bytes" -}}
{ type: string, format: byte, description: {{ . | quote }} }
{{- end -}}

{{- define "schema.texts" -}}
{ type: array, x-kubernetes-list-type: atomic, items: { type: string }, description: {{ . | quote }} }
{{- end -}}

{{- define "schema.map" -}}
{ type: object, additionalProperties: { type: string }, description: {{ . | quote }} }
{{- end -}}

{{- define "schema.secret-key" -}}
{ type: object, required: [name], description: {{ . | quote }}, properties: { name: { type: string, description: "Name of a Secret in the issuer's namespace; for a ClusterIssuer, in cert-manager's." }, key: { type: string, description: "Key within the Secret, where there is no usual one." } } }
{{- end -}}

{{- define "schema.account" -}}
{ type: object, required: [name], description: {{ . | quote }}, properties: { name: { type: string, description: "Name of a ServiceAccount, for which a token is asked." }, audiences: { type: array, x-kubernetes-list-type: atomic, items: { type: string }, description: "For whom the token is, beside the usual audience." } } }
{{- end -}}

{{- define "schema.issuer-ref" -}}
{ type: object, required: [name], description: {{ . | quote }}, properties: { name: { type: string, description: "Name of the issuer." }, kind: { type: string, description: "Issuer, in the same namespace, or ClusterIssuer. Issuer where it is not said." }, group: { type: string, description: "API group of the issuer, cert-manager.io where it is not said. Other groups belong to issuers that are programs of their own." } } }
{{- end -}}

{{- define "schema.names" -}}
{ type: object, description: {{ . | quote }}, properties: { dnsDomains: { type: array, x-kubernetes-list-type: atomic, items: { type: string }, description: "DNS domains, with all that is below them." }, ipRanges: { type: array, x-kubernetes-list-type: atomic, items: { type: string }, description: "Ranges of addresses, as in 10.0.0.0/8." }, emailAddresses: { type: array, x-kubernetes-list-type: atomic, items: { type: string }, description: "Mailboxes, hosts or domains." }, uriDomains: { type: array, x-kubernetes-list-type: atomic, items: { type: string }, description: "Hosts or domains of URIs." } } }
{{- end -}}

{{- define "schema.usages" -}}
{ type: array, x-kubernetes-list-type: atomic, description: {{ . | quote }}, items: { type: string, enum: [signing, digital signature, content commitment, key encipherment, key agreement, data encipherment, cert sign, crl sign, encipher only, decipher only, any, server auth, client auth, code signing, email protection, s/mime, ipsec end system, ipsec tunnel, ipsec user, timestamping, ocsp signing, microsoft sgc, netscape sgc] } }
{{- end -}}

{{- define "schema.order-state" -}}
{ type: string, enum: [valid, ready, pending, processing, invalid, expired, errored], description: {{ . | quote }} }
{{- end -}}

{{/* Takes whether conditions remember the generation they speak of. */}}
{{- define "schema.conditions" -}}
type: array
x-kubernetes-list-type: map
x-kubernetes-list-map-keys: [type]
description: "What is true of it now, one entry a type; the first to look at is Ready."
items:
  type: object
  required: [status, type]
  properties:
    type: {{ include "schema.text" "What the condition is about." }}
    status: { type: string, enum: ["True", "False", "Unknown"], description: "Whether it is so." }
    reason: {{ include "schema.text" "Why, in one word for programs." }}
    message: {{ include "schema.text" "Why, in a sentence for people." }}
    lastTransitionTime: {{ include "schema.moment" "When status last changed." }}
    {{- if . }}
    observedGeneration: { type: integer, format: int64, description: "The metadata.generation that this was found for." }
    {{- end }}
{{- end -}}

{{/* A pod or HTTP-01 template is passed on as it is: the API checks it when the pod is made. */}}
{{- define "schema.pod-template" -}}
type: object
description: "Changes to the pod that answers the challenge."
properties:
  metadata:
    type: object
    description: "Labels and annotations to add."
    properties:
      annotations: {{ include "schema.map" "Annotations to add." }}
      labels: {{ include "schema.map" "Labels to add." }}
  spec:
    type: object
    description: "Fields of a pod's spec, where they may be set."
    properties:
      affinity: { type: object, x-kubernetes-preserve-unknown-fields: true, description: "Which nodes and neighbours it prefers." }
      imagePullSecrets:
        type: array
        x-kubernetes-list-type: map
        x-kubernetes-list-map-keys: [name]
        description: "Secrets with which the image may be pulled."
        items: { type: object, properties: { name: { type: string, default: "" } } }
      nodeSelector: {{ include "schema.map" "Labels that its node must have." }}
      priorityClassName: {{ include "schema.text" "Its priority." }}
      resources: { type: object, x-kubernetes-preserve-unknown-fields: true, description: "What it asks for and may use." }
      securityContext: { type: object, x-kubernetes-preserve-unknown-fields: true, description: "Security settings of the pod." }
      serviceAccountName: {{ include "schema.text" "Under which account it runs." }}
      tolerations: { type: array, x-kubernetes-list-type: atomic, items: { type: object, x-kubernetes-preserve-unknown-fields: true }, description: "Taints it puts up with." }
{{- end -}}
