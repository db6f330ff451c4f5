import { execFile, spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { outward } from '../../../sandbox/embedded/node/network/network.ts';
import { openTraefik } from '../../unit/sandbox/embedded/node/images/traefik/rig.ts';
import { play } from './traefik-scenario.ts';

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

const env = { ...process.env, KUBECONFIG: process.env.ATELIER_REAL_CLUSTER };

function run(command: string, words: string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, words, { env }, (error, out, complaint) =>
      error ? reject(new Error(complaint)) : resolve(out),
    );
    child.stdin?.end(input);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

test.runIf(real)('the real Traefik is written down', { timeout: 120_000 }, async () => {
  const ports = { web: await freePort(), websecure: await freePort() };
  const kubectl = (words: string[], input?: string) => run('kubectl', ['-n', namespace, ...words], input);
  await run('kubectl', ['create', 'namespace', namespace]).catch(() => '');
  const traefik = spawn(
    real!,
    [
      `--entrypoints.web.address=127.0.0.1:${ports.web}`,
      `--entrypoints.websecure.address=127.0.0.1:${ports.websecure}`,
      '--entrypoints.websecure.http.tls=true',
      '--global.checknewversion=false',
      '--log.level=INFO',
      '--log.nocolor=true',
      '--accesslog=true',
      '--providers.providersthrottleduration=100ms',
      `--providers.kubernetesingress.namespaces=${namespace}`,
      `--providers.kubernetescrd.namespaces=${namespace}`,
      ...flags,
    ],
    { env },
  );
  let said = '';
  traefik.stdout.on('data', (chunk) => {
    said += chunk;
  });
  traefik.stderr.on('data', (chunk) => {
    said += chunk;
  });
  try {
    const text = await play({
      apply: async (manifest) => void (await kubectl(['apply', '--validate=false', '-f', '-'], manifest)),
      namespace,
      ports,
      place: (_, port) => ({ address: process.env.ATELIER_REAL_ADDRESS ?? '10.99.0.1', port }),
      said: () => said,
    });
    writeFileSync(record, text);
  } finally {
    traefik.kill('SIGKILL');
    await run('kubectl', ['delete', 'namespace', namespace, '--wait=false']);
  }
});

test.skipIf(real)('Traefik answers and complains as the real one', { timeout: 60_000 }, async () => {
  const rig = await openTraefik(flags, undefined, true);
  try {
    const places = new Map<string, number>();
    const text = await play({
      apply: (manifest) => rig.apply(manifest),
      namespace: 'default',
      ports: { web: rig.network.port('10.244.0.2', 8000), websecure: rig.network.port('10.244.0.2', 8443) },
      place: (name, port) => {
        const address = `10.244.1.${places.size + 1}`;
        if (port === 1) return { address: '10.244.1.99', port };
        places.set(name, port);
        void rig.network.pod(address).listen(port, (socket) => {
          outward('127.0.0.1', port).then(
            (there) => {
              socket.pipe(there).pipe(socket);
              there.on('close', () => socket.destroy());
            },
            () => socket.destroy(),
          );
        });
        return { address, port };
      },
      said: () => rig.out(),
    });
    if (process.env.ATELIER_SHOW) writeFileSync(process.env.ATELIER_SHOW, text);
    expect(text).toBe(readFileSync(record, 'utf8'));
  } finally {
    await rig.close();
  }
});
