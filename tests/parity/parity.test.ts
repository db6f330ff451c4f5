import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchTools } from '../../sandbox/tools/tools.ts';
import { type ClusterProcess, startCluster } from '../../src/cli/cluster-process.ts';
import { TOOLS } from '../../src/cli/project.ts';
import { compareOutcomes, requireFit } from './compare.ts';
import { inPool } from './pool.ts';
import { type Outcome, type Recording, readRecording } from './recording.ts';
import { runScenario } from './run.ts';
import { readScenario, scenarioNames } from './scenario.ts';

const scenarios = scenarioNames().map((name) => {
  const scenario = readScenario(name);
  return { name, scenario, recording: requireFit(scenario, readRecording(name)) };
});

/** Each command of each scenario on one embedded cluster, against what the recorded cluster answered. */
describe('the embedded cluster answers as the recorded one', () => {
  const answers = new Map<string, Outcome[] | Error>();
  let home: string;
  let cluster: ClusterProcess;

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'atelier-parity-'));
    const tools = await fetchTools(TOOLS, () => undefined);
    const troubles: Error[] = [];
    cluster = await startCluster({ home, name: 'main', onTrouble: (error) => troubles.push(error) });
    const answer = async ({ name, scenario }: (typeof scenarios)[number]) => {
      answers.set(name, await runScenario({ tools, kubeconfig: cluster.kubeconfig }, scenario).catch((error) => error));
    };
    await inPool(scenarios, 4, answer);
    // A record holds one moment of a cluster that moves: what differs is asked once more, and that is said.
    for (const scenario of scenarios.filter(({ name, recording }) => !agrees(name, recording, answers.get(name)))) {
      process.stdout.write(`once more: ${scenario.name}\n`);
      await answer(scenario);
    }
    expect(troubles).toEqual([]);
  }, 200_000);

  afterAll(async () => {
    await cluster?.stop();
    await rm(home, { recursive: true, force: true });
  });

  describe.each(scenarios)('$name', ({ name, recording }) => {
    test.each(recording.outcomes.map((real, index) => ({ command: real.command, real, index })))(
      '$command',
      ({ real, index }) => {
        const answer = answers.get(name);
        if (!Array.isArray(answer)) throw answer ?? new Error(`${name} did not run`);
        const difference = compareOutcomes(name, real, answer[index]!);
        if (difference) throw new Error(`$ ${difference.command}\n${difference.diff}`);
      },
    );
  });
});

function agrees(name: string, { outcomes }: Recording, answers: Outcome[] | Error | undefined): boolean {
  return Array.isArray(answers) && outcomes.every((real, index) => !compareOutcomes(name, real, answers[index]!));
}

test('a third of the commands fail, as learners do', () => {
  const outcomes = scenarios.flatMap(({ recording }) => recording.outcomes);
  const failing = outcomes.filter(({ code }) => code !== 0);
  expect(failing.length * 3).toBeGreaterThanOrEqual(outcomes.length);
});
