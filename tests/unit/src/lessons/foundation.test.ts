import path from 'node:path';
import { expect, test } from 'vitest';
import { foundationOf, onlyAsks } from '../../../../src/lessons/foundation.ts';
import { loadTracks } from '../../../../src/lessons/load.ts';

const { tracks } = loadTracks(path.resolve(import.meta.dirname, '../../../..'));
const lesson = (id: string) => {
  const found = tracks.flatMap(({ lessons }) => lessons).find((one) => one.track === 'datalab' && one.id === id);
  if (!found) throw new Error(`no lesson ${id}`);
  return found;
};
const before = (id: string) => foundationOf(lesson(id), tracks).map((one) => one.id);

test('a lesson of questions alone leaves nothing behind', () => {
  expect(onlyAsks(lesson('plan').lesson)).toBe(true);
  expect(onlyAsks(lesson('cluster').lesson)).toBe(false);
});

test('the plan and the first cluster both begin without a kubeconfig', () => {
  expect(before('plan')).toEqual([]);
  expect(before('cluster')).toEqual([]);
});

test('a later lesson builds on those before it that leave something', () => {
  expect(before('helm')).toEqual(['cluster', 'raw-jupyter']);
});

test('an answer whose truth is in the cluster asks for something to be there', () => {
  const watching = {
    minutes: 1,
    needs: 'namespace' as const,
    steps: [{ id: 'a', checks: [{ id: 'b', watch: { resource: 'pods' }, answer: { expect: 'true' } }] }],
  };
  expect(onlyAsks(watching)).toBe(false);
});
