import type { Loose } from '../../../../../../kubernetes/object.ts';
import {
  type Check,
  containerNames,
  containersOf,
  containersThat,
  type Finding,
  inUserNamespace,
  plural,
  quoted,
  type Subject,
  setters,
  sorted,
} from './check.ts';

/** https://kubernetes.io/docs/concepts/security/pod-security-standards/#baseline — by id, the order in which they are told. */
export const baseline: readonly Check[] = [
  { id: 'appArmorProfile', since: 0, run: appArmor },
  { id: 'capabilities_baseline', since: 0, run: capabilities },
  { id: 'hostNamespaces', since: 0, run: hostNamespaces },
  { id: 'hostPathVolumes', since: 0, run: hostPaths },
  { id: 'hostPorts', since: 0, run: hostPorts },
  { id: 'hostProbesAndHostLifecycle', since: 34, run: hostProbes },
  { id: 'privileged', since: 0, run: privileged },
  {
    id: 'procMount',
    since: 0,
    run: (subject, minor) => (minor >= 35 && inUserNamespace(subject) ? undefined : procMount(subject)),
  },
  { id: 'seLinuxOptions', since: 0, run: seLinux },
  {
    id: 'seccompProfile_baseline',
    since: 0,
    run: (subject, minor) => (minor < 19 ? seccompNotes(subject) : seccomp(subject)),
  },
  { id: 'sysctls', since: 0, run: sysctls },
  { id: 'windowsHostProcess', since: 0, run: hostProcess },
];

