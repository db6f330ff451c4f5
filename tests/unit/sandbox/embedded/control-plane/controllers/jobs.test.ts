import { afterEach, describe, expect, test, vi } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import {
  backoffLeft,
  nextBackoff,
  noBackoff,
} from '../../../../../../sandbox/embedded/control-plane/controllers/job-backoff.ts';
import {
  formatIndexes,
  parseIndexes,
} from '../../../../../../sandbox/embedded/control-plane/controllers/job-indexes.ts';
import {
  failureAction,
  metSuccessRule,
} from '../../../../../../sandbox/embedded/control-plane/controllers/job-policies.ts';
import { addNode, type Loops, ready, startLoops, template } from './loops.ts';

const jobs = { group: 'batch', version: 'v1', resource: 'jobs' };
let loops: Loops;
afterEach(() => loops?.stop());

const indexOf = (pod: Loose): number => Number(pod.metadata.annotations?.['batch.kubernetes.io/job-completion-index']);
const failed = (exitCode = 1): Loose => ({
  phase: 'Failed',
  containerStatuses: [{ name: 'c', state: { terminated: { exitCode, finishedAt: new Date().toISOString() } } }],
});

async function start(spec: Loose, play: (pod: Loose) => Loose | undefined): Promise<void> {
  loops = startLoops({ play });
  await addNode(loops.client);
  const { metadata, spec: podSpec } = template('x');
  const selector = { matchLabels: metadata.labels };
  const job: KubeObject = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: 'work', namespace: 'a' },
    spec: {
      backoffLimit: 6,
      selector,
      template: { metadata, spec: { ...podSpec, restartPolicy: 'Never' } },
      ...spec,
    },
  };
  await loops.client.create(jobs, job);
}

const statusIs = (status: Loose) => vi.waitFor(() => expect(loops.one('jobs', 'work').status).toMatchObject(status));
const condition = (type: string, reason: string) => expect.objectContaining({ type, status: 'True', reason });
const indexed = (completions: number) => ({ completions, parallelism: completions, completionMode: 'Indexed' });

describe('by index', () => {
  test('each fails as often as it may, others go on; the wait of each is its own', async () => {
    await start({ ...indexed(3), backoffLimit: 2 ** 31 - 1, backoffLimitPerIndex: 1 }, (pod) =>
      indexOf(pod) === 1 ? failed() : { phase: 'Succeeded' },
    );
    await statusIs({ completedIndexes: '0,2', failedIndexes: '' });
    loops.clock.skip(10_500);
    await statusIs({
      failedIndexes: '1',
      failed: 2,
      succeeded: 2,
      conditions: [condition('FailureTarget', 'FailedIndexes'), condition('Failed', 'FailedIndexes')],
    });
  });

  test('too many failed ones end the job, and what still runs', async () => {
    await start({ ...indexed(3), backoffLimit: 2 ** 31 - 1, backoffLimitPerIndex: 0, maxFailedIndexes: 1 }, (pod) =>
      indexOf(pod) === 0 ? ready(loops.clock) : failed(),
    );
    await statusIs({
      failedIndexes: '1,2',
      conditions: expect.arrayContaining([condition('FailureTarget', 'MaxFailedIndexesExceeded')]),
    });
    await vi.waitFor(() => expect(loops.events()).toContainEqual(expect.stringMatching(/^SuccessfulDelete: /)));
  });

  test('enough successes are a success', async () => {
    await start({ ...indexed(3), successPolicy: { rules: [{ succeededIndexes: '1-2', succeededCount: 1 }] } }, (pod) =>
      indexOf(pod) === 2 ? { phase: 'Succeeded' } : ready(loops.clock),
    );
    await statusIs({ conditions: expect.arrayContaining([condition('SuccessCriteriaMet', 'SuccessPolicy')]) });
    expect(loops.one('jobs', 'work').status.conditions[0].message).toBe('Matched rules at index 0');
  });
});

