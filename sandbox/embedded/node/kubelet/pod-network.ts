import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { dnsAddress } from '../network/name-service.ts';

/** How a pod calls itself and where it asks for names. */
export interface PodIdentity {
  hostname: string;
  fqdn?: string;
  /** Names of /etc/hosts with their addresses. */
  hosts: Record<string, string>;
  search: string[];
  dots: number;
  nameservers: string[];
  /** The last line of resolv.conf: `ndots:5`. */
  options: string[];
}

/** What the nodes themselves ask; it knows nothing of the cluster. */
const machineResolver = '10.99.0.1';

/** https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/ */
export function identityOf(pod: KubeObject, clusterDomain: string): PodIdentity {
  const { spec } = pod;
  const namespace = pod.metadata.namespace!;
  // On the node's own network a pod has the node's name.
  const own = (spec.hostNetwork && spec.nodeName) || pod.metadata.name;
  const hostname = (spec.hostname || own).slice(0, 63).replace(/[-.]+$/, '');
  const hosts: Record<string, string> = {};
  for (const alias of spec.hostAliases ?? []) for (const name of alias.hostnames ?? []) hosts[name] = alias.ip;
  const config = spec.dnsConfig ?? {};
  const policy = policyOf(spec);
  const search =
    policy === 'ClusterFirst' ? [`${namespace}.svc.${clusterDomain}`, `svc.${clusterDomain}`, clusterDomain] : [];
  const servers = { ClusterFirst: [dnsAddress], Default: [machineResolver], None: [] }[policy];
  const options = new Map<string, string>(policy === 'ClusterFirst' ? [['ndots', 'ndots:5']] : []);
  for (const { name, value } of config.options ?? [])
    options.set(name, value === undefined ? name : `${name}:${value}`);
  const identity: PodIdentity = {
    hostname,
    hosts,
    search: [...new Set<string>([...search, ...(config.searches ?? [])])],
    dots: Number(options.get('ndots')?.split(':')[1] ?? 1),
    nameservers: [...new Set<string>([...servers, ...(config.nameservers ?? [])])],
    options: [...options.values()],
  };
  if (spec.subdomain) identity.fqdn = `${hostname}.${spec.subdomain}.${namespace}.svc.${clusterDomain}`;
  return identity;
}

/** Pods on the node's network ask as the node does, unless they say otherwise. https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy */
function policyOf({ dnsPolicy = 'ClusterFirst', hostNetwork }: Loose): 'ClusterFirst' | 'Default' | 'None' {
  if (dnsPolicy === 'None' || dnsPolicy === 'Default') return dnsPolicy;
  return dnsPolicy === 'ClusterFirst' && hostNetwork ? 'Default' : 'ClusterFirst';
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
  if (identity.options.length) lines.push(`options ${identity.options.join(' ')}`);
  return `${lines.join('\n')}\n`;
}
