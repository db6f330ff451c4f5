import path from 'node:path';
import { Api } from './client.ts';
import { openCluster } from './cluster.ts';
import { type Figure, median } from './figures.ts';
import { type Part, pause, type Workplace } from './part.ts';
import { startNode } from './processes.ts';
import { answers } from './ready.ts';

const OBJECTS = 5000;
const NAMESPACES = 50;
const WATCHES = 1000;
const STARTS = 3;
/** Milliseconds until what was needed in passing is given back. */
const SETTLING = 2000;

const configMap = (index: number) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: `object-${index}`, labels: { app: 'bench' } },
  data: { text: 'x'.repeat(400) },
});

/** As many at a time as there are clients. */
async function each(count: number, clients: number, run: (index: number) => Promise<unknown>): Promise<void> {
  let next = 0;
  const client = async () => {
    for (let index = next++; index < count; index = next++) await run(index);
  };
  await Promise.all(Array.from({ length: clients }, client));
}

/** Megabytes by which the process of the control plane grew. */
async function grown(memory: () => number, run: () => Promise<unknown>): Promise<number> {
  await pause(SETTLING);
  const before = memory();
  await run();
  await pause(SETTLING);
  return memory() - before;
}

async function run(workplace: Workplace): Promise<Figure[]> {
  const home = path.join(workplace.directory, 'home');
  const cluster = await openCluster(workplace, home);
  await cluster.nodeReady();
  const memory = () => cluster.process.ownMemory();
  const api = new Api(cluster.credentials, WATCHES + 16);
  workplace.atEnd(() => api.close());
  await each(NAMESPACES, 8, (index) => {
    const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: `bench-${index}` } };
    return api.call('POST', '/api/v1/namespaces', namespace);
  });
  const write = (index: number) =>
    api.call('POST', `/api/v1/namespaces/bench-${index % NAMESPACES}/configmaps`, configMap(index));
  const objectsMemory = await grown(memory, () => each(OBJECTS, 16, write));
  const { metadata } = JSON.parse(await api.call('GET', '/api/v1/configmaps?limit=1'));
  const target = `/api/v1/configmaps?watch=true&resourceVersion=${metadata.resourceVersion}`;
  const watches: ReturnType<Api['watch']>[] = [];
  const watchMemory = await grown(memory, async () => {
    for (let index = 0; index < WATCHES; index++) watches.push(api.watch(target, 1));
    await Promise.all(watches.map(({ opened }) => opened));
  });
  const before = cluster.process.processorTime() ?? Number.NaN;
  await write(OBJECTS);
  await Promise.all(watches.map(({ done }) => done));
  const fanOut = (cluster.process.processorTime() ?? Number.NaN) - before;
  await cluster.process.end();

  const starts: number[] = [];
  const bare: number[] = [];
  for (let start = 0; start < STARTS; start++) {
    const again = await openCluster(workplace, home);
    starts.push(again.process.readyAfter / 1000);
    await answers(`${again.credentials.server}/readyz`, again.credentials.ca);
    await again.process.end();
    const pki = path.join(home, 'clusters/main/pki');
    const server = await startNode('tests/bench/tls-server.ts', [pki], /^port (\d+)$/);
    bare.push(server.readyAfter / 1000);
    await server.end();
  }
  return [
    {
      name: `embedded API ready with ${OBJECTS} objects`,
      value: median(starts),
      unit: 's',
      anchor: { name: 'bare Node TLS server', value: median(bare) },
      budget: { of: 'figure', most: 1 },
    },
    { name: 'memory of 1,000 objects', value: (objectsMemory * 1000) / OBJECTS, unit: 'MB' },
    { name: 'memory of a watch', value: (watchMemory * 1024) / WATCHES, unit: 'kB', note: `of ${WATCHES}` },
    {
      name: 'processor time of one event to one watch',
      value: fanOut / WATCHES,
      unit: 'ms',
      note: 'with the TLS of each, hang-up included',
    },
  ];
}

export const objects: Part = { name: 'objects', patience: 90, run };