test('what the policy ignores does not count', async () => {
  const codes = [7, 7, 0];
  await start(
    {
      completions: 1,
      parallelism: 1,
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      podFailurePolicy: { rules: [{ action: 'Ignore', onExitCodes: { operator: 'In', values: [7] } }] },
    },
    () => {
      const code = codes.shift()!;
      return code === 0 ? { phase: 'Succeeded' } : failed(code);
    },
  );
  await vi.waitFor(() => expect(codes).toHaveLength(2));
  loops.clock.skip(11_000);
  await vi.waitFor(() => expect(codes).toHaveLength(1));
  loops.clock.skip(21_000);
  await statusIs({ succeeded: 1, conditions: expect.arrayContaining([condition('Complete', 'CompletionsReached')]) });
  expect(loops.one('jobs', 'work').status.failed).toBeUndefined();
});

test('pods of a suspended job go and have not failed; resumed, its time begins anew', async () => {
  await start({ completions: 2, parallelism: 2 }, () => ready(loops.clock));
  await statusIs({ active: 2, ready: 2 });
  const patch = (suspend: boolean) => loops.client.patch(jobs, 'work', 'a', 'merge', { spec: { suspend } });
  await patch(true);
  await statusIs({ ready: 0, conditions: [condition('Suspended', 'JobSuspended')] });
  await vi.waitFor(() => expect(loops.names('pods')).toEqual([]));
  expect(loops.one('jobs', 'work').status.failed).toBeUndefined();
  await patch(false);
  await statusIs({ active: 2, conditions: [expect.objectContaining({ type: 'Suspended', status: 'False' })] });
  expect(loops.events()).toContain('Resumed: Job resumed');
});

test('indexes are written as ranges and read below the number there are', () => {
  const text = '0-2,4,6,7,9-11';
  expect(formatIndexes(parseIndexes(text, 12))).toBe(text);
  expect([...parseIndexes('3-9', 5)]).toEqual([3, 4]);
});

test('waits double with each failure since the last success, up to ten minutes', () => {
  const at = (second: number) => ({
    metadata: { creationTimestamp: `2026-01-01T00:00:${String(second).padStart(2, '0')}Z` },
  });
  const pods = (...seconds: number[]) => seconds.map(at) as unknown as KubeObject[];
  const age = () => 1000;
  const two = nextBackoff(noBackoff, [], pods(1, 2));
  expect(backoffLeft(two, age)).toBe(19_000);
  expect(nextBackoff(two, pods(5), pods(3, 7))).toEqual({ failures: 1, last: '2026-01-01T00:00:07Z' });
  expect(nextBackoff(two, pods(5), [])).toEqual(noBackoff);
  expect(backoffLeft({ failures: 30, last: '' }, () => 0)).toBe(600_000);
});

test('rules are asked in order; a code of zero and another container are no match', () => {
  const job = {
    spec: {
      podFailurePolicy: {
        rules: [
          { action: 'FailJob', onExitCodes: { containerName: 'other', operator: 'NotIn', values: [1] } },
          { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
          { action: 'Count', onExitCodes: { operator: 'NotIn', values: [3] } },
        ],
      },
    },
  } as unknown as KubeObject;
  const pod = (status: Loose) => ({ metadata: {}, status }) as unknown as KubeObject;
  expect(failureAction(job, pod(failed(2)))).toBe('Count');
  expect(failureAction(job, pod(failed(3)))).toBeUndefined();
  expect(failureAction(job, pod(failed(0)))).toBeUndefined();
  const evicted = { ...failed(2), conditions: [{ type: 'DisruptionTarget', status: 'True' }] };
  expect(failureAction(job, pod(evicted))).toBe('Ignore');
  const rules = (list: Loose[]) => ({ spec: { successPolicy: { rules: list } } }) as unknown as KubeObject;
  const parse = (text: string) => parseIndexes(text, 10);
  expect(metSuccessRule(rules([{ succeededIndexes: '0-2' }, { succeededCount: 2 }]), new Set([0, 1]), parse)).toBe(
    'Matched rules at index 1',
  );
  expect(metSuccessRule(rules([{ succeededIndexes: '0-2' }]), new Set([0, 1]), parse)).toBeUndefined();
});
