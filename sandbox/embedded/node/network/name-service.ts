import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { DnsReply } from './dns-records.ts';

/** ClusterIP of the Service kube-dns. The node itself answers there, as a DNS cache on each node does. */
export const dnsAddress = '10.96.0.10';

/** How policies know the name servers: by the labels that every cluster gives them. */
export const dnsPod: KubeObject = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'coredns', namespace: 'kube-system', labels: { 'k8s-app': 'kube-dns' } },
  spec: {
    containers: [
      {
        name: 'coredns',
        ports: [
          { name: 'dns', containerPort: 53, protocol: 'UDP' },
          { name: 'dns-tcp', containerPort: 53, protocol: 'TCP' },
        ],
      },
    ],
  },
};

/** How long, and how often, a pod waits for a name server. https://man7.org/linux/man-pages/man5/resolv.conf.5.html */
export function dnsPatience(pod: KubeObject | undefined): { seconds: number; attempts: number } {
  const options: Loose[] = pod?.spec?.dnsConfig?.options ?? [];
  const numberOf = (name: string, otherwise: number) =>
    Number(options.find((option) => option.name === name)?.value) || otherwise;
  return { seconds: numberOf('timeout', 5), attempts: numberOf('attempts', 2) };
}

export const unknownName: DnsReply = {
  status: 'NXDOMAIN',
  authoritative: false,
  answers: [],
  authority: [],
  additional: [],
};
