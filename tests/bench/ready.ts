import { rm } from 'node:fs/promises';
import { get } from 'node:https';
import path from 'node:path';
import { openCluster } from './cluster.ts';
import { type Figure, median } from './figures.ts';
import type { Part, Workplace } from './part.ts';
import { startNode } from './processes.ts';

const STARTS = 5;

/** Resolves when the path answers 200; rejects for any other answer. */
export function answers(url: string, ca: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    get(url, { ...(ca && { ca }), agent: false, checkServerIdentity: () => undefined }, (response) => {
      response.resume();
      if (response.statusCode === 200) resolve();
      else reject(new Error(`${url} answers ${response.statusCode}`));
    }).on('error', reject);
  });
}

async function run(workplace: Workplace): Promise<Figure[]> {
  const home = path.join(workplace.directory, 'home');
  const pki = path.join(home, 'clusters/main/pki');
  const ours: number[] = [];
  const bare: number[] = [];
  const processor: number[] = [];
  let first = 0;
  let ca: string | undefined;
  for (let start = 0; start <= STARTS; start++) {
    const began = performance.now();
    const cluster = await openCluster(workplace, home);
    ca = cluster.credentials.ca;
    await answers(`${cluster.credentials.server}/readyz`, ca);
    const took = performance.now() - began;
    const used = cluster.process.processorTime();
    if (start === 0) first = took;
    else {
      ours.push(took);
      if (used !== undefined) processor.push(used);
    }
    await cluster.process.end();
    if (start === 0) continue;
    const bareBegan = performance.now();
    const server = await startNode('tests/bench/tls-server.ts', [pki], /^port (\d+)$/);
    await answers(`https://127.0.0.1:${server.said}/readyz`, ca);
    bare.push(performance.now() - bareBegan);
    await server.end();
  }
  await rm(home, { recursive: true, force: true });
  const anchor = { name: 'bare Node TLS server', value: median(bare) / 1000 };
  return [
    {
      name: 'embedded API ready',
      value: median(ours) / 1000,
      unit: 's',
      anchor,
      budget: { of: 'figure', most: 0.5 },
      note: `${median(processor).toFixed(0)} ms of processor`,
    },
    { name: 'embedded API ready, first start', value: first / 1000, unit: 's', anchor },
  ];
}

export const ready: Part = { name: 'ready', patience: 60, run };
