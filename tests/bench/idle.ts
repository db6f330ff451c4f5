import path from 'node:path';
import { openCluster } from './cluster.ts';
import type { Figure } from './figures.ts';
import { type Part, pause, type Workplace } from './part.ts';
import { memoryOf, startNode } from './processes.ts';

/** Milliseconds until a cluster that nobody uses has done all it does at its start. */
const SETTLING = 3000;

async function run(workplace: Workplace): Promise<Figure[]> {
  const home = path.join(workplace.directory, 'home');
  const cluster = await openCluster(workplace, home);
  await cluster.nodeReady();
  await pause(SETTLING);
  const one = cluster.process.memory();
  const before = cluster.process.processorTime() ?? Number.NaN;
  await pause(SETTLING);
  const idle = (cluster.process.processorTime() ?? Number.NaN) - before;
  const second = await openCluster(workplace, home, 'second');
  await second.nodeReady();
  await pause(SETTLING);
  const two = cluster.process.memory();
  const bare = await Promise.all(
    [1, 2].map(() => startNode('tests/bench/tls-server.ts', [path.join(home, 'clusters/main/pki')], /^port (\d+)$/)),
  );
  workplace.atEnd(() => Promise.all(bare.map((server) => server.end())));
  return [
    {
      name: 'memory of an idle embedded cluster',
      value: one,
      unit: 'MB',
      anchor: { name: 'two bare Node TLS servers', value: memoryOf(bare.map(({ pid }) => pid)) },
      note: `${((idle * 100) / SETTLING).toFixed(1)} % of a processor`,
    },
    { name: 'a second cluster beside it', value: two - one, unit: 'MB', budget: { of: 'figure', most: 6 } },
  ];
}

export const idle: Part = { name: 'idle', patience: 40, run };
