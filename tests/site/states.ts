import type { MapObject } from '../../src/checks/map-states.ts';
import type { CheckView, LessonEvent, PageContext, StepState } from '../../src/layouts/page-context.ts';

/** What a made-up learner has done: nothing, half of a lesson, the same with a wrong image, or all. */
export type SiteState = 'none' | 'empty' | 'begun' | 'trouble' | 'many' | 'done';

const passed = (secondsAgo: number): CheckView => ({
  verdict: 'passed',
  at: new Date(Date.now() - secondsAgo * 1000).toISOString(),
  armed: true,
  hints: [],
});
const waiting: CheckView = { verdict: 'waiting', armed: true, hints: [] };

const STEPS = ['apply', 'chain', 'token', 'forward', 'scale', 'tag', 'lost', 'volume', 'kept'];

function lesson(state: SiteState): LessonEvent {
  const at = state === 'trouble' || state === 'empty' ? 0 : state === 'done' ? STEPS.length : 2;
  const stepState = (index: number): StepState => (index < at ? 'done' : index === at ? 'current' : 'todo');
  const steps = Object.fromEntries(STEPS.map((id, index) => [id, { state: stepState(index) }]));
  const trouble: CheckView = {
    verdict: 'failing',
    why: { field: 'status.availableReplicas', value: '' },
    armed: true,
    hints: [
      {
        id: 'cannot-pull',
        facts: { pod: 'jupyter-6f7c9d8b5-x2v8k', image: 'quay.io/jupyter/minimal-notbook:latest' },
        more: 2,
      },
    ],
  };
  const ready = state === 'trouble' ? trouble : passed(61);
  if (state === 'empty') return { steps, checks: { 'apply/created': waiting, 'apply/service': waiting }, done: false };
  return {
    steps,
    checks: {
      'apply/created': passed(95),
      'apply/service': passed(94),
      'apply/ready': ready,
      'chain/maker': state === 'trouble' ? waiting : passed(40),
      'token/token': waiting,
    },
    done: state === 'done',
  };
}

export function contextOf(state: SiteState): PageContext | undefined {
  if (state === 'none') return undefined;
  const { steps, checks, done } = lesson(state);
  const states = Object.fromEntries(Object.entries(steps).map(([id, step]) => [id, step.state]));
  const finished = Object.values(states).filter((one) => one === 'done').length;
  return {
    learner: { name: 'alice' },
    namespace: 'alice',
    variables: { namespace: 'alice', learner: 'alice', domain: 'alice.localhost', server: 'v1.35.2' },
    owns: true,
    cluster: { kind: 'embedded', name: 'main', nodes: 1, simulated: true },
    progress: {
      'datalab/01-cluster': { done: 9, total: 9, finished: true, steps: {}, checks: {} },
      'datalab/02-raw-jupyter': { done: finished, total: STEPS.length, finished: done, steps: states, checks },
    },
    last: 'datalab/02-raw-jupyter',
  };
}

function objects(state: SiteState): MapObject[] {
  if (state === 'empty') return [];
  const since = new Date(Date.now() - 14_000).toISOString();
  const bad = state === 'trouble';
  const count = state === 'many' ? 40 : bad ? 1 : 3;
  const pods = Array.from(
    { length: count },
    (_, index): MapObject => ({
      uid: `pod-${index}`,
      kind: 'Pod',
      name: `jupyter-6f7c9d8b5-x2v${index}k`,
      owner: 'rs',
      state: bad ? 'ImagePullBackOff' : index === 2 ? 'ContainerCreating' : 'Running',
      tone: bad ? 'bad' : index === 2 ? 'wait' : 'ok',
      since,
      node: 'node-1',
    }),
  );
  return [
    {
      uid: 'deploy',
      kind: 'Deployment',
      name: 'jupyter',
      state: bad ? '0/1' : `${count - 1}/${count}`,
      tone: 'wait',
      since,
    },
    {
      uid: 'rs',
      kind: 'ReplicaSet',
      name: 'jupyter-6f7c9d8b5',
      owner: 'deploy',
      state: `${count}/${count}`,
      tone: 'ok',
      since,
    },
    ...pods,
    {
      uid: 'svc',
      kind: 'Service',
      name: 'jupyter',
      state: ':8888',
      tone: bad ? 'wait' : 'ok',
      selects: pods.map(({ uid }) => uid),
      endpoints: bad ? 0 : count - 1,
      since,
    },
    { uid: 'pvc', kind: 'PersistentVolumeClaim', name: 'jupyter', state: 'Bound', tone: 'ok', since },
  ];
}

export function eventsOf(state: SiteState): { event: string; data: unknown }[] {
  if (state === 'none') return [];
  return [
    { event: 'lesson', data: lesson(state) },
    { event: 'map', data: { objects: objects(state) } },
  ];
}
