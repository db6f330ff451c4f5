import type { Loose } from '../../../../kubernetes/object.ts';

const oldNodeLabels: Record<string, string> = {
  'beta.kubernetes.io/arch': 'kubernetes.io/arch',
  'beta.kubernetes.io/os': 'kubernetes.io/os',
  'failure-domain.beta.kubernetes.io/region': 'topology.kubernetes.io/region',
  'failure-domain.beta.kubernetes.io/zone': 'topology.kubernetes.io/zone',
  'beta.kubernetes.io/instance-type': 'node.kubernetes.io/instance-type',
};
const since = (label: string): string => (/os$|arch$/.test(label) ? 'v1.14' : 'v1.17');

/** What clients are warned of. `prefix` ends in a dot, or is empty for a pod. */
export function podTemplateWarnings(template: Loose, prefix: string): string[] {
  const spec = template?.spec ?? {};
  const path = `${prefix}spec`;
  const warnings: string[] = [];
  for (const label of Object.keys(spec.nodeSelector ?? {})) {
    const better = oldNodeLabels[label];
    if (better)
      warnings.push(`${path}.nodeSelector[${label}]: deprecated since ${since(label)}; use "${better}" instead`);
  }
  for (const [index, { name }] of (spec.imagePullSecrets ?? []).entries())
    if (!name) warnings.push(`${path}.imagePullSecrets[${index}].name: invalid empty name ""`);
  const profiles = 'container.apparmor.security.beta.kubernetes.io/';
  for (const key of Object.keys(template?.metadata?.annotations ?? {}).filter((one) => one.startsWith(profiles)))
    warnings.push(
      `${prefix}metadata.annotations[${key}]: deprecated since v1.30; use the "appArmorProfile" field instead`,
    );
  for (const list of ['initContainers', 'containers'])
    for (const [index, container] of (spec[list] ?? []).entries())
      warnings.push(...containerWarnings(`${path}.${list}[${index}]`, container));
  warnings.push(...portWarnings(path, spec));
  if (spec.terminationGracePeriodSeconds < 0) {
    const sentence = 'must be >= 0; negative values are invalid and will be treated as 1';
    warnings.push(`${path}.terminationGracePeriodSeconds: ${sentence}`);
  }
  return warnings;
}

function containerWarnings(path: string, container: Loose): string[] {
  const warnings: string[] = [];
  for (const kind of ['limits', 'requests']) {
    for (const name of ['memory', 'ephemeral-storage']) {
      const value = container.resources?.[kind]?.[name];
      if (value !== undefined && /[mun]$/.test(value)) {
        const sentence = `fractional byte value ${JSON.stringify(value)} is invalid, must be an integer`;
        warnings.push(`${path}.resources.${kind}[${name}]: ${sentence}`);
      }
    }
  }
  const seen = new Map<string, Loose>();
  for (const [index, variable] of (container.env ?? []).entries()) {
    const before = seen.get(variable.name);
    if (before && !variable.value?.includes(`$(${variable.name})`)) {
      const sentence = `hides previous definition of ${JSON.stringify(variable.name)}, which may be dropped when using apply`;
      warnings.push(`${path}.env[${index}]: ${sentence}`);
    }
    seen.set(variable.name, variable);
  }
  return warnings;
}

function portWarnings(path: string, spec: Loose): string[] {
  const warnings: string[] = [];
  for (const [index, container] of (spec.containers ?? []).entries()) {
    const seen = new Map<string, string>();
    for (const [place, { containerPort, protocol, hostPort = 0, hostIP = '' }] of (container.ports ?? []).entries()) {
      const at = `${path}.containers[${index}].ports[${place}]`;
      const key = `${containerPort}/${protocol}/${hostIP}/${hostPort}`;
      const other = seen.get(key);
      if (other) warnings.push(`${at}: duplicate port definition with ${other}`);
      else seen.set(key, at);
    }
  }
  return warnings;
}
