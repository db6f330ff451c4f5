import type { Loose } from '../../../../kubernetes/object.ts';

/** What a pod's spec has when nobody said otherwise. https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/ */
export function defaultPodSpec(spec: Loose): void {
  alignServiceAccount(spec);
  spec.dnsPolicy ||= 'ClusterFirst';
  spec.restartPolicy ||= 'Always';
  spec.securityContext ??= {};
  spec.terminationGracePeriodSeconds ??= 30;
  spec.schedulerName ||= 'default-scheduler';
  for (const volume of spec.volumes ?? []) defaultVolume(volume);
  for (const list of ['initContainers', 'containers', 'ephemeralContainers'])
    for (const container of spec[list] ?? []) defaultContainer(container, spec.hostNetwork === true);
}

/** The older of its two names is kept beside the newer one. */
function alignServiceAccount(spec: Loose): void {
  const name = spec.serviceAccountName || spec.serviceAccount;
  if (name) Object.assign(spec, { serviceAccountName: name, serviceAccount: name });
  else for (const field of ['serviceAccountName', 'serviceAccount']) delete spec[field];
}

/** What a pod has and a template has not. */
export function defaultPod(spec: Loose): void {
  spec.enableServiceLinks ??= true;
  for (const container of [...(spec.containers ?? []), ...(spec.initContainers ?? [])]) {
    const { limits } = container.resources ?? {};
    if (limits) container.resources.requests = { ...limits, ...container.resources.requests };
  }
}

function defaultContainer(container: Loose, hostNetwork: boolean): void {
  container.imagePullPolicy ||= tagOf(container.image ?? '') === 'latest' ? 'Always' : 'IfNotPresent';
  container.terminationMessagePath ||= '/dev/termination-log';
  container.terminationMessagePolicy ||= 'File';
  for (const port of container.ports ?? []) {
    port.protocol ||= 'TCP';
    if (hostNetwork) port.hostPort ||= port.containerPort;
  }
  for (const variable of container.env ?? []) {
    if (variable.valueFrom?.fieldRef) variable.valueFrom.fieldRef.apiVersion ||= 'v1';
    if (variable.valueFrom?.resourceFieldRef) variable.valueFrom.resourceFieldRef.divisor ??= '0';
    if (variable.valueFrom?.fileKeyRef) variable.valueFrom.fileKeyRef.optional ??= false;
  }
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) defaultProbe(container[name]);
  for (const name of ['postStart', 'preStop']) defaultHttpGet(container.lifecycle?.[name]?.httpGet);
}

function defaultProbe(probe: Loose): void {
  if (!probe) return;
  probe.timeoutSeconds ||= 1;
  probe.periodSeconds ||= 10;
  probe.successThreshold ||= 1;
  probe.failureThreshold ||= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc) probe.grpc.service ??= '';
}

function defaultHttpGet(action: Loose): void {
  if (!action) return;
  action.path ||= '/';
  action.scheme ||= 'HTTP';
}

const octal644 = 0o644;

function defaultVolume(volume: Loose): void {
  if (Object.keys(volume).every((key) => key === 'name')) volume.emptyDir = {};
  for (const source of ['secret', 'configMap', 'downwardAPI', 'projected'])
    if (volume[source]) volume[source].defaultMode ??= octal644;
  if (volume.hostPath) volume.hostPath.type ??= '';
  for (const item of volume.downwardAPI?.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
  for (const { serviceAccountToken, downwardAPI } of volume.projected?.sources ?? []) {
    if (serviceAccountToken) serviceAccountToken.expirationSeconds ??= 3600;
    for (const item of downwardAPI?.items ?? []) if (item.fieldRef) item.fieldRef.apiVersion ||= 'v1';
  }
  if (volume.iscsi) volume.iscsi.iscsiInterface ||= 'default';
  if (volume.rbd) {
    volume.rbd.pool ||= 'rbd';
    volume.rbd.user ||= 'admin';
    volume.rbd.keyring ||= '/etc/ceph/keyring';
  }
  if (volume.ephemeral?.volumeClaimTemplate?.spec)
    volume.ephemeral.volumeClaimTemplate.spec.volumeMode ||= 'Filesystem';
  if (volume.image)
    volume.image.pullPolicy ||= tagOf(volume.image.reference ?? '') === 'latest' ? 'Always' : 'IfNotPresent';
}

/** No tag and no digest means `latest`; a name that cannot be read has none. */
function tagOf(image: string): string {
  if (!/^[\w./:@-]+$/.test(image)) return '';
  const [reference = '', digest] = image.split('@');
  const tag = /:([\w][\w.-]*)$/.exec(reference)?.[1];
  return tag ?? (digest ? '' : 'latest');
}
