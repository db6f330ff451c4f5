{{- define "traefik.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The name all objects share: the release's, which already says traefik, or RELEASE-traefik. */}}
{{- define "traefik.fullname" -}}
{{- $name := include "traefik.name" . -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "traefik.namespace" -}}
{{- default .Release.Namespace .Values.namespaceOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* What the Service and the Deployment find their pods by: never changes between versions. */}}
{{- define "traefik.selector" -}}
app.kubernetes.io/name: {{ include "traefik.name" . }}
app.kubernetes.io/instance: {{ default (printf "%s-%s" .Release.Name (include "traefik.namespace" .)) .Values.instanceLabelOverride | trunc 63 | trimSuffix "-" }}
{{- end -}}

{{- define "traefik.labels" -}}
{{ include "traefik.selector" . }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- with .Values.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "traefik.image" -}}
{{ .Values.image.registry }}/{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}

{{- define "traefik.serviceAccount" -}}
{{ .Values.serviceAccount.name | default (include "traefik.fullname" .) }}
{{- end -}}

{{/* Roles of a cluster have no namespace: two releases of one name need two of them. */}}
{{- define "traefik.clusterRole" -}}
{{- printf "%s-%s" (include "traefik.fullname" .) (include "traefik.namespace" .) | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{- define "traefik.class" -}}
{{ .Values.ingressClass.name | default (include "traefik.fullname" .) }}
{{- end -}}

{{/* The namespaces of a provider, as one argument: its own, and those named. */}}
{{- define "traefik.namespaces" -}}
{{- prepend .provider.namespaces (include "traefik.namespace" .root) | uniq | join "," -}}
{{- end -}}
