{{- define "dueline.labels" -}}
app.kubernetes.io/name: dueline
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "dueline.selector" -}}
app.kubernetes.io/name: dueline
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* A name as a ConfigMap's key may read: its paths have slashes. */}}
{{- define "dueline.key" -}}
{{ . | replace "/" "--" }}
{{- end }}

{{/* A pod of one part: `part`, `arguments`, `port`, and the chart's own context as `top`. */}}
{{- define "dueline.pod" -}}
{{- $top := .top -}}
metadata:
  labels:
    {{- include "dueline.labels" $top | nindent 4 }}
    app.kubernetes.io/component: {{ .part }}
  annotations:
    checksum/configuration: {{ toJson (dict "files" $top.Values.configuration.files "settings" $top.Values.settings) | sha256sum }}
    {{- with $top.Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  automountServiceAccountToken: false
  enableServiceLinks: false
  terminationGracePeriodSeconds: {{ $top.Values.terminationGracePeriodSeconds }}
  {{- with $top.Values.imagePullSecrets }}
  imagePullSecrets: {{ toJson . }}
  {{- end }}
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile: {type: RuntimeDefault}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels:
          {{- include "dueline.selector" $top | nindent 10 }}
          app.kubernetes.io/component: {{ .part }}
  containers:
    - name: dueline
      image: "{{ $top.Values.image.repository }}:{{ $top.Values.image.tag | default $top.Chart.AppVersion }}"
      imagePullPolicy: {{ $top.Values.image.pullPolicy }}
      args: {{ toJson .arguments }}
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: {drop: [ALL]}
      env:
        {{- range $name, $value := $top.Values.settings }}
        - {name: {{ $name }}, value: {{ $value | quote }}}
        {{- end }}
        {{- range $name, $key := $top.Values.secret.keys }}
        - {name: {{ $name }}_FILE, value: /run/secrets/dueline/{{ $key }}}
        {{- end }}
        {{- if $top.Values.configuration.files }}
        - {name: DUELINE_CONFIG, value: /etc/dueline}
        {{- end }}
        - {name: {{ ternary "DUELINE_WORKER_PORT" "DUELINE_PORT" (eq .part "worker") }}, value: {{ .port | quote }}}
      ports:
        - {name: http, containerPort: {{ .port }}}
      startupProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 2
        failureThreshold: 60
      livenessProbe:
        httpGet: {path: /healthz, port: http}
        periodSeconds: 15
        timeoutSeconds: 5
      readinessProbe:
        httpGet: {path: /readyz, port: http}
        periodSeconds: 5
        timeoutSeconds: 5
      {{- if eq .part "receiver" }}
      lifecycle:
        preStop:
          # Until no proxy sends anything here any more.
          exec: {command: [python, -c, "import time; time.sleep(5)"]}
      {{- end }}
      resources: {{ toJson .resources }}
      volumeMounts:
        - {name: tmp, mountPath: /tmp}
        - {name: data, mountPath: /data}
        - {name: secrets, mountPath: /run/secrets/dueline, readOnly: true}
        {{- if $top.Values.configuration.files }}
        - {name: configuration, mountPath: /etc/dueline, readOnly: true}
        {{- end }}
  volumes:
    - {name: tmp, emptyDir: {}}
    - {name: data, emptyDir: {}}
    - name: secrets
      secret: {secretName: {{ $top.Values.secret.name }}, defaultMode: 0440}
    {{- if $top.Values.configuration.files }}
    - name: configuration
      configMap:
        name: {{ $top.Release.Name }}-configuration
        items:
          {{- range $path, $_ := $top.Values.configuration.files }}
          - {key: {{ include "dueline.key" $path }}, path: {{ $path }}}
          {{- end }}
    {{- end }}
  {{- with $top.Values.nodeSelector }}
  nodeSelector: {{ toJson . }}
  {{- end }}
  {{- with $top.Values.tolerations }}
  tolerations: {{ toJson . }}
  {{- end }}
{{- end }}
