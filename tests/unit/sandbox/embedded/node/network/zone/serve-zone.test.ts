import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createClock } from '../../../../../../../sandbox/embedded/clock.ts';
import type { PodNetwork } from '../../../../../../../sandbox/embedded/node/network/network.ts';
import { serveZone, type ZoneService } from '../../../../../../../sandbox/embedded/node/network/zone/serve-zone.ts';
import { createZone, type Zone } from '../../../../../../../sandbox/embedded/node/network/zone/zone.ts';
import { createRig, type NetworkRig, outcome } from '../rig.ts';

interface Side {
  zone: Zone;
  rig: NetworkRig;
  service: ZoneService;
  pod: PodNetwork;
}

const folder = mkdtempSync(join(tmpdir(), 'atelier-served-'));
let learner: Side;
let neighbour: Side;

async function side(name: string): Promise<Side> {
  const zone = createZone({ domain: `${name}.localhost`, file: join(folder, `${name}.json`), clock: createClock() });
  const rig = createRig({ zone });
  const service = await serveZone({ zone, network: rig.network });
  return { zone, rig, service, pod: await rig.pod('client', '10.244.0.9') };
}

beforeAll(async () => {
  learner = await side('learner');
  neighbour = await side('neighbour');
});
afterAll(async () => {
  await Promise.all([learner.service.close(), neighbour.service.close()]);
  rmSync(folder, { recursive: true, force: true });
});

