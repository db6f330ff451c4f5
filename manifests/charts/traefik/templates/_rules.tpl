{{/* What Traefik reads in a namespace, and the one thing it writes: addresses into statuses. */}}
{{- define "traefik.rules" -}}
- apiGroups: [""]
  resources: [configmaps, services]
  verbs: [get, list, watch]
- apiGroups: [discovery.k8s.io]
  resources: [endpointslices]
  verbs: [list, watch]
- apiGroups: [""]
  resources: [pods]
  verbs: [get]
# Certificates are Secrets, and any Ingress may name one.
- apiGroups: [""]
  resources: [secrets]
  verbs: [get, list, watch]
{{- if or .Values.providers.kubernetesIngress.enabled .Values.providers.kubernetesIngressNginx.enabled }}
- apiGroups: [extensions, networking.k8s.io]
  resources: [ingresses]
  verbs: [get, list, watch]
- apiGroups: [extensions, networking.k8s.io]
  resources: [ingresses/status]
  verbs: [update]
{{- end }}
{{- if .Values.providers.kubernetesCRD.enabled }}
- apiGroups: [traefik.io]
  resources:
    - ingressroutes
    - ingressroutetcps
    - ingressrouteudps
    - middlewares
    - middlewaretcps
    - serverstransports
    - serverstransporttcps
    - tlsoptions
    - tlsstores
    - traefikservices
  verbs: [get, list, watch]
{{- end }}
{{- end -}}

{{/* What belongs to no namespace. */}}
{{- define "traefik.clusterRules" -}}
- apiGroups: [""]
  resources: [nodes]
  verbs: [get, list, watch]
{{- if or .Values.providers.kubernetesIngress.enabled .Values.providers.kubernetesIngressNginx.enabled .Values.providers.kubernetesCRD.enabled }}
- apiGroups: [extensions, networking.k8s.io]
  resources: [ingressclasses]
  verbs: [get, list, watch]
{{- end }}
{{- if or .Values.providers.kubernetesIngress.enabled .Values.providers.kubernetesIngressNginx.enabled .Values.providers.kubernetesGateway.enabled }}
- apiGroups: [""]
  resources: [namespaces]
  verbs: [list, watch]
{{- end }}
{{- if .Values.providers.kubernetesGateway.enabled }}
- apiGroups: [gateway.networking.k8s.io]
  resources: [backendtlspolicies, gatewayclasses, gateways, grpcroutes, httproutes, referencegrants, tcproutes, tlsroutes]
  verbs: [get, list, watch]
- apiGroups: [gateway.networking.k8s.io]
  resources:
    - backendtlspolicies/status
    - gatewayclasses/status
    - gateways/status
    - grpcroutes/status
    - httproutes/status
    - tcproutes/status
    - tlsroutes/status
  verbs: [update]
{{- end }}
{{- end -}}
