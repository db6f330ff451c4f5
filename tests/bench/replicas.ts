import path from 'node:path';
import { type BenchCluster, openCluster, timed } from './cluster.ts';
import type { Figure } from './figures.ts';
import type { Part, Workplace } from './part.ts';

const GENEROUS = { ATELIER_NODES: '1', ATELIER_NODE_PODS: '2000', ATELIER_NODE_CPU: '64' };

/** Milliseconds until kubectl says that a new Deployment is rolled out. */
async function rollOut(cluster: BenchCluster, name: string, replicas: number): Promise<number> {
  const create = ['create', 'deployment', name, '--image=nginx:1.27', `--replicas=${replicas}`];
  return timed(async () => {
    await cluster.kubectl(...create);
    await cluster.kubectl('rollout', 'status', `deployment/${name}`, '--timeout=60s');
  });
}

async function run(workplace: Workplace): Promise<Figure[]> {
  const cluster = await openCluster(workplace, path.join(workplace.directory, 'home'), 'main', GENEROUS);
  await cluster.nodeReady();
  // Discovery is cached and code compiled by a first one.
  await rollOut(cluster, 'first', 1);
  const one = (await rollOut(cluster, 'one', 1)) / 1000;
  const before = cluster.process.processorTime() ?? Number.NaN;
  const hundred = (await rollOut(cluster, 'hundred', 100)) / 1000;
  const between = cluster.process.processorTime() ?? Number.NaN;
  const hundredMemory = cluster.process.memory();
  await cluster.kubectl('delete', 'deployment', 'hundred', '--cascade=foreground', '--wait');
  const again = cluster.process.processorTime() ?? Number.NaN;
  const fiveHundred = (await rollOut(cluster, 'fivehundred', 500)) / 1000;
  const after = cluster.process.processorTime() ?? Number.NaN;
  const fiveHundredMemory = cluster.process.memory();
  await cluster.kubectl('delete', 'deployment', 'fivehundred', '--cascade=foreground', '--wait');
  const thousand = (await rollOut(cluster, 'thousand', 1000)) / 1000;
  const anchor = { name: '1 replica', value: one };
  return [
    {
      name: '100 replicas Ready',
      value: hundred,
      unit: 's',
      anchor,
      budget: { of: 'figure', most: 0.5 },
      note: `${(between - before).toFixed(0)} ms of processor`,
    },
    {
      name: '500 replicas Ready',
      value: fiveHundred,
      unit: 's',
      anchor: { name: '100 replicas', value: hundred },
      budget: { of: 'figure', most: 2.5 },
      note: `${(after - again).toFixed(0)} ms of processor`,
    },
    {
      name: '1,000 replicas Ready',
      value: thousand,
      unit: 's',
      anchor: { name: '500 replicas', value: fiveHundred },
      budget: { of: 'figure', most: 5 },
    },
    {
      name: 'memory of both processes, 100 replicas',
      value: hundredMemory,
      unit: 'MB',
      budget: { of: 'figure', most: 150 },
    },
    {
      name: 'memory of both processes, 500 replicas',
      value: fiveHundredMemory,
      unit: 'MB',
      budget: { of: 'figure', most: 150 },
    },
  ];
}

export const replicas: Part = { name: 'replicas', patience: 120, run };
