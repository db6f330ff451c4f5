import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { readKubeconfig } from '../../sandbox/embedded/client/kubeconfig.ts';
import { churn } from './churn.ts';
import { Embedded } from './embedded.ts';
import { killRounds } from './kill.ts';
import { loadAll } from './load.ts';
import { type Memory, MemoryGauge } from './memory.ts';
import { rollOut } from './pods.ts';

const say = (line: string) => process.stdout.write(`${line}\n`);

/** One thing that takes long; resolves with what went wrong. */
type Soak = (home: string, args: string[]) => Promise<string[]>;

const kill: Soak = async (home, [rounds = '200', seed = String(Date.now() % 1e9)]) => {
  say(`kill -9 in ${rounds} rounds, seed ${seed}`);
  const report = await killRounds({
    home,
    rounds: Number(rounds),
    seed: Number(seed),
    node: true,
    onRound(round, { acknowledged, faults }) {
      if (round % 10 === 0) say(`${round} rounds: ${acknowledged} writes acknowledged, ${faults.length} faults`);
    },
  });
  const { kills, acknowledged, doneInSilence, undone } = report;
  say(
    `killed: ${kills.underLoad} times under load, ${kills.whileStarting} while starting, the node ${kills.node} times`,
  );
  say(`${acknowledged} writes acknowledged; without an answer: ${doneInSilence} done, ${undone} not done`);
  return report.faults;
};

const megabytes = ({ heap, external, resident }: Memory) =>
  `${heap.toFixed(1)} + ${external.toFixed(1)} MB (${resident.toFixed(0)} resident)`;

const churning: Soak = async (home, [length = '60']) => {
  say(`churn for ${length} minutes; heap and buffers after garbage collection`);
  const { faults } = await churn(home, Number(length), (minute) => {
    const { controlPlane, node, objects, writes, events, expired } = minute;
    say(
      `${String(minute.minute).padStart(3)} control plane ${megabytes(controlPlane)}, node ${megabytes(node)}, ${objects} objects, ${writes} writes, ${events} watch events, ${expired} told 410`,
    );
  });
  return faults;
};

const load: Soak = async (home) => {
  const gauge = new MemoryGauge(path.join(home, 'memory'));
  const room = { ATELIER_NODE_PODS: '2000', ATELIER_NODE_CPU: '128' };
  const embedded = new Embedded(path.join(home, 'home'), [], { ...gauge.environment, ...room });
  try {
    const kubeconfig = await embedded.ready;
    if (!kubeconfig) throw new Error(embedded.errors);
    const credentials = readKubeconfig(kubeconfig);
    say(`at rest: control plane ${megabytes(await gauge.of(embedded.pid))}`);
    const sizes = { namespaces: 200, objects: 5000, writes: 3, clients: 200, watches: 1000 };
    const report = await loadAll({ credentials, ...sizes });
    const { writes, shared, conflicts, events, seconds } = report;
    say(
      `${writes} writes of 5000 objects in 200 namespaces by 200 clients at once, ${events} events to 1000 watches: ${seconds.toFixed(1)} s`,
    );
    say(`one object written by all of them: ${shared} increments, ${conflicts} refused for being late`);
    const pods = await rollOut(credentials, 10, 100);
    say(`1000 pods Ready after ${pods.seconds.toFixed(1)} s`);
    say(
      `then: control plane ${megabytes(await gauge.of(embedded.pid))}, node ${megabytes(await gauge.of(embedded.nodePid ?? 0))}`,
    );
    return [...report.faults, ...pods.faults];
  } finally {
    await embedded.end();
  }
};

const SOAKS: Record<string, Soak> = { kill, load, churn: churning };

const [first = 'churn', ...rest] = process.argv.slice(2);
// A number alone is the minutes of the usual soak.
const [name, args] = /^\d+$/.test(first) ? ['churn', [first, ...rest]] : [first, rest];
const soak = SOAKS[name];
if (!soak) {
  process.stderr.write(`atelier: soak knows no ${name}: use ${Object.keys(SOAKS).join(', ')}.\n`);
  process.exit(2);
}
const home = mkdtempSync(path.join(tmpdir(), 'atelier-soak-'));
try {
  const faults = await soak(home, args);
  for (const fault of faults) say(`fault: ${fault}`);
  say(faults.length === 0 ? 'verdict: good' : `verdict: ${faults.length} faults`);
  process.exitCode = faults.length === 0 ? 0 : 1;
} finally {
  rmSync(home, { recursive: true, force: true });
}
process.exit();
