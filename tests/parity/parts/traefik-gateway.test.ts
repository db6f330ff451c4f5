import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makeDefaultCertificate } from '../../../sandbox/embedded/node/images/traefik/server/default-certificate.ts';
import { gatewayDefinitions, openTraefik } from '../../unit/sandbox/embedded/node/images/traefik/rig.ts';
import { playGateway } from './traefik-gateway-scenario.ts';
import { run, startReal } from './traefik-real.ts';
import { behind } from './traefik-scenario.ts';

const record = join(import.meta.dirname, '../record/parts/traefik-gateway.txt');
/** As in traefik.test.ts: a real Traefik, and in ATELIER_REAL_CLUSTER a cluster, to be written down. */
const real = process.env.ATELIER_REAL_TRAEFIK;
const namespace = 'atelier-parity-gateway';
const other = `${namespace}-other`;
const label = 'routes=welcome';

const flagsOf = (namespaces: string): string[] => [
  '--providers.kubernetescrd=true',
  `--providers.kubernetescrd.namespaces=${namespaces}`,
  '--providers.kubernetesgateway=true',
  `--providers.kubernetesgateway.namespaces=${namespaces}`,
  '--providers.kubernetesgateway.statusaddress.ip=192.0.2.9',
  '--ping=true',
];

async function certificate(): Promise<{ cert: string; key: string }> {
  const { cert, key } = await makeDefaultCertificate(new Date());
  return { cert: btoa(cert), key: btoa(key) };
}

test.runIf(real)('the Gateway API of the real Traefik is written down', { timeout: 120_000 }, async () => {
  const kubectl = (words: string[], input?: string) => run('kubectl', words, input);
  for (const one of [namespace, other]) await kubectl(['create', 'namespace', one]);
  await kubectl(['label', 'namespace', other, label]);
  await kubectl(['apply', '--server-side', '-f', '-'], gatewayDefinitions());
  await kubectl(['wait', '--for=condition=Established', '--timeout=30s', '-f', '-'], gatewayDefinitions());
  const traefik = await startReal(real!, flagsOf(`${namespace},${other}`));
  try {
    const text = await playGateway({
      apply: async (manifest) => {
        const own = /namespace: atelier|kind: GatewayClass/.test(manifest.split('spec:')[0]!) ? [] : ['-n', namespace];
        await kubectl([...own, 'apply', '--validate=false', '-f', '-'], manifest);
      },
      namespace,
      other,
      ports: traefik.ports,
      listening: traefik.ports,
      place: (_, port) => ({ address: process.env.ATELIER_REAL_ADDRESS ?? '10.99.0.1', port }),
      said: traefik.said,
      status: async (resource, name, within) => {
        const words = ['get', `${resource}.gateway.networking.k8s.io`, name, ...(within ? ['-n', within] : [])];
        return JSON.parse(await kubectl([...words, '-o', 'json'])).status ?? null;
      },
      quiet: 1000,
      certificate: await certificate(),
    });
    writeFileSync(record, text);
  } finally {
    traefik.kill();
    await kubectl(['delete', '--wait=false', 'gatewayclass', 'atelier-parity', 'atelier-parity-theirs']);
    await kubectl(['delete', 'namespace', namespace, other]);
    await kubectl(['delete', '-f', '-'], gatewayDefinitions());
  }
});

test.skipIf(real)('Traefik plays the Gateway API as the real one', { timeout: 60_000 }, async () => {
  const there = `${gatewayDefinitions()}---\n{apiVersion: v1, kind: Namespace, metadata: {name: abroad, labels: {routes: welcome}}}`;
  const rig = await openTraefik(flagsOf('default,abroad'), undefined, true, there);
  try {
    const text = await playGateway({
      apply: (manifest) => rig.apply(manifest),
      namespace: 'default',
      other: 'abroad',
      ports: { web: rig.network.port('10.244.0.2', 8000), websecure: rig.network.port('10.244.0.2', 8443) },
      listening: { web: 8000, websecure: 8443 },
      place: behind(rig),
      said: () => rig.out(),
      status: async (resource, name, within) => {
        const gvr = { group: 'gateway.networking.k8s.io', version: 'v1', resource };
        return (await rig.client.get(gvr, name, within)).status ?? null;
      },
      quiet: 50,
      certificate: await certificate(),
    });
    if (process.env.ATELIER_SHOW) writeFileSync(process.env.ATELIER_SHOW, text);
    expect(text).toBe(readFileSync(record, 'utf8'));
  } finally {
    await rig.close();
  }
});
