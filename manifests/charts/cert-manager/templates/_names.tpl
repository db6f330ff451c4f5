{{/* Most of these take a list: the root, then the part (controller, webhook, cainjector, startupapicheck). */}}

{{- define "cert-manager.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 63 | trimSuffix "-" -}}
{{- end -}}

{{/* The release's name where it says cert-manager already, else RELEASE-cert-manager. */}}
{{- define "cert-manager.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- $name := default .Chart.Name .Values.nameOverride -}}
{{- if contains $name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name $name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}
{{- end -}}

{{- define "cert-manager.namespace" -}}
{{ .Values.namespace | default .Release.Namespace }}
{{- end -}}

{{/* The name of a part's objects: the controller has the plain one. */}}
{{- define "cert-manager.part" -}}
{{- $full := include "cert-manager.fullname" (index . 0) -}}
{{- if eq (index . 1) "controller" -}}
{{- $full -}}
{{- else -}}
{{- printf "%s-%s" ($full | trunc 47 | trimSuffix "-") (index . 1) -}}
{{- end -}}
{{- end -}}

{{- define "cert-manager.app" -}}
{{- if eq (index . 1) "controller" -}}{{ include "cert-manager.name" (index . 0) }}{{- else -}}{{ index . 1 }}{{- end -}}
{{- end -}}

{{- define "cert-manager.selector" -}}
app.kubernetes.io/name: {{ include "cert-manager.app" . }}
app.kubernetes.io/instance: {{ (index . 0).Release.Name }}
app.kubernetes.io/component: {{ index . 1 | quote }}
{{- end -}}

{{- define "cert-manager.release-labels" -}}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
{{- with .Values.global.commonLabels }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- define "cert-manager.labels" -}}
app: {{ include "cert-manager.app" . }}
{{ include "cert-manager.selector" . }}
{{ include "cert-manager.release-labels" (index . 0) }}
{{- end -}}

{{- define "cert-manager.crd-labels" -}}
app: {{ include "cert-manager.name" . }}
app.kubernetes.io/name: {{ include "cert-manager.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/component: "crds"
{{ include "cert-manager.release-labels" . }}
{{- end -}}

{{/* Takes the root and the part's values. */}}
{{- define "cert-manager.image" -}}
{{- $root := index . 0 -}}
{{- $image := index . 1 -}}
{{- $repository := $image.repository -}}
{{- if not $repository -}}
{{- $repository = compact (list $root.Values.imageRegistry $root.Values.imageNamespace (required "image.name must be set where image.repository is empty" $image.name)) | join "/" -}}
{{- end -}}
{{- if $image.registry -}}
{{- $repository = printf "%s/%s" $image.registry $repository -}}
{{- end -}}
{{- $tag := $image.tag -}}
{{- if not (or $tag $image.digest) -}}
{{- $tag = $root.Chart.AppVersion -}}
{{- end -}}
{{ $repository }}{{ with $tag }}:{{ . }}{{ end }}{{ with $image.digest }}@{{ . }}{{ end }}
{{- end -}}

{{/* Takes the root, the part and the part's values. */}}
{{- define "cert-manager.service-account" -}}
{{- $account := (index . 2).serviceAccount -}}
{{- if $account.create -}}
{{ $account.name | default (include "cert-manager.part" .) }}
{{- else -}}
{{ $account.name | default "default" }}
{{- end -}}
{{- end -}}
