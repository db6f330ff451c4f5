import type { KubeObject } from '../../../../../kubernetes/object.ts';

const name = 'kube-dns';
const namespace = 'kube-system';
const labels = {
  'k8s-app': 'kube-dns',
  'kubernetes.io/cluster-service': 'true',
  'kubernetes.io/name': 'CoreDNS',
};
/** The node answers, as a DNS cache on each node does: there are no pods to see. */
const endpoint = '10.99.0.1';

const corefile = `# Shown as other clusters have it. Here the nodes answer by themselves, and a change has no effect.
.:53 {
    errors
    health {
       lameduck 5s
    }
    ready
    kubernetes cluster.local in-addr.arpa ip6.arpa {
       pods insecure
       fallthrough in-addr.arpa ip6.arpa
       ttl 30
    }
    prometheus :9153
    cache 30 {
       disable success cluster.local
       disable denial cluster.local
    }
    loop
    reload
    loadbalance
}
`;

/** The cluster's DNS as its users look for it. https://kubernetes.io/docs/tasks/administer-cluster/dns-custom-nameservers/ */
export function* nameService(): Generator<[string, KubeObject]> {
  const ports = [
    { name: 'dns', port: 53, protocol: 'UDP' },
    { name: 'dns-tcp', port: 53, protocol: 'TCP' },
  ];
  yield [
    '/services',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels },
      spec: {
        clusterIP: '10.96.0.10',
        clusterIPs: ['10.96.0.10'],
        internalTrafficPolicy: 'Cluster',
        ipFamilies: ['IPv4'],
        ipFamilyPolicy: 'SingleStack',
        ports: ports.map((port) => ({ ...port, targetPort: port.port })),
        sessionAffinity: 'None',
        type: 'ClusterIP',
      },
      status: { loadBalancer: {} },
    },
  ];
  yield [
    'discovery.k8s.io/endpointslices',
    {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: { name, namespace, labels: { 'kubernetes.io/service-name': name }, generation: 1 },
      addressType: 'IPv4',
      endpoints: [{ addresses: [endpoint], conditions: { ready: true } }],
      ports,
    },
  ];
  yield [
    '/endpoints',
    {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: { name, namespace, labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
      subsets: [{ addresses: [{ ip: endpoint }], ports }],
    },
  ];
  yield [
    '/configmaps',
    {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'coredns', namespace },
      data: { Corefile: corefile },
    },
  ];
}
