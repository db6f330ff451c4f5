import { expect, test } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { identityOf, resolvConf } from '../../../../../../sandbox/embedded/node/kubelet/pod-network.ts';

/** The judge of these tests is https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/#pod-s-dns-policy; its sentences are quoted. */

const conf = (spec: Loose) =>
  resolvConf(
    identityOf(
      { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'default' }, spec } as KubeObject,
      'cluster.local',
    ),
  );
const cluster =
  'search default.svc.cluster.local svc.cluster.local cluster.local\nnameserver 10.96.0.10\noptions ndots:5\n';
const machine = 'nameserver 10.99.0.1\n';

test('the policy says whom a pod asks', () => {
  expect(conf({ dnsPolicy: 'ClusterFirst' })).toBe(cluster);
  // "Default": "The Pod inherits the name resolution configuration from the node that the Pods run on."
  expect(conf({ dnsPolicy: 'Default' })).toBe(machine);
  // "For Pods running with hostNetwork, you should explicitly set its DNS policy to "ClusterFirstWithHostNet". Otherwise, Pods running with hostNetwork and "ClusterFirst" will fallback to the behavior of the "Default" policy."
  expect(conf({ dnsPolicy: 'ClusterFirst', hostNetwork: true })).toBe(machine);
  expect(conf({ dnsPolicy: 'ClusterFirstWithHostNet', hostNetwork: true })).toBe(cluster);
});

test('dnsConfig is merged: servers and searches without repetition, options by name', () => {
  // "nameservers: … The servers listed will be combined to the base nameservers generated from the specified DNS policy with duplicate addresses removed."
  const dnsConfig = {
    nameservers: ['192.0.2.1', '10.96.0.10'],
    searches: ['ns1.svc.cluster-domain.example', 'svc.cluster.local'],
    options: [{ name: 'ndots', value: '2' }, { name: 'edns0' }],
  };
  expect(conf({ dnsPolicy: 'None', dnsConfig })).toBe(
    'search ns1.svc.cluster-domain.example svc.cluster.local\nnameserver 192.0.2.1\nnameserver 10.96.0.10\noptions ndots:2 edns0\n',
  );
  expect(conf({ dnsConfig })).toBe(
    'search default.svc.cluster.local svc.cluster.local cluster.local ns1.svc.cluster-domain.example\nnameserver 10.96.0.10\nnameserver 192.0.2.1\noptions ndots:2 edns0\n',
  );
});
