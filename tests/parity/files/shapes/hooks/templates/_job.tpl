{{- define "hooks.job" -}}
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .release }}-{{ .name }}
  annotations:
    helm.sh/hook: {{ .hook }}
    helm.sh/hook-weight: {{ .weight | quote }}
    helm.sh/hook-delete-policy: {{ .policy | default "before-hook-creation" }}
spec:
  backoffLimit: 0
  template:
    metadata:
      labels: {hook: {{ .name }}}
    spec:
      restartPolicy: Never
      containers:
        - name: work
          image: {{ .image }}
          command: [sh, -c, "echo {{ .name }}; {{ if eq .name .fails }}exit 3{{ else }}exit 0{{ end }}"]
{{- end }}
