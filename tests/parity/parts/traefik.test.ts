import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openTraefik } from '../../unit/sandbox/embedded/node/images/traefik/rig.ts';
import { run, startReal } from './traefik-real.ts';
import { behind, play } from './traefik-scenario.ts';

const record = join(import.meta.dirname, '../record/parts/traefik.txt');
/** Path of a real Traefik: with ATELIER_REAL_CLUSTER, a kubeconfig, it is asked and written down. */
const real = process.env.ATELIER_REAL_TRAEFIK;
const namespace = 'atelier-parity-traefik';

const flags = [
  '--providers.kubernetesingress=true',
  '--providers.kubernetesingress.ingressclass=traefik',
  '--providers.kubernetesingress.allowemptyservices=true',
  '--providers.kubernetescrd=true',
  '--providers.kubernetescrd.allowemptyservices=true',
];

test.runIf(real)('the real Traefik is written down', { timeout: 120_000 }, async () => {
  const kubectl = (words: string[], input?: string) => run('kubectl', ['-n', namespace, ...words], input);
  await run('kubectl', ['create', 'namespace', namespace]).catch(() => '');
  const traefik = await startReal(real!, [
    `--providers.kubernetesingress.namespaces=${namespace}`,
    `--providers.kubernetescrd.namespaces=${namespace}`,
    ...flags,
  ]);
  try {
    const text = await play({
      apply: async (manifest) => void (await kubectl(['apply', '--validate=false', '-f', '-'], manifest)),
      namespace,
      ports: traefik.ports,
      place: (_, port) => ({ address: process.env.ATELIER_REAL_ADDRESS ?? '10.99.0.1', port }),
      said: traefik.said,
    });
    writeFileSync(record, text);
  } finally {
    traefik.kill();
    await run('kubectl', ['delete', 'namespace', namespace, '--wait=false']);
  }
});

test.skipIf(real)('Traefik answers and complains as the real one', { timeout: 60_000 }, async () => {
  const rig = await openTraefik(flags, undefined, true);
  try {
    const text = await play({
      apply: (manifest) => rig.apply(manifest),
      namespace: 'default',
      ports: { web: rig.network.port('10.244.0.2', 8000), websecure: rig.network.port('10.244.0.2', 8443) },
      place: behind(rig),
      said: () => rig.out(),
    });
    if (process.env.ATELIER_SHOW) writeFileSync(process.env.ATELIER_SHOW, text);
    expect(text).toBe(readFileSync(record, 'utf8'));
  } finally {
    await rig.close();
  }
});
