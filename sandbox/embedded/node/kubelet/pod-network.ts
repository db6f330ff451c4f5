import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';

/** How a pod calls itself and where it asks for names. */
export interface PodIdentity {
  hostname: string;
  fqdn?: string;
  /** Names of /etc/hosts with their addresses. */
  hosts: Record<string, string>;
  search: string[];
  dots: number;
  nameservers: string[];
}

/** https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ */
export function identityOf(pod: KubeObject, clusterDomain: string): PodIdentity {
  const { spec } = pod;
  const namespace = pod.metadata.namespace!;
  const hostname = (spec.hostname || pod.metadata.name!).slice(0, 63).replace(/[-.]+$/, '');
  const hosts: Record<string, string> = {};
  for (const alias of spec.hostAliases ?? []) for (const name of alias.hostnames ?? []) hosts[name] = alias.ip;
  const config = spec.dnsConfig ?? {};
  const own = spec.dnsPolicy === 'None' || spec.dnsPolicy === 'Default';
  const search = own ? [] : [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain];
  const dots = (config.options ?? []).find((option: Loose) => option.name === 'ndots')?.value;
  const identity: PodIdentity = {
    hostname,
    hosts,
    search: [...new Set([...search, ...(config.searches ?? [])])],
    dots: Number(dots ?? (own ? 1 : 5)),
    nameservers: [...(spec.dnsPolicy === 'None' ? [] : ['10.96.0.10']), ...(config.nameservers ?? [])],
  };
  if (spec.subdomain) identity.fqdn = `${hostname}.${spec.subdomain}.${namespace}.svc.${clusterDomain}`;
  return identity;
}

export function hostsFile(pod: KubeObject, identity: PodIdentity, ip: string): string {
  const lines = [
    '# Kubernetes-managed hosts file.',
    '127.0.0.1\tlocalhost',
    '::1\tlocalhost ip6-localhost ip6-loopback',
    'fe00::0\tip6-localnet',
    'fe00::0\tip6-mcastprefix',
    'fe00::1\tip6-allnodes',
    'fe00::2\tip6-allrouters',
    `${ip}\t${identity.fqdn ? `${identity.fqdn}\t` : ''}${identity.hostname}`,
  ];
  const aliases = pod.spec.hostAliases ?? [];
  if (aliases.length) {
    lines.push('', '# Entries added by HostAliases.');
    for (const alias of aliases) lines.push(`${alias.ip}\t${(alias.hostnames ?? []).join('\t')}`);
  }
  return `${lines.join('\n')}\n`;
}

export function resolvConf(identity: PodIdentity): string {
  const lines = [];
  if (identity.search.length) lines.push(`search ${identity.search.join(' ')}`);
  for (const server of identity.nameservers) lines.push(`nameserver ${server}`);
  lines.push(`options ndots:${identity.dots}`);
  return `${lines.join('\n')}\n`;
}