function appArmor(subject: Subject): Finding | undefined {
  const wrong = (security: Loose): string | undefined => {
    const type = security?.appArmorProfile?.type;
    return type === undefined || type === 'RuntimeDefault' || type === 'Localhost' ? undefined : type;
  };
  const pod = wrong(subject.spec.securityContext);
  const containers = containersThat(subject, (security) => wrong(security) !== undefined);
  const values = sorted(
    [pod, ...containersOf(subject).map(({ securityContext }) => wrong(securityContext))].filter(
      (one) => one !== undefined,
    ),
  );
  const notes = sorted(
    Object.entries(subject.annotations)
      .filter(
        ([key, value]) =>
          key.startsWith('container.apparmor.security.beta.kubernetes.io/') &&
          value !== '' &&
          value !== 'runtime/default' &&
          !value.startsWith('localhost/'),
      )
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`),
  );
  const who = [
    setters(pod !== undefined, containers),
    ...(notes.length > 0 ? [plural('annotation', 'annotations', notes.length)] : []),
  ]
    .filter(Boolean)
    .join(' and ');
  if (who === '') return undefined;
  const all = [...values, ...notes];
  return {
    reason: plural('forbidden AppArmor profile', 'forbidden AppArmor profiles', all.length),
    detail: `${who} must not set AppArmor profile type to ${all.map((one) => `"${one}"`).join(', ')}`,
  };
}

const usualCapabilities = new Set(
  'AUDIT_WRITE CHOWN DAC_OVERRIDE FOWNER FSETID KILL MKNOD NET_BIND_SERVICE SETFCAP SETGID SETPCAP SETUID SYS_CHROOT'.split(
    ' ',
  ),
);

function capabilities(subject: Subject): Finding | undefined {
  const wrong = (security: Loose): string[] =>
    (security?.capabilities?.add ?? []).filter((name: string) => !usualCapabilities.has(name));
  const containers = containersThat(subject, (security) => wrong(security).length > 0);
  if (containers.length === 0) return undefined;
  const names = sorted(containersOf(subject).flatMap(({ securityContext }) => wrong(securityContext)));
  return {
    reason: 'non-default capabilities',
    detail: `${containerNames(containers)} must not include ${quoted(names)} in securityContext.capabilities.add`,
  };
}

function hostNamespaces({ spec }: Subject): Finding | undefined {
  const shared = ['hostNetwork', 'hostPID', 'hostIPC'].filter((name) => spec[name] === true);
  if (shared.length === 0) return undefined;
  return { reason: 'host namespaces', detail: shared.map((name) => `${name}=true`).join(', ') };
}

function hostPaths({ spec }: Subject): Finding | undefined {
  const volumes = (spec.volumes ?? []).filter(({ hostPath }: Loose) => hostPath).map(({ name }: Loose) => name);
  if (volumes.length === 0) return undefined;
  return { reason: 'hostPath volumes', detail: `${plural('volume', 'volumes', volumes.length)} ${quoted(volumes)}` };
}

function hostPorts(subject: Subject): Finding | undefined {
  const portsOf = ({ ports = [] }: Loose): string[] =>
    ports.filter(({ hostPort }: Loose) => hostPort).map(({ hostPort }: Loose) => String(hostPort));
  const containers = containersThat(subject, (_, container) => portsOf(container).length > 0);
  if (containers.length === 0) return undefined;
  const ports = sorted(containersOf(subject).flatMap(portsOf));
  return {
    reason: 'hostPort',
    detail: `${containerNames(containers)} ${plural('uses', 'use', containers.length)} ${plural('hostPort', 'hostPorts', ports.length)} ${ports.join(', ')}`,
  };
}

function hostProbes(subject: Subject): Finding | undefined {
  const hostsOf = ({ livenessProbe, readinessProbe, startupProbe, lifecycle }: Loose): string[] =>
    [livenessProbe, readinessProbe, startupProbe, lifecycle?.postStart, lifecycle?.preStop]
      .flatMap((action) => [action?.httpGet?.host, action?.tcpSocket?.host])
      .filter(Boolean);
  const containers = sorted(containersThat(subject, (_, container) => hostsOf(container).length > 0));
  if (containers.length === 0) return undefined;
  const hosts = sorted(containersOf(subject).flatMap(hostsOf));
  return {
    reason: 'probe or lifecycle host',
    detail: `${containerNames(containers)} ${plural('uses', 'use', containers.length)} ${plural('probe or lifecycle host', 'probe or lifecycle hosts', hosts.length)} ${quoted(hosts)}`,
  };
}

function privileged(subject: Subject): Finding | undefined {
  const containers = containersThat(subject, (security) => security.privileged === true);
  if (containers.length === 0) return undefined;
  return { reason: 'privileged', detail: `${containerNames(containers)} must not set securityContext.privileged=true` };
}

export function procMount(subject: Subject): Finding | undefined {
  const wrong = (security: Loose): boolean => security?.procMount !== undefined && security.procMount !== 'Default';
  const containers = containersThat(subject, wrong);
  if (containers.length === 0) return undefined;
  const values = sorted(
    containersOf(subject)
      .filter(({ securityContext }) => wrong(securityContext))
      .map(({ securityContext }) => securityContext.procMount),
  );
  return {
    reason: 'procMount',
    detail: `${containerNames(containers)} must not set securityContext.procMount to ${quoted(values)}`,
  };
}

function seLinux(subject: Subject, minor: number): Finding | undefined {
  const allowed = [
    '',
    'container_t',
    'container_init_t',
    'container_kvm_t',
    ...(minor >= 31 ? ['container_engine_t'] : []),
  ];
  const optionsOf = (security: Loose): Loose => security?.seLinuxOptions ?? {};
  const wrong = (security: Loose): boolean => {
    const { type = '', user, role } = optionsOf(security);
    return !allowed.includes(type) || !!user || !!role;
  };
  const pod = wrong(subject.spec.securityContext);
  const containers = containersThat(subject, wrong);
  if (!pod && containers.length === 0) return undefined;
  const all = [subject.spec.securityContext, ...containersOf(subject).map((one) => one.securityContext)].map(optionsOf);
  const types = sorted(all.map(({ type = '' }) => type).filter((type) => !allowed.includes(type)));
  const faults = [
    ...(types.length > 0 ? [`${plural('type', 'types', types.length)} ${quoted(types)}`] : []),
    ...(all.some(({ user }) => user) ? ['user may not be set'] : []),
    ...(all.some(({ role }) => role) ? ['role may not be set'] : []),
  ];
  return {
    reason: 'seLinuxOptions',
    detail: `${setters(pod, containers)} set forbidden securityContext.seLinuxOptions: ${faults.join('; ')}`,
  };
}

/** Before 1.19 the profile stood in annotations. */
function seccompNotes(subject: Subject): Finding | undefined {
  const keys = [
    'seccomp.security.alpha.kubernetes.io/pod',
    ...containersOf(subject).map(({ name }) => `container.seccomp.security.alpha.kubernetes.io/${name}`),
  ];
  const wrong = sorted(
    keys
      .map((key) => [key, subject.annotations[key]] as const)
      .filter(([, value]) => value !== undefined && !/^(runtime\/default|docker\/default)$|^localhost\//.test(value))
      .map(([key, value]) => `${key}=${JSON.stringify(value)}`),
  );
  if (wrong.length === 0) return undefined;
  return {
    reason: 'seccompProfile',
    detail: `forbidden ${plural('annotation', 'annotations', wrong.length)} ${wrong.join(', ')}`,
  };
}

/** A profile that switches the filter off, told of whoever sets it. */
export function seccomp(subject: Subject): Finding | undefined {
  const wrong = (security: Loose): string | undefined => {
    const type = security?.seccompProfile?.type;
    return type === undefined || type === 'Localhost' || type === 'RuntimeDefault' ? undefined : type;
  };
  const pod = wrong(subject.spec.securityContext);
  const containers = containersThat(subject, (security) => wrong(security) !== undefined);
  if (pod === undefined && containers.length === 0) return undefined;
  const values = sorted(
    [pod, ...containersOf(subject).map(({ securityContext }) => wrong(securityContext))].filter(
      (one) => one !== undefined,
    ),
  );
  return {
    reason: 'seccompProfile',
    detail: `${setters(pod !== undefined, containers)} must not set securityContext.seccompProfile.type to ${quoted(values)}`,
  };
}

const safeSysctls: readonly [since: number, names: string[]][] = [
  [
    0,
    [
      'kernel.shm_rmid_forced',
      'net.ipv4.ip_local_port_range',
      'net.ipv4.tcp_syncookies',
      'net.ipv4.ping_group_range',
      'net.ipv4.ip_unprivileged_port_start',
    ],
  ],
  [27, ['net.ipv4.ip_local_reserved_ports']],
  [
    29,
    [
      'net.ipv4.tcp_keepalive_time',
      'net.ipv4.tcp_fin_timeout',
      'net.ipv4.tcp_keepalive_intvl',
      'net.ipv4.tcp_keepalive_probes',
    ],
  ],
  [32, ['net.ipv4.tcp_rmem', 'net.ipv4.tcp_wmem']],
];

function sysctls({ spec }: Subject, minor: number): Finding | undefined {
  const safe = new Set(safeSysctls.flatMap(([since, names]) => (since <= minor ? names : [])));
  const wrong = (spec.securityContext?.sysctls ?? [])
    .map(({ name }: Loose) => name)
    .filter((name: string) => !safe.has(name));
  if (wrong.length === 0) return undefined;
  return { reason: 'forbidden sysctls', detail: wrong.join(', ') };
}

function hostProcess(subject: Subject): Finding | undefined {
  const wrong = (security: Loose): boolean => security?.windowsOptions?.hostProcess === true;
  const who = setters(wrong(subject.spec.securityContext), containersThat(subject, wrong));
  if (who === '') return undefined;
  return { reason: 'hostProcess', detail: `${who} must not set securityContext.windowsOptions.hostProcess=true` };
}
