import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { fetchTools } from '../../sandbox/tools/tools.ts';
import { type ClusterProcess, startCluster } from '../../src/cli/cluster-process.ts';
import { TOOLS } from '../../src/cli/project.ts';
import { compareOutcomes, isExplained, requireFit } from './compare.ts';
import { keyOf, readKnown } from './known.ts';
import { type Outcome, type Recording, readRecording } from './recording.ts';
import { readScenario, scenarioNames } from './scenario.ts';
import { figures, runScenarios } from './suite.ts';

const known = readKnown();
const scenarios = scenarioNames().map((name) => {
  const scenario = readScenario(name);
  return { name, scenario, recording: requireFit(scenario, readRecording(name)) };
});

/** Each command of each scenario on an embedded cluster, against what the recorded cluster answered. */
describe('the embedded cluster answers as the recorded one', () => {
  const answers = new Map<string, Outcome[] | Error>();
  const counts = { recorded: 0, agreeing: 0, explained: 0 };
  let home: string;
  let clusters: ClusterProcess[] = [];

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'atelier-parity-'));
    const tools = await fetchTools(TOOLS, () => undefined);
    const troubles: Error[] = [];
    const onTrouble = (error: Error) => troubles.push(error);
    clusters = await Promise.all(
      ['main', 'own'].map((name) => startCluster({ home: path.join(home, name), name, onTrouble, nodes: 1 })),
    );
    const [shared, own] = clusters.map(({ kubeconfig }) => ({ tools, kubeconfig }));
    const answer = (asked: typeof scenarios) =>
      runScenarios(
        { shared: shared!, own: own! },
        asked.map(({ scenario }) => scenario),
        ({ name }, outcomes) => answers.set(name, outcomes),
      );
    await answer(scenarios);
    // A record holds one moment of a cluster that moves: what differs is asked once more, and that is said.
    const differing = scenarios.filter(({ name, recording }) => !agrees(name, recording, answers.get(name)));
    for (const { name } of differing) process.stdout.write(`once more: ${name}\n`);
    await answer(differing);
    expect(troubles).toEqual([]);
  }, 300_000);

  afterAll(async () => {
    process.stdout.write(`${figures('commands', counts)}\n`);
    await Promise.all(clusters.map((cluster) => cluster.stop()));
    await rm(home, { recursive: true, force: true });
  });

  describe.each(scenarios)('$name', ({ name, recording }) => {
    test.each(recording.outcomes.map((real, index) => ({ command: real.command, real, index })))(
      '$command',
      ({ real, index }) => {
        counts.recorded++;
        const answer = answers.get(name);
        if (!Array.isArray(answer)) throw answer ?? new Error(`${name} did not run`);
        const difference = compareOutcomes(name, real, answer[index]!);
        const isKnown = known.has(keyOf(name, index));
        if (isKnown && !difference)
          process.stdout.write(`agrees by now, take it off known.txt: ${name} #${index + 1}\n`);
        if (isKnown && difference) return;
        if (difference) throw new Error(`$ ${difference.command}\n${difference.diff}`);
        counts.agreeing++;
        if (isExplained(name, real, answer[index]!)) counts.explained++;
      },
    );
  });
});

function agrees(name: string, { outcomes }: Recording, answers: Outcome[] | Error | undefined): boolean {
  return (
    Array.isArray(answers) &&
    outcomes.every((real, index) => known.has(keyOf(name, index)) || !compareOutcomes(name, real, answers[index]!))
  );
}

test('a third of the commands fail, as learners do', () => {
  const outcomes = scenarios.flatMap(({ recording }) => recording.outcomes);
  const failing = outcomes.filter(({ code }) => code !== 0);
  expect(failing.length * 3).toBeGreaterThanOrEqual(outcomes.length);
});
