import { beforeEach, expect, test } from 'vitest';
import type { DnsReply, RecordType } from '../../../../../../sandbox/embedded/node/network/dns-records.ts';
import type { PodNetwork } from '../../../../../../sandbox/embedded/node/network/network.ts';
import { createRig, type NetworkRig, outcome, ready } from './rig.ts';

/**
 * The judges of these tests are https://github.com/kubernetes/dns/blob/master/docs/specification.md and
 * https://kubernetes.io/docs/concepts/services-networking/dns-pod-service/; their sentences are quoted.
 */

let rig: NetworkRig;
let pod: PodNetwork;
beforeEach(async () => {
  rig = createRig();
  pod = await rig.pod('client', '10.244.0.9');
  const ports = [
    { name: 'https', port: 443, protocol: 'TCP' },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ];
  rig.service('web', { clusterIP: '10.3.0.1', ports });
  rig.service('db', { clusterIP: 'None', ports: ports.slice(0, 1) });
  rig.endpoints(
    'db',
    [{ name: 'https', port: 8443, protocol: 'TCP' }],
    [
      ready('10.3.0.100', { hostname: 'db-0' }),
      ready('10.3.0.101'),
      { addresses: ['10.3.0.102'], conditions: { ready: false } },
    ],
  );
});

const ask = (name: string, type: RecordType): Promise<DnsReply> => pod.query(name, type);
const lines = async (name: string, type: RecordType) => {
  const { status, answers } = await ask(name, type);
  return answers.length
    ? answers.map((answer) => `${answer.name} ${answer.ttl} ${answer.type} ${answer.data}`)
    : status;
};

test('a Service with a ClusterIP: A, empty AAAA, SRV for each named port, PTR', async () => {
  // "Any DNS-based service discovery solution for Kubernetes must provide the resource records (RRs) described below to be
  // considered compliant with this specification."
  const name = 'web.default.svc.cluster.local';
  expect(await lines(name, 'A')).toEqual([`${name} 30 A 10.3.0.1`]);
  const empty = await ask(name, 'AAAA');
  expect(empty).toMatchObject({ status: 'NOERROR', answers: [], authoritative: true });
  expect(empty.authority[0]?.type).toBe('SOA');
  // "_<port>._<proto>.<service>.<ns>.svc.<zone>. <ttl> IN SRV <weight> <priority> <port-number> <service>.<ns>.svc.<zone>."
  const port = `_https._tcp.${name}`;
  expect(await lines(port, 'SRV')).toEqual([`${port} 30 SRV 0 100 443 ${name}.`]);
  expect((await ask(port, 'SRV')).additional).toEqual([{ name, type: 'A', ttl: 30, data: '10.3.0.1' }]);
  expect(await lines(`_dns._udp.${name}`, 'SRV')).toEqual([`_dns._udp.${name} 30 SRV 0 100 53 ${name}.`]);
  // "Unnamed ports do not have an SRV record."
  expect(await lines(`_https._udp.${name}`, 'SRV')).toBe('NXDOMAIN');
  expect(await lines('1.0.3.10.in-addr.arpa', 'PTR')).toEqual([`1.0.3.10.in-addr.arpa 30 PTR ${name}.`]);
});

test('a headless Service: the ready endpoints, each by its own name as well', async () => {
  // "There must be an A record for each ready endpoint of the headless Service"
  const name = 'db.default.svc.cluster.local';
  expect(await lines(name, 'A')).toEqual([`${name} 30 A 10.3.0.100`, `${name} 30 A 10.3.0.101`]);
  expect(await lines(`db-0.${name}`, 'A')).toEqual([`db-0.${name} 30 A 10.3.0.100`]);
  expect(await lines(`10-3-0-101.${name}`, 'A')).toEqual([`10-3-0-101.${name} 30 A 10.3.0.101`]);
  expect(await lines(`db-9.${name}`, 'A')).toBe('NXDOMAIN');
  const port = `_https._tcp.${name}`;
  expect(await lines(port, 'SRV')).toEqual([
    `${port} 30 SRV 0 50 8443 db-0.${name}.`,
    `${port} 30 SRV 0 50 8443 10-3-0-101.${name}.`,
  ]);
  expect(await lines('100.0.3.10.in-addr.arpa', 'PTR')).toEqual([`100.0.3.10.in-addr.arpa 30 PTR db-0.${name}.`]);
  rig.endpoints('db', [], []);
  expect(await lines(name, 'A')).toBe('NXDOMAIN');
});

test('an ExternalName is a CNAME, followed inside the zone', async () => {
  // "There must be exactly one CNAME record for the Service's name"
  rig.service('far', { type: 'ExternalName', externalName: 'example.org', ports: [] });
  rig.service('near', { type: 'ExternalName', externalName: 'web.default.svc.cluster.local', ports: [] });
  const [far, near, web] = ['far', 'near', 'web'].map((name) => `${name}.default.svc.cluster.local`);
  expect(await lines(far!, 'A')).toEqual([`${far} 30 CNAME example.org.`]);
  expect(await lines(near!, 'A')).toEqual([`${near} 30 CNAME ${web}.`, `${web} 30 A 10.3.0.1`]);
  expect(await pod.resolve('near')).toEqual({ name: web, addresses: ['10.3.0.1'] });
  expect(await outcome(pod.resolve('far'))).toBe('ENOTFOUND');
});

test('the zone itself, its version, its name server, pods by address, and what is not there', async () => {
  // "This document describes version 1.1.0 of the schema."
  expect(await lines('dns-version.cluster.local', 'TXT')).toEqual(['dns-version.cluster.local 30 TXT "1.1.0"']);
  expect(await lines('cluster.local', 'NS')).toEqual(['cluster.local 30 NS ns.dns.cluster.local.']);
  expect(await lines('ns.dns.cluster.local', 'A')).toEqual(['ns.dns.cluster.local 30 A 10.96.0.10']);
  const own = '10-244-0-9.default.pod.cluster.local';
  expect(await lines(own, 'A')).toEqual([`${own} 30 A 10.244.0.9`]);
  expect(await lines('svc.cluster.local', 'A')).toBe('NOERROR');
  expect(await lines('nobody.default.svc.cluster.local', 'A')).toBe('NXDOMAIN');
  expect(await ask('example.org', 'A')).toMatchObject({ status: 'NXDOMAIN', authoritative: false });
});

test('short names are those of the pod’s own namespace', async () => {
  // "By default, a client Pod's DNS search list includes the Pod's own namespace and the cluster's default domain."
  rig.service('data', { clusterIP: '10.3.0.7' }, 'prod');
  const own = await rig.pod('own', '10.244.0.10', { namespace: 'test' });
  // "A query for data returns no results, because it uses the Pod's test namespace."
  expect(await outcome(own.resolve('data'))).toBe('ENOTFOUND');
  // "A query for data.prod returns the intended result, because it specifies the namespace."
  expect(await own.resolve('data.prod')).toEqual({ name: 'data.prod.svc.cluster.local', addresses: ['10.3.0.7'] });
  // "For example, a query for just data may be expanded to data.test.svc.cluster.local."
  rig.service('data', { clusterIP: '10.3.0.8' }, 'test');
  expect(await own.resolve('data')).toEqual({ name: 'data.test.svc.cluster.local', addresses: ['10.3.0.8'] });
});

test('another name server than the cluster’s does not answer', async () => {
  const result = outcome(pod.query('web.default.svc.cluster.local', 'A', '8.8.8.8'));
  await new Promise(setImmediate);
  rig.clock.skip(10_000);
  expect(await result).toBe('ETIMEDOUT');
});
