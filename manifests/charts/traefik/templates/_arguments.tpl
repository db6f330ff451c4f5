{{/* How Traefik is started: everything it is told comes as an argument. */}}
{{- define "traefik.arguments" -}}
{{- $own := and .Values.rbac.enabled .Values.rbac.namespaced -}}
{{- $service := printf "%s/%s" (include "traefik.namespace" .) (include "traefik.fullname" .) -}}
{{- if not .Values.global.checkNewVersion }}
- --global.checkNewVersion=false
{{- end }}
{{- if .Values.global.sendAnonymousUsage }}
- --global.sendAnonymousUsage
{{- end }}
{{- range $name, $port := .Values.ports }}
{{- if $port }}
- --entryPoints.{{ $name }}.address=:{{ $port.port }}/{{ $port.protocol | default "TCP" | lower }}
{{- if $port.asDefault }}
- --entryPoints.{{ $name }}.asDefault=true
{{- end }}
{{- end }}
{{- end }}
{{- if .Values.api.dashboard }}
- --api.dashboard=true
{{- end }}
- --ping=true
{{- with .Values.providers.kubernetesCRD }}
{{- if .enabled }}
- --providers.kubernetescrd
{{- with .labelSelector }}
- --providers.kubernetescrd.labelSelector={{ . }}
{{- end }}
{{- with .ingressClass }}
- --providers.kubernetescrd.ingressClass={{ . }}
{{- end }}
{{- if .allowCrossNamespace }}
- --providers.kubernetescrd.allowCrossNamespace=true
{{- end }}
{{- if .allowExternalNameServices }}
- --providers.kubernetescrd.allowExternalNameServices=true
{{- end }}
- --providers.kubernetescrd.allowEmptyServices={{ .allowEmptyServices }}
{{- if $own }}
- --providers.kubernetescrd.disableClusterScopeResources=true
{{- end }}
{{- if .nativeLBByDefault }}
- --providers.kubernetescrd.nativeLBByDefault=true
{{- end }}
{{- if or .namespaces $own }}
- --providers.kubernetescrd.namespaces={{ include "traefik.namespaces" (dict "provider" . "root" $) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.providers.kubernetesIngress }}
{{- if .enabled }}
- --providers.kubernetesingress
{{- if .allowExternalNameServices }}
- --providers.kubernetesingress.allowExternalNameServices=true
{{- end }}
- --providers.kubernetesingress.allowEmptyServices={{ .allowEmptyServices }}
{{- if and .publishedService.enabled (or $.Values.service.enabled .publishedService.pathOverride) }}
- --providers.kubernetesingress.ingressendpoint.publishedservice={{ .publishedService.pathOverride | default $service }}
{{- end }}
{{- with .labelSelector }}
- --providers.kubernetesingress.labelSelector={{ . }}
{{- end }}
{{- with .ingressClass }}
- --providers.kubernetesingress.ingressClass={{ . }}
{{- end }}
{{- if $own }}
- --providers.kubernetesingress.disableClusterScopeResources=true
{{- end }}
{{- if .nativeLBByDefault }}
- --providers.kubernetesingress.nativeLBByDefault=true
{{- end }}
{{- if .strictPrefixMatching }}
- --providers.kubernetesingress.strictPrefixMatching=true
{{- end }}
{{- if or .namespaces $own }}
- --providers.kubernetesingress.namespaces={{ include "traefik.namespaces" (dict "provider" . "root" $) }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.providers.kubernetesGateway }}
{{- if .enabled }}
- --providers.kubernetesgateway
{{- with .statusAddress.ip }}
- --providers.kubernetesgateway.statusaddress.ip={{ . }}
{{- end }}
{{- with .statusAddress.hostname }}
- --providers.kubernetesgateway.statusaddress.hostname={{ . }}
{{- end }}
{{- if and .statusAddress.service.enabled $.Values.service.enabled }}
- --providers.kubernetesgateway.statusaddress.service.name={{ .statusAddress.service.name | default (include "traefik.fullname" $) }}
- --providers.kubernetesgateway.statusaddress.service.namespace={{ .statusAddress.service.namespace | default (include "traefik.namespace" $) }}
{{- end }}
{{- if .nativeLBByDefault }}
- --providers.kubernetesgateway.nativeLBByDefault=true
{{- end }}
{{- if or .namespaces $own }}
- --providers.kubernetesgateway.namespaces={{ include "traefik.namespaces" (dict "provider" . "root" $) }}
{{- end }}
{{- if .experimentalChannel }}
- --providers.kubernetesgateway.experimentalchannel=true
{{- end }}
{{- with .labelSelector }}
- --providers.kubernetesgateway.labelSelector={{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.providers.kubernetesIngressNginx }}
{{- if .enabled }}
- --providers.kubernetesingressnginx
- --providers.kubernetesingressnginx.controllerclass={{ .controllerClass }}
- --providers.kubernetesingressnginx.ingressclass={{ .ingressClass }}
{{- if .ingressClassByName }}
- --providers.kubernetesingressnginx.ingressclassbyname=true
{{- end }}
{{- if .watchIngressWithoutClass }}
- --providers.kubernetesingressnginx.watchingresswithoutclass=true
{{- end }}
{{- with .watchNamespace }}
- --providers.kubernetesingressnginx.watchnamespace={{ . }}
{{- end }}
{{- if and .publishService.enabled (or $.Values.service.enabled .publishService.pathOverride) }}
- --providers.kubernetesingressnginx.publishservice={{ .publishService.pathOverride | default $service }}
{{- end }}
{{- end }}
{{- end }}
{{- range $name, $port := .Values.ports }}
{{- with ($port).http }}
{{- with .middlewares }}
- --entryPoints.{{ $name }}.http.middlewares={{ join "," . }}
{{- end }}
{{- with (.redirections).entryPoint }}
{{- $to := get $.Values.ports .to | required (printf "ports.%s.http.redirections.entryPoint.to is %q, and there is no such port" $name .to) }}
- --entryPoints.{{ $name }}.http.redirections.entryPoint.to=:{{ $to.exposedPort }}
{{- with .scheme }}
- --entryPoints.{{ $name }}.http.redirections.entryPoint.scheme={{ . }}
{{- end }}
{{- with .priority }}
- --entryPoints.{{ $name }}.http.redirections.entryPoint.priority={{ . }}
{{- end }}
{{- if hasKey . "permanent" }}
- --entryPoints.{{ $name }}.http.redirections.entryPoint.permanent={{ .permanent }}
{{- end }}
{{- end }}
{{- with .tls }}
{{- if .enabled }}
- --entryPoints.{{ $name }}.http.tls=true
{{- with .options }}
- --entryPoints.{{ $name }}.http.tls.options={{ . }}
{{- end }}
{{- with .certResolver }}
- --entryPoints.{{ $name }}.http.tls.certResolver={{ . }}
{{- end }}
{{- range $index, $domain := .domains }}
- --entryPoints.{{ $name }}.http.tls.domains[{{ $index }}].main={{ $domain.main }}
{{- with $domain.sans }}
- --entryPoints.{{ $name }}.http.tls.domains[{{ $index }}].sans={{ join "," . }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- end }}
{{- with ($port).forwardedHeaders }}
{{- with .trustedIPs }}
- --entryPoints.{{ $name }}.forwardedHeaders.trustedIPs={{ join "," . }}
{{- end }}
{{- if .insecure }}
- --entryPoints.{{ $name }}.forwardedHeaders.insecure
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.logs.general }}
{{- with .format }}
- --log.format={{ . }}
{{- end }}
{{- if .noColor }}
- --log.noColor=true
{{- end }}
- --log.level={{ .level | upper }}
{{- end }}
{{- with .Values.logs.access }}
{{- if .enabled }}
- --accesslog=true
{{- with .format }}
- --accesslog.format={{ . }}
{{- end }}
{{- end }}
{{- end }}
{{- with .Values.additionalArguments }}
{{ toYaml . }}
{{- end }}
{{- end -}}
