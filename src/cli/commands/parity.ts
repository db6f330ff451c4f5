import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { fetchTools } from '../../../sandbox/tools/tools.ts';
import { compareOutcomes, isExplained, requireFit } from '../../../tests/parity/compare.ts';
import { keyOf } from '../../../tests/parity/known.ts';
import { readRecording, writeRecording } from '../../../tests/parity/recording.ts';
import { caseNames, readCase } from '../../../tests/parity/requests/case.ts';
import { compareAnswers, readAnswers, requireAnswers, writeAnswers } from '../../../tests/parity/requests/exchange.ts';
import { runCase } from '../../../tests/parity/requests/send.ts';
import { type Cluster, versions } from '../../../tests/parity/run.ts';
import { readScenario, scenarioNames } from '../../../tests/parity/scenario.ts';
import { figures, runScenarios } from '../../../tests/parity/suite.ts';
import { UserError } from '../../server/user-error.ts';
import { startCluster } from '../cluster-process.ts';
import { requireDisposable } from '../lessons/disposable.ts';
import { ROOT, say, TOOLS } from '../project.ts';

const USAGE =
  'use `parity record [SCENARIO…] --kubeconfig FILE [--mark-disposable]` or `parity compare [SCENARIO…] [--kubeconfig FILE]`.';

/** What stands before the name of a case of raw requests. */
const RAW = 'requests/';
/** Commands whose time is told. */
const SLOWEST = 5;

/** `atelier parity`: `record` asks a real cluster, `compare` shows where the embedded one answers otherwise. */
export async function parity(args: string[]): Promise<void> {
  const [verb, ...rest] = args;
  const { values, positionals } = parseArgs({
    args: rest,
    allowPositionals: true,
    options: { kubeconfig: { type: 'string' }, 'mark-disposable': { type: 'boolean', default: false } },
  });
  const all = [...scenarioNames(), ...caseNames().map((name) => `${RAW}${name}`)];
  const unknown = positionals.find((name) => !all.includes(name));
  if (unknown)
    throw new UserError(`there is no scenario ${unknown}: choose from ${all.join(', ')}. To run: ${USAGE}`, 2);
  const names = positionals.length > 0 ? positionals : all;
  const here = process.env.ATELIER_CALLED_FROM ?? process.cwd();
  const kubeconfig = values.kubeconfig && path.resolve(here, values.kubeconfig);
  if (!(verb === 'record' && kubeconfig) && verb !== 'compare') throw new UserError(USAGE, 2);

  const tools = await fetchTools(TOOLS, say);
  if (kubeconfig) {
    await requireDisposable(tools, kubeconfig, values['mark-disposable']);
    const cluster = { tools, kubeconfig };
    return verb === 'record' ? record(cluster, names) : compare({ shared: cluster }, names);
  }
  const home = await mkdtemp(path.join(tmpdir(), 'atelier-parity-'));
  const onTrouble = (error: Error) => say(error.message);
  const clusters = await Promise.all(
    ['main', 'own'].map((name) =>
      startCluster({ home: path.join(home, name), name, onTrouble, nodes: 1, ingress: { ports: 'high' } }),
    ),
  );
  try {
    const [shared, own] = clusters.map((embedded) => ({ tools, kubeconfig: embedded.kubeconfig }));
    await compare({ shared: shared!, own: own! }, names);
  } finally {
    await Promise.all(clusters.map((embedded) => embedded.stop()));
    await rm(home, { recursive: true, force: true });
  }
}

async function record(cluster: Cluster, names: string[]): Promise<void> {
  const head = await versions(cluster);
  const { scenarios, cases } = sorted(names);
  for (const one of cases) {
    try {
      const answers = await runCase(cluster.kubeconfig, one);
      writeAnswers(one.name, head, answers);
      say(`${RAW}${one.name}: ${answers.length} requests`);
    } catch (error) {
      say(`${RAW}${one.name} is not recorded: ${error}`);
      process.exitCode = 1;
    }
  }
  await runScenarios({ shared: cluster }, scenarios, ({ name }, outcomes) => {
    const late = !(outcomes instanceof Error) && outcomes.find((outcome) => outcome.late);
    if (outcomes instanceof Error || late) {
      say(`${name} is not recorded: ${late ? `${late.command}: its state did not come` : outcomes}`);
      process.exitCode = 1;
      return;
    }
    writeRecording(name, { head, outcomes });
    const failing = outcomes.filter(({ code }) => code !== 0).length;
    say(`${name}: ${outcomes.length} commands, ${failing} of them failing`);
  });
  say(`Recorded in ${path.relative(ROOT, path.join(ROOT, 'tests/parity/record'))}`);
}

function sorted(names: string[]) {
  const [raw, commands] = [true, false].map((wanted) => names.filter((name) => name.startsWith(RAW) === wanted));
  return { scenarios: commands!.map(readScenario), cases: raw!.map((name) => readCase(name.slice(RAW.length))) };
}

async function compare(clusters: { shared: Cluster; own?: Cluster }, names: string[]): Promise<void> {
  const counts = { recorded: 0, agreeing: 0, explained: 0 };
  const times: [seconds: number, text: string][] = [];
  const { scenarios, cases } = sorted(names);
  const recordings = new Map(
    scenarios.map((scenario) => [scenario.name, requireFit(scenario, readRecording(scenario.name))]),
  );
  await runScenarios(clusters, scenarios, ({ name }, outcomes) => {
    if (outcomes instanceof Error) throw outcomes;
    for (const [index, outcome] of outcomes.entries()) {
      const recorded = recordings.get(name)!.outcomes[index]!;
      times.push([outcome.seconds ?? 0, `${name}: $ ${outcome.command.split('\n')[0]}`]);
      counts.recorded++;
      const difference = compareOutcomes(name, recorded, outcome);
      if (difference) process.stdout.write(`\n${keyOf(name, index)} $ ${difference.command}\n${difference.diff}\n`);
      else counts.agreeing++;
      if (!difference && isExplained(name, recorded, outcome)) counts.explained++;
    }
  });
  const raw = { recorded: 0, agreeing: 0, explained: 0 };
  for (const one of cases) {
    const recorded = requireAnswers(one, readAnswers(one.name));
    for (const [index, answer] of (await runCase(clusters.shared.kubeconfig, one)).entries()) {
      const difference = compareAnswers(one.name, recorded[index]!, answer);
      raw.recorded++;
      if (difference)
        process.stdout.write(`\n${keyOf(RAW + one.name, index)} ${difference.command}\n${difference.diff}\n`);
      else raw.agreeing++;
    }
  }
  times.sort(([one], [other]) => other - one);
  process.stdout.write('\nslowest:\n');
  for (const [seconds, text] of times.slice(0, SLOWEST)) process.stdout.write(`${seconds.toFixed(1)} s  ${text}\n`);
  process.stdout.write(`\n${figures('commands', counts)}\n${figures('requests', raw)}\n`);
  if (counts.agreeing + raw.agreeing < counts.recorded + raw.recorded) process.exitCode = 1;
}
