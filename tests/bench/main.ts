import { mkdtempSync, rmSync } from 'node:fs';
import { availableParallelism, loadavg, tmpdir } from 'node:os';
import path from 'node:path';
import { api } from './api.ts';
import { atelier } from './atelier.ts';
import { type Figure, ratioOf, tableOf, verdictOf } from './figures.ts';
import { idle } from './idle.ts';
import { ingress } from './ingress.ts';
import { objects } from './objects.ts';
import type { Part, Workplace } from './part.ts';
import { ready } from './ready.ts';
import { replicas } from './replicas.ts';
import { terminal } from './terminal.ts';

const PARTS: Part[] = [atelier, ready, replicas, api, objects, ingress, idle, terminal];

const args = process.argv.slice(2);
const names = args.filter((arg) => !arg.startsWith('--'));
const unknown =
  args.find((arg) => arg.startsWith('--') && arg !== '--json') ??
  names.find((name) => !PARTS.some((part) => part.name === name));
if (unknown) {
  process.stderr.write(
    `atelier: bench knows no ${unknown}: use --json, ${PARTS.map(({ name }) => name).join(', ')}.\n`,
  );
  process.exit(2);
}

/** Runs one part in a folder of its own; what it could not measure is said and fails the run. */
async function measure(part: Part): Promise<Figure[]> {
  const directory = mkdtempSync(path.join(tmpdir(), 'atelier-bench-'));
  const undoing: (() => unknown)[] = [() => rmSync(directory, { recursive: true, force: true })];
  const workplace: Workplace = {
    directory,
    kubectl: process.env.ATELIER_KUBECTL ?? 'kubectl',
    chromium: process.env.ATELIER_CHROMIUM,
    realCluster: process.env.ATELIER_REAL_CLUSTER,
    atEnd: (undo) => void undoing.push(undo),
  };
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${part.patience} s`)), part.patience * 1000);
  });
  try {
    return await Promise.race([part.run(workplace), late]);
  } catch (error) {
    process.exitCode = 1;
    process.stderr.write(`${part.name}: ${(error as Error).message}\n`);
    return [];
  } finally {
    clearTimeout(timer);
    for (const undo of undoing.toReversed()) await undo();
  }
}

/** Anything above the processors' number makes every wall-clock figure larger than it is: then ratios and processor times count. */
const load = () => (loadavg()[0] ?? 0).toFixed(1);
const loadBefore = load();
const figures: Figure[] = [];
for (const part of PARTS.filter(({ name }) => names.length === 0 || names.includes(name))) {
  process.stderr.write(`— ${part.name}\n`);
  figures.push(...(await measure(part)));
}
if (args.includes('--json')) {
  const told = figures.map((figure) => ({ ...figure, ratio: ratioOf(figure), verdict: verdictOf(figure) }));
  process.stdout.write(`${JSON.stringify(told, undefined, 2)}\n`);
} else {
  const machine = `${availableParallelism()} processors, load ${loadBefore} before and ${load()} after, Node ${process.versions.node}`;
  process.stdout.write(`${tableOf(figures)}\n\n${machine}\n`);
}
process.exit();
