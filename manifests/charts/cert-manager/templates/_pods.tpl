{{/* What the pods of all parts share. Each takes a list: the root, the part, the part's values. */}}

{{- define "cert-manager.pod-annotations" -}}
{{- $root := index . 0 -}}
{{- $annotations := (index . 2).podAnnotations | default dict | deepCopy -}}
{{- if and $root.Values.prometheus.enabled (ne (index . 1) "startupapicheck") -}}
{{- $annotations = merge $annotations (dict "prometheus.io/path" "/metrics" "prometheus.io/scrape" "true" "prometheus.io/port" "9402") -}}
{{- end -}}
{{- with $annotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "cert-manager.pod" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
serviceAccountName: {{ include "cert-manager.service-account" . }}
{{- if hasKey $values "automountServiceAccountToken" }}
automountServiceAccountToken: {{ $values.automountServiceAccountToken }}
{{- end }}
enableServiceLinks: {{ $values.enableServiceLinks }}
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $root.Values.global.priorityClassName }}
priorityClassName: {{ . | quote }}
{{- end }}
{{- with $values.runtimeClassName | default $root.Values.global.runtimeClassName }}
runtimeClassName: {{ . | quote }}
{{- end }}
{{- with $values.securityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with merge (dict) ($root.Values.global.nodeSelector | default dict) ($values.nodeSelector | default dict) }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- range $key := list "affinity" "tolerations" "topologySpreadConstraints" "hostAliases" "volumes" }}
{{- with index $values $key }}
{{ $key }}:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "cert-manager.container" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
image: {{ include "cert-manager.image" (list $root $values.image) | quote }}
imagePullPolicy: {{ $values.image.pullPolicy }}
{{- with $values.containerSecurityContext }}
securityContext:
  {{- toYaml . | nindent 2 }}
{{- end }}
env:
  - name: POD_NAMESPACE
    valueFrom:
      fieldRef:
        fieldPath: metadata.namespace
  {{- with $values.extraEnv }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with $values.resources }}
resources:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $values.volumeMounts }}
volumeMounts:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{/* Takes the root: where controller and cainjector elect their leader. */}}
{{- define "cert-manager.leader-election" -}}
{{- with .Values.global.leaderElection -}}
- --leader-election-namespace={{ .namespace }}
{{- with .leaseDuration }}
- --leader-election-lease-duration={{ . }}
{{- end }}
{{- with .renewDeadline }}
- --leader-election-renew-deadline={{ . }}
{{- end }}
{{- with .retryPeriod }}
- --leader-election-retry-period={{ . }}
{{- end }}
{{- end }}
{{- end -}}

{{/* 0 is a level too. */}}
{{- define "cert-manager.log-level" -}}
{{- if not (kindIs "invalid" .Values.global.logLevel) -}}
- --v={{ .Values.global.logLevel }}
{{- end -}}
{{- end -}}

{{- define "cert-manager.replicas" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
replicas: {{ $values.replicaCount }}
{{- with $root.Values.global.revisionHistoryLimit }}
revisionHistoryLimit: {{ . }}
{{- end }}
selector:
  matchLabels:
    {{- include "cert-manager.selector" . | nindent 4 }}
{{- with $values.strategy }}
strategy:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "cert-manager.metrics-service" -}}
{{- $root := index . 0 -}}
{{- $values := index . 2 -}}
{{- if $root.Values.prometheus.enabled -}}
apiVersion: v1
kind: Service
metadata:
  name: {{ include "cert-manager.part" . }}
  namespace: {{ include "cert-manager.namespace" $root }}
  labels:
    {{- include "cert-manager.labels" . | nindent 4 }}
    {{- with $values.serviceLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $values.serviceAnnotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  type: ClusterIP
  selector:
    {{- include "cert-manager.selector" . | nindent 4 }}
  ports:
    - name: http-metrics
      protocol: TCP
      port: 9402
{{- end }}
{{- end -}}

{{- define "cert-manager.account" -}}
{{- $root := index . 0 -}}
{{- $account := (index . 2).serviceAccount -}}
{{- if $account.create -}}
apiVersion: v1
kind: ServiceAccount
metadata:
  name: {{ include "cert-manager.service-account" . }}
  namespace: {{ include "cert-manager.namespace" $root }}
  labels:
    {{- include "cert-manager.labels" . | nindent 4 }}
    {{- with $account.labels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with $account.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
automountServiceAccountToken: {{ $account.automountServiceAccountToken }}
{{- with $root.Values.global.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
{{- end -}}

{{- define "cert-manager.disruption-budget" -}}
{{- $root := index . 0 -}}
{{- with (index . 2).podDisruptionBudget -}}
{{- if .enabled -}}
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata:
  name: {{ include "cert-manager.part" $ }}
  namespace: {{ include "cert-manager.namespace" $root }}
  labels:
    {{- include "cert-manager.labels" $ | nindent 4 }}
spec:
  selector:
    matchLabels:
      {{- include "cert-manager.selector" $ | nindent 6 }}
  {{- if hasKey . "maxUnavailable" }}
  maxUnavailable: {{ .maxUnavailable }}
  {{- else }}
  minAvailable: {{ .minAvailable | default 1 }}
  {{- end }}
{{- end }}
{{- end }}
{{- end -}}
