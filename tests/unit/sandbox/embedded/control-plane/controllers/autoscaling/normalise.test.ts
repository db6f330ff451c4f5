import { expect, test } from 'vitest';
import type { Loose } from '../../../../../../../kubernetes/object.ts';
import {
  type Decision,
  type History,
  normalise,
  noteChange,
} from '../../../../../../../sandbox/embedded/control-plane/controllers/autoscaling/normalise.ts';

const fresh = (): History => ({ recommendations: [], ups: [], downs: [] });

interface Asked {
  current: number;
  desired: number;
  /** Seconds. */
  at?: number;
  min?: number;
  max?: number;
  behavior?: Loose;
}

function ask(history: History, { current, desired, at = 0, min = 1, max = 10, behavior }: Asked): Decision {
  return normalise({ history, now: at * 1000, behavior, current, desired, min, max });
}

// https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#default-behavior
const defaults = {
  scaleDown: { stabilizationWindowSeconds: 300, policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }] },
  scaleUp: {
    stabilizationWindowSeconds: 0,
    selectPolicy: 'Max',
    policies: [
      { type: 'Percent', value: 100, periodSeconds: 15 },
      { type: 'Pods', value: 4, periodSeconds: 15 },
    ],
  },
};

test.each([
  ['nobody says how', undefined],
  ['it is said as the default is', defaults],
])('scaling down waits five minutes for the highest wish to be forgotten, where %s', (_, behavior) => {
  // "The default stabilization window is 300 seconds."
  const history = fresh();
  expect(ask(history, { current: 5, desired: 5, at: 0, behavior }).able[0]).toBe('ReadyForNewScale');
  const early = ask(history, { current: 5, desired: 1, at: 15, behavior });
  expect([early.replicas, early.able[0]]).toEqual([5, 'ScaleDownStabilized']);
  expect(ask(history, { current: 5, desired: 1, at: 299, behavior }).replicas).toBe(5);
  expect(ask(history, { current: 5, desired: 1, at: 301, behavior }).replicas).toBe(1);
});

test('scaling up doubles at most, or four pods, and tells what limits it', () => {
  expect(ask(fresh(), { current: 1, desired: 9 })).toMatchObject({ replicas: 4, isLimited: true });
  const limited = ask(fresh(), { current: 3, desired: 20, max: 30 });
  expect([limited.replicas, limited.limited]).toEqual([
    6,
    ['ScaleUpLimit', 'the desired replica count is increasing faster than the maximum scale rate'],
  ]);
  expect(ask(fresh(), { current: 3, desired: 5, max: 4 })).toMatchObject({
    replicas: 4,
    limited: ['TooManyReplicas', 'the desired replica count is more than the maximum replica count'],
  });
  expect(ask(fresh(), { current: 3, desired: 1, min: 2 })).toMatchObject({
    replicas: 2,
    limited: ['TooFewReplicas', 'the desired replica count is less than the minimum replica count'],
  });
  expect(ask(fresh(), { current: 3, desired: 4 })).toMatchObject({ replicas: 4, isLimited: false });
});

test('policies count what changed within their period', () => {
  // "periodSeconds indicates the window of time for which the policy should hold true."
  const behavior = {
    ...defaults,
    scaleUp: { ...defaults.scaleUp, policies: [{ type: 'Pods', value: 2, periodSeconds: 60 }] },
  };
  const history = fresh();
  expect(ask(history, { current: 2, desired: 9, at: 0, behavior }).replicas).toBe(4);
  noteChange(history, behavior, 2, 4, 0);
  const full = ask(history, { current: 4, desired: 9, at: 30, behavior });
  expect([full.replicas, full.limited[0]]).toEqual([4, 'ScaleUpLimit']);
  expect(ask(history, { current: 4, desired: 9, at: 61, behavior }).replicas).toBe(6);
});

test('down policies: the one that changes most, the least, none', () => {
  // "selectPolicy: Min … selects the policy which affects the smallest number of Pods"; "Disabled … prevents scaling".
  const policies = [
    { type: 'Percent', value: 10, periodSeconds: 60 },
    { type: 'Pods', value: 5, periodSeconds: 60 },
  ];
  const down = (selectPolicy: string) => ({
    ...defaults,
    scaleDown: { stabilizationWindowSeconds: 0, selectPolicy, policies },
  });
  const asked = { current: 20, desired: 1, max: 50 };
  expect(ask(fresh(), { ...asked, behavior: down('Max') }).replicas).toBe(15);
  expect(ask(fresh(), { ...asked, behavior: down('Min') })).toMatchObject({
    replicas: 18,
    limited: ['ScaleDownLimit', expect.any(String)],
  });
  expect(ask(fresh(), { ...asked, behavior: down('Disabled') }).replicas).toBe(20);
});

test('a window for scaling up takes the lowest wish', () => {
  const behavior = { ...defaults, scaleUp: { ...defaults.scaleUp, stabilizationWindowSeconds: 60 } };
  const history = fresh();
  ask(history, { current: 2, desired: 2, at: 0, behavior });
  const early = ask(history, { current: 2, desired: 4, at: 15, behavior });
  expect([early.replicas, early.able[0]]).toEqual([2, 'ScaleUpStabilized']);
  expect(ask(history, { current: 2, desired: 4, at: 80, behavior }).replicas).toBe(4);
});
