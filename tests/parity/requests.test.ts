import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ClusterProcess, startCluster } from '../../src/cli/cluster-process.ts';
import { keyOf, readKnown } from './known.ts';
import { inPool } from './pool.ts';
import { caseNames, readCase } from './requests/case.ts';
import { type Answer, compareAnswers, readAnswers, requireAnswers } from './requests/exchange.ts';
import { runCase } from './requests/send.ts';
import { figures } from './suite.ts';

const known = readKnown();
const cases = caseNames().map((name) => {
  const one = readCase(name);
  return { name, one, recorded: requireAnswers(one, readAnswers(name)) };
});

/** Each raw request, against status, headers and body that the recorded cluster gave. */
describe('the embedded cluster answers raw requests as the recorded one', () => {
  const answers = new Map<string, Answer[] | Error>();
  const counts = { recorded: 0, agreeing: 0, explained: 0 };
  let home: string;
  let cluster: ClusterProcess;

  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'atelier-requests-'));
    const troubles: Error[] = [];
    cluster = await startCluster({ home, name: 'main', nodes: 1, onTrouble: (error) => troubles.push(error) });
    await inPool(cases, 4, async ({ name, one }) => {
      answers.set(name, await runCase(cluster.kubeconfig, one).catch((error) => error));
    });
    expect(troubles).toEqual([]);
  }, 200_000);

  afterAll(async () => {
    process.stdout.write(`${figures('requests', counts)}\n`);
    await cluster?.stop();
    await rm(home, { recursive: true, force: true });
  });

  describe.each(cases)('$name', ({ name, recorded }) => {
    test.each(recorded.map((real, index) => ({ title: real.title, real, index })))('$title', ({ real, index }) => {
      counts.recorded++;
      const answer = answers.get(name);
      if (!Array.isArray(answer)) throw answer ?? new Error(`${name} did not run`);
      const difference = compareAnswers(name, real, answer[index]!);
      const isKnown = known.has(keyOf(`requests/${name}`, index));
      if (isKnown && !difference) process.stdout.write(`agrees by now, take it off known.txt: ${name} #${index + 1}\n`);
      if (isKnown && difference) return;
      if (difference) throw new Error(`${difference.command}\n${difference.diff}`);
      counts.agreeing++;
    });
  });
});
