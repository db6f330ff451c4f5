import type { Loose } from '../../kubernetes/object.ts';
import { createHttpsTransport } from '../../sandbox/embedded/client/https-transport.ts';
import { readKubeconfig } from '../../sandbox/embedded/client/kubeconfig.ts';
import { Embedded } from './embedded.ts';
import { Ledger } from './ledger.ts';
import { Random } from './random.ts';
import { SELECTOR, Writers } from './writers.ts';

export interface KillOptions {
  /** An empty folder. */
  home: string;
  rounds: number;
  /** Repeats what is chosen by chance, as far as the machine allows. */
  seed: number;
  /** Answered writes before the kill, at most. */
  writes?: number;
  clients?: number;
  /** Without it the API server is alone. */
  node?: boolean;
  onRound?(round: number, report: KillReport): void;
}

export interface KillReport {
  kills: { underLoad: number; whileStarting: number; node: number };
  acknowledged: number;
  /** Of the writes that were under way at a kill. */
  doneInSilence: number;
  undone: number;
  objects: number;
  faults: string[];
}

/**
 * Kills the API server at random moments while clients write, read and watch, and starts it again: what was
 * acknowledged or shown is there after, what was not is there wholly or not at all, revisions only grow.
 */
export async function killRounds(options: KillOptions): Promise<KillReport> {
  const { home, rounds, seed, writes = 150, clients = 6, node = false } = options;
  const random = new Random(seed);
  const ledger = new Ledger();
  const flags = node ? [] : ['--no-node'];
  const report: KillReport = {
    kills: { underLoad: 0, whileStarting: 0, node: 0 },
    acknowledged: 0,
    doneInSilence: 0,
    undone: 0,
    objects: 0,
    faults: [],
  };
  const fail = (round: number, faults: string[]) =>
    report.faults.push(...faults.map((text) => `round ${round}: ${text}`));
  let embedded = new Embedded(home, flags);
  try {
    for (let round = 1; round <= rounds; round++) {
      const kubeconfig = await embedded.ready;
      if (!kubeconfig) throw new Error(`it does not start any more: ${embedded.errors}`);
      const writers = new Writers({ kubeconfig, ledger, random, clients, each: 8 });
      writers.start();
      await writers.answers(random.below(writes));
      // Between two answers too: chance is to find the moments nobody thought of.
      await pause(random.below(6));
      if (node && random.chance(0.3)) {
        const pid = embedded.nodePid;
        if (pid) process.kill(pid, 'SIGKILL');
        report.kills.node++;
        await writers.answers(random.below(writes));
      }
      await embedded.kill();
      report.kills.underLoad++;
      await writers.done();
      fail(round, writers.faults);
      embedded = new Embedded(home, flags);
      if (random.chance(0.15)) {
        await pause(random.below(500));
        await embedded.kill();
        report.kills.whileStarting++;
        embedded = new Embedded(home, flags);
      }
      const again = await embedded.ready;
      if (!again) throw new Error(`it does not start any more: ${embedded.errors}`);
      const list = await listAll(again);
      fail(round, ledger.settle(list.items, Number(list.metadata.resourceVersion)));
      Object.assign(report, { acknowledged: ledger.acknowledgements, objects: list.items.length });
      Object.assign(report, { doneInSilence: ledger.doneInSilence, undone: ledger.undone });
      options.onRound?.(round, report);
    }
  } finally {
    await embedded.kill();
  }
  return report;
}

async function listAll(kubeconfig: string): Promise<Loose> {
  const transport = createHttpsTransport(readKubeconfig(kubeconfig));
  const path = `/api/v1/namespaces/default/configmaps?${SELECTOR}`;
  const { body } = await transport.request({ method: 'GET', path });
  transport.close();
  return body;
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
