import { dns1123Subdomain } from '../../kubernetes/names.ts';

/** Names that lead elsewhere already: the machine, the cluster's own names, names of Atelier inside clusters. */
const taken = ['cluster.local', 'internal', 'svc'];

/** Why a name cannot be the domain of a cluster's hosts, as one sentence; undefined where it can. */
export function domainFault(domain: string): string | undefined {
  const like = 'give one such as learner.localhost';
  // Hosts of 63 bytes and a challenge's label have to fit in front.
  if (
    domain.length > 170 ||
    dns1123Subdomain(domain).length > 0 ||
    domain.split('.').some((label) => label.length > 63)
  )
    return `--domain ${domain} is no domain of lower-case letters, digits, "-" and ".": ${like}`;
  if (/(^|\.)\d+$/.test(domain)) return `--domain ${domain} is an address, not a domain: ${like}`;
  if (domain === 'localhost') return `--domain localhost is this machine itself: ${like}`;
  const other = taken.find((name) => domain === name || domain.endsWith(`.${name}`));
  return other && `--domain ${domain} is below ${other}, which leads elsewhere in clusters: ${like}`;
}

/** Whether a host is the domain itself or below it; both in lower case, without a dot at the end. */
export function isBelow(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}