async function call(pod: PodNetwork, method: string, path: string, body?: unknown) {
  const socket = await pod.connect('zone.atelier.internal', 80);
  return new Promise<{ status: number; type: string; body: string }>((resolve, reject) => {
    const outgoing = request(
      { createConnection: () => socket as never, method, path, headers: { host: 'zone.atelier.internal' } },
      async (response) => {
        const { statusCode: status = 0, headers } = response;
        resolve({ status, type: headers['content-type'] ?? '', body: await text(response) });
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

const webhook = 'application/external.dns.webhook+json;version=1';
const endpoint = (dnsName: string, target: string, recordType = 'A') => ({ dnsName, recordType, targets: [target] });

describe('the provider API', () => {
  test('negotiates, adjusts, changes and lists, as a webhook provider of external-dns does', async () => {
    const { pod } = learner;
    expect(await call(pod, 'GET', '/')).toEqual({
      status: 200,
      type: webhook,
      body: '{"include":["learner.localhost"]}\n',
    });
    const wanted = { ...endpoint('jupyter.learner.localhost', '127.64.0.1'), recordTTL: 60, labels: { owner: 'x' } };
    expect(JSON.parse((await call(pod, 'POST', '/adjustendpoints', [wanted])).body)).toEqual([wanted]);
    expect(await call(pod, 'POST', '/records', { create: [wanted] })).toMatchObject({ status: 204, body: '' });
    expect(JSON.parse((await call(pod, 'GET', '/records')).body)).toEqual([wanted]);
    await call(pod, 'POST', '/records', {
      updateOld: [wanted],
      updateNew: [endpoint('jupyter.learner.localhost', '127.64.0.2')],
    });
    expect(learner.zone.lookup('jupyter.learner.localhost', 'A').answers[0]?.data).toBe('127.64.0.2');
    await call(pod, 'POST', '/records', { delete: [endpoint('jupyter.learner.localhost', '127.64.0.2')] });
    expect(learner.zone.list()).toEqual([]);
  });

  test('refuses what is no change, and what no zone can hold', async () => {
    const { pod } = learner;
    expect(await call(pod, 'POST', '/records', '{"create":')).toMatchObject({ status: 400 });
    expect(await call(pod, 'POST', '/records', { create: 5 })).toMatchObject({ status: 400 });
    expect(await call(pod, 'POST', '/records', { create: [endpoint('a.learner.localhost', 'b')] })).toMatchObject({
      status: 500,
      body: 'A record a.learner.localhost: "b" is no IPv4 address\n',
    });
    expect(await call(pod, 'PUT', '/records')).toMatchObject({ status: 405 });
    expect(await call(pod, 'GET', '/other')).toMatchObject({ status: 404 });
  });
});

describe('names of other zones', () => {
  test('are left out, as providers do; what external-dns writes of the apex is kept and never served', async () => {
    const { pod, zone } = learner;
    const create = [
      endpoint('a.example.org', '1.2.3.4'),
      endpoint('learner.localhost', '1.2.3.4'),
      endpoint('a-learner.localhost', '"heritage=external-dns,external-dns/owner=me"', 'TXT'),
    ];
    expect(await call(pod, 'POST', '/records', { create })).toMatchObject({ status: 204 });
    expect(zone.list().map(({ name }) => name)).toEqual(['a-learner.localhost', 'learner.localhost']);
    expect(zone.lookup('a-learner.localhost', 'TXT').status).toBe('REFUSED');
    zone.change({ delete: zone.list() });
  });
});

describe('names in the cluster', () => {
  test('a pod finds the zone through its search list, at every name server it knows', async () => {
    const { zone, pod } = learner;
    zone.change({ create: [{ name: '*.learner.localhost', type: 'A', targets: ['127.64.0.1'] }] });
    expect(await pod.resolve('jupyter.learner.localhost')).toEqual({
      name: 'jupyter.learner.localhost',
      addresses: ['127.64.0.1'],
    });
    expect((await pod.query('a.learner.localhost', 'A')).answers).toHaveLength(1);
    expect((await pod.query('a.learner.localhost', 'A', '10.99.2.1')).answers).toHaveLength(1);
    expect((await pod.query('kubernetes.default.svc.cluster.local', 'A', '10.99.2.1')).status).toBe('REFUSED');
    expect((await pod.query('nothing.example.org', 'A')).status).toBe('NXDOMAIN');
    zone.change({ delete: zone.list() });
    expect(await outcome(pod.resolve('jupyter.learner.localhost'))).toBe('ENOTFOUND');
  });

  test('aliases lead from the zone to Services, and back', async () => {
    const { zone, rig, pod } = learner;
    rig.service('web', { clusterIP: '10.96.0.77' });
    rig.service('away', { type: 'ExternalName', externalName: 'app.learner.localhost' });
    zone.change({
      create: [{ name: 'app.learner.localhost', type: 'CNAME', targets: ['web.default.svc.cluster.local'] }],
    });
    expect((await pod.resolve('app.learner.localhost')).addresses).toEqual(['10.96.0.77']);
    expect((await pod.resolve('away')).addresses).toEqual(['10.96.0.77']);
    rig.service('web', { type: 'ExternalName', externalName: 'app.learner.localhost' });
    expect(await outcome(pod.resolve('away'))).toBe('ENOTFOUND');
    zone.change({ delete: zone.list() });
  });

  test('a zone that cannot be asked is SERVFAIL, and no "no such name"', async () => {
    const rig = createRig({
      zone: {
        domain: 'learner.localhost',
        lookup() {
          throw new Error('down');
        },
      },
    });
    const pod = await rig.pod('client', '10.244.0.9');
    expect((await pod.query('a.learner.localhost', 'A')).status).toBe('SERVFAIL');
    expect(await outcome(pod.resolve('a.learner.localhost'))).toBe('EAI_AGAIN');
    expect((await pod.query('kubernetes.default.svc.cluster.local', 'A')).status).toBe('NXDOMAIN');
  });

  test('a name may lead to whoever asks', async () => {
    const { zone, rig } = learner;
    const pod = await rig.pod('self', '10.244.0.10', { listens: [8080] });
    zone.change({ create: [{ name: 'me.learner.localhost', type: 'A', targets: ['127.0.0.1'] }] });
    expect(await text(await pod.connect('me.learner.localhost', 8080))).toBe('self');
    zone.change({ delete: zone.list() });
  });

  test('zones of one process pair never mix', async () => {
    await call(neighbour.pod, 'POST', '/records', { create: [endpoint('a.neighbour.localhost', '10.0.0.1')] });
    await call(learner.pod, 'POST', '/records', { create: [endpoint('a.learner.localhost', '10.0.0.2')] });
    expect(learner.zone.list().map(({ name }) => name)).toEqual(['a.learner.localhost']);
    expect((await learner.pod.resolve('a.learner.localhost')).addresses).toEqual(['10.0.0.2']);
    expect(await outcome(learner.pod.resolve('a.neighbour.localhost'))).toBe('ENOTFOUND');
    expect(await outcome(neighbour.pod.resolve('a.learner.localhost'))).toBe('ENOTFOUND');
    await call(learner.pod, 'POST', '/records', { create: [endpoint('b.neighbour.localhost', '1.2.3.4')] });
    expect(neighbour.zone.list()).toHaveLength(1);
    expect(learner.zone.list()).toHaveLength(1);
  });
});
