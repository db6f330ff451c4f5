import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Transport } from '../../../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../../../sandbox/embedded/client/https-transport.ts';
import { readKubeconfig } from '../../../../sandbox/embedded/client/kubeconfig.ts';

const main = fileURLToPath(new URL('../../../../sandbox/embedded/main.ts', import.meta.url));
const collection = '/api/v1/namespaces/default/configmaps';

let disk: string;
let child: ChildProcess | undefined;
beforeEach(() => {
  disk = mkdtempSync(join(tmpdir(), 'atelier-disk-'));
});
afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    child.kill('SIGKILL');
    await once(child, 'exit');
  }
  rmSync(disk, { recursive: true, force: true });
});

function canMount(): boolean {
  try {
    execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/mnt'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** The API server with its home on a small disk of its own; `outside` is the path of that disk seen from here. */
async function start(): Promise<{ transport: Transport; outside: string }> {
  const script = 'mount -t tmpfs -o size=12m none "$1" && shift && exec "$@"';
  const words = [process.execPath, main, '--home', join(disk, 'home'), '--no-node'];
  const started = spawn('unshare', ['-m', 'sh', '-c', script, 'sh', disk, ...words], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child = started;
  const outside = `/proc/${started.pid}/root`;
  for await (const line of createInterface({ input: started.stdout })) {
    const [, kubeconfig] = /^export KUBECONFIG=(.+)$/.exec(line) ?? [];
    if (kubeconfig) return { transport: createHttpsTransport(readKubeconfig(outside + kubeconfig)), outside };
  }
  throw new Error('ended before it was ready');
}

test.runIf(canMount())(
  'a disk that gets full refuses writes as etcd does, loses nothing, and takes them again',
  async () => {
    const { transport, outside } = await start();
    const ballast = join(`${outside}${disk}`, 'ballast');
    writeFileSync(ballast, Buffer.alloc(4 * 1024 * 1024));
    const make = (name: string) => {
      const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, data: { filler: 'x'.repeat(300_000) } };
      return transport.request({ method: 'POST', path: collection, body });
    };
    const made: string[] = [];
    let answer = await make('full-0');
    while (answer.code === 201) {
      made.push(answer.body.metadata.name);
      answer = await make(`full-${made.length}`);
    }
    expect(made.length).toBeGreaterThan(5);
    expect([answer.code, answer.body]).toEqual([
      500,
      expect.objectContaining({ kind: 'Status', message: 'etcdserver: mvcc: database space exceeded', code: 500 }),
    ]);
    // Reading goes on, and what was refused is not there.
    const names = async () => {
      const { body } = await transport.request({ method: 'GET', path: collection });
      const all = body.items.map(({ metadata }: { metadata: { name: string } }) => metadata.name);
      return all.filter((name: string) => name.startsWith('full-'));
    };
    expect(await names()).toEqual(made.toSorted());
    rmSync(ballast);
    expect((await make(`full-${made.length}`)).code).toBe(201);
    made.push(`full-${made.length}`);
    expect(await names()).toEqual(made.toSorted());
    transport.close();
  },
);
