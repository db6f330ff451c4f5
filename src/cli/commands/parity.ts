import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fetchTools } from '../../../sandbox/tools/tools.ts';
import { compareOutcomes, requireFit } from '../../../tests/parity/compare.ts';
import { inPool } from '../../../tests/parity/pool.ts';
import { readRecording, writeRecording } from '../../../tests/parity/recording.ts';
import { type Cluster, runScenario, versions } from '../../../tests/parity/run.ts';
import { readScenario, scenarioNames } from '../../../tests/parity/scenario.ts';
import { UserError } from '../../server/user-error.ts';
import { startCluster } from '../cluster-process.ts';
import { requireDisposable } from '../lessons/disposable.ts';
import { ROOT, say, TOOLS } from '../project.ts';

const USAGE =
  'use `parity record [SCENARIO…] --kubeconfig FILE [--mark-disposable]` or `parity compare [SCENARIO…] [--kubeconfig FILE]`.';

/** Scenarios at once: enough to hide waiting, few enough for two cores. */
const WIDTH = 4;

/** `atelier parity`: `record` asks a real cluster, `compare` shows where the embedded one answers otherwise. */
export async function parity(args: string[]): Promise<void> {
  const [verb, ...rest] = args;
  const { values, positionals } = parseArgs({
    args: rest,
    allowPositionals: true,
    options: { kubeconfig: { type: 'string' }, 'mark-disposable': { type: 'boolean', default: false } },
  });
  const unknown = positionals.find((name) => !scenarioNames().includes(name));
  if (unknown)
    throw new UserError(
      `there is no scenario ${unknown}: choose from ${scenarioNames().join(', ')}. To run: ${USAGE}`,
      2,
    );
  const names = positionals.length > 0 ? positionals : scenarioNames();
  const here = process.env.ATELIER_CALLED_FROM ?? process.cwd();
  const kubeconfig = values.kubeconfig && path.resolve(here, values.kubeconfig);
  if (!(verb === 'record' && kubeconfig) && verb !== 'compare') throw new UserError(USAGE, 2);

  const tools = await fetchTools(TOOLS, say);
  if (kubeconfig) {
    await requireDisposable(tools, kubeconfig, values['mark-disposable']);
    const cluster = { tools, kubeconfig };
    return verb === 'record' ? record(cluster, names) : compare(cluster, names);
  }
  const home = await mkdtemp(path.join(tmpdir(), 'atelier-parity-'));
  const embedded = await startCluster({ home, name: 'main', onTrouble: (error) => say(error.message) });
  try {
    await compare({ tools, kubeconfig: embedded.kubeconfig }, names);
  } finally {
    await embedded.stop();
    await rm(home, { recursive: true, force: true });
  }
}

async function record(cluster: Cluster, names: string[]): Promise<void> {
  const head = await versions(cluster);
  await inPool(names, WIDTH, async (name) => {
    const outcomes = await runScenario(cluster, readScenario(name));
    writeRecording(name, { head, outcomes });
    const failing = outcomes.filter(({ code }) => code !== 0).length;
    say(`${name}: ${outcomes.length} commands, ${failing} of them failing`);
  });
  say(`Recorded in ${path.relative(ROOT, path.join(ROOT, 'tests/parity/record'))}`);
}

async function compare(cluster: Cluster, names: string[]): Promise<void> {
  let commands = 0;
  let differing = 0;
  await inPool(names, WIDTH, async (name) => {
    const scenario = readScenario(name);
    const recording = requireFit(scenario, readRecording(name));
    const outcomes = await runScenario(cluster, scenario);
    for (const [index, outcome] of outcomes.entries()) {
      commands++;
      const difference = compareOutcomes(name, recording.outcomes[index]!, outcome);
      if (!difference) continue;
      differing++;
      process.stdout.write(`\n${name}: $ ${difference.command}\n${difference.diff}\n`);
    }
  });
  process.stdout.write(`\n${commands - differing} of ${commands} commands agree with the recorded cluster\n`);
  if (differing > 0) process.exitCode = 1;
}
