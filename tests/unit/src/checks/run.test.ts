import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Probe } from '../../../../src/checks/probe.ts';
import type { Progress } from '../../../../src/checks/progress.ts';
import { createLessonRun, type LessonRun } from '../../../../src/checks/run.ts';
import type { LessonChange } from '../../../../src/checks/state.ts';
import { lessonSchema } from '../../../../src/lessons/schema.ts';
import { createClock } from './clock.ts';
import { createFakeCluster, deployment, type FakeCluster, pod, waiting } from './fake-cluster.ts';

const lesson = lessonSchema.parse(
  parse(`
minutes: 5
needs: namespace
steps:
  - id: make
    checks:
      - id: there
        watch: { resource: deployments, name: web }
        expect: item.spec.replicas == 1
      - id: ready
        watch: { resource: deployments, name: web }
        expect: item.status.availableReplicas == item.spec.replicas
        hints:
          - id: cannot-pull
            watch: { resource: pods, selector: app=web }
            where: it.status.containerStatuses.exists(c, c.state.waiting.reason == 'ErrImagePull')
            facts: { pod: it.metadata.name, image: "it.spec.containers[0].image" }
          - id: nothing
            when: items.size() == 0
            patience: 20
          - id: taken
            says: { match: 'port (?P<port>\\d+) is taken', command: ^kubectl }
  - id: replace
    checks:
      - id: replaced
        watch: { resource: pods, selector: app=web }
        expect: items.size() == 1 && !items.exists(p, before.items.exists(b, b.metadata.uid == p.metadata.uid))
      - id: scaled
        after: replaced
        watch: { resource: pods, selector: "app=web" }
        expect: items.size() == 2 && vars.namespace == '\${namespace}'
  - id: question
    checks:
      - id: kind
        answer: { is: [ReplicaSet, rs] }
      - id: token
        answer: { from: { log: { selector: app=web, match: "token=([0-9a-f]+)" } } }
      - id: which
        answer: { from: { watch: { resource: pods }, value: "items.map(p, p.metadata.name)" } }
`),
);

const tick = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
const runs: LessonRun[] = [];
afterEach(() => {
  for (const run of runs.splice(0)) run.close();
});

async function start(cluster: FakeCluster, options: { kept?: Progress; plan?: string; probe?: Probe } = {}) {
  const clock = createClock();
  const store: { saved?: Progress } = {};
  const run = createLessonRun({
    lesson: options.plan ? lessonSchema.parse(parse(options.plan)) : lesson,
    variables: { namespace: 'ada' },
    cluster,
    clock,
    progress: {
      load: async () => options.kept,
      save: async (progress) => {
        store.saved = progress;
      },
    },
    ...(options.probe ? { probe: options.probe } : {}),
  });
  runs.push(run);
  await run.ready;
  const changes: LessonChange[] = [];
  run.subscribe((change) => changes.push(change));
  return { run, clock, store, changes };
}

const fresh = () => createFakeCluster(['deployments', 'pods']);

test('the first step arms at once, the next when it is done; each tick is told once', async () => {
  const cluster = fresh();
  const { run, changes, store } = await start(cluster);
  expect(run.state().steps).toEqual({
    make: { state: 'current' },
    replace: { state: 'todo' },
    question: { state: 'todo' },
  });
  expect(run.state().checks['make/there']).toEqual({
    verdict: 'waiting',
    why: { field: 'deployments/web', value: 'not there yet' },
    armed: true,
    hints: [],
  });
  expect(run.state().checks['replace/replaced']).toEqual({ verdict: 'waiting', armed: false, hints: [] });
  cluster.set('pods', [pod('web-1')]);
  cluster.set('deployments', [deployment('web', 1, 0)]);
  await tick();
  expect(changes).toEqual([
    {
      checks: {
        'make/there': { verdict: 'passed', at: '2026-01-01T00:00:00.000Z', armed: true, hints: [] },
        'make/ready': {
          verdict: 'failing',
          why: { field: 'status.availableReplicas', value: '0' },
          armed: true,
          hints: [],
        },
      },
    },
  ]);
  cluster.set('deployments', [deployment('web', 1, 1)]);
  await tick();
  expect(changes[1]?.steps).toEqual({ make: { state: 'done' }, replace: { state: 'current' } });
  expect(run.state().checks['replace/replaced']).toMatchObject({ armed: true, verdict: 'failing' });
  expect(store.saved?.armed['replace/replaced']?.before).toEqual({ items: [{ metadata: { uid: 'uid-web-1' } }] });
});

test('what was there before does not count, and a latched check stays', async () => {
  const cluster = fresh();
  cluster.set('pods', [pod('web-1')]);
  cluster.set('deployments', [deployment('web', 1, 1)]);
  const { run } = await start(cluster);
  expect(run.state().steps.replace?.state).toBe('current');
  cluster.set('pods', [pod('web-2')]);
  await tick();
  expect(run.state().checks['replace/replaced']?.verdict).toBe('passed');
  expect(run.state().checks['replace/scaled']).toMatchObject({ armed: true, verdict: 'failing' });
  cluster.set('pods', [pod('web-2'), pod('web-3')]);
  cluster.set('deployments', []);
  await tick();
  expect(run.state().steps).toMatchObject({ make: { state: 'done' }, question: { state: 'current' } });
});

test('nothing arms before all has been read', async () => {
  const cluster = createFakeCluster(['deployments']);
  cluster.set('deployments', [deployment('web', 1, 1)]);
  const { run } = await start(cluster);
  // `ready` has a hint over pods, which are still being read.
  expect(run.state().checks['make/ready']?.armed).toBe(false);
  cluster.set('pods', []);
  await tick();
  expect(run.state().checks['make/ready']?.verdict).toBe('passed');
});

test('a hint names the oldest culprit and counts the others', async () => {
  const cluster = fresh();
  const { run } = await start(cluster);
  cluster.set('deployments', [deployment('web', 2, 0)]);
  cluster.set('pods', [
    waiting('web-new', 'ErrImagePull', 'ngnix:2', '2026-01-01T00:00:09Z'),
    waiting('web-old', 'ErrImagePull', 'ngnix:1', '2026-01-01T00:00:05Z'),
    pod('web-fine'),
  ]);
  await tick();
  expect(run.state().checks['make/ready']?.hints).toEqual([
    { id: 'cannot-pull', facts: { pod: 'web-old', image: 'ngnix:1' }, more: 1 },
  ]);
  cluster.set('pods', [pod('web-fine')]);
  await tick();
  expect(run.state().checks['make/ready']?.hints).toEqual([]);
});

test('a hint with patience waits until its condition has held', async () => {
  const cluster = fresh();
  const { run, clock } = await start(cluster);
  expect(run.state().checks['make/ready']?.hints).toEqual([]);
  clock.pass(19_000);
  await tick();
  expect(run.state().checks['make/ready']?.hints).toEqual([]);
  clock.pass(1_000);
  await tick();
  expect(run.state().checks['make/ready']?.hints).toEqual([{ id: 'nothing', facts: {}, more: 0 }]);
});

test('what a command printed gives a hint, and a successful repeat takes it away', async () => {
  const cluster = fresh();
  const { run } = await start(cluster);
  const hints = () => run.state().checks['make/ready']?.hints;
  run.said({ command: 'echo port 8888 is taken', output: 'port 8888 is taken', exitCode: 0 });
  await tick();
  expect(hints()).toEqual([]);
  run.said({
    command: 'kubectl port-forward svc/web 8888',
    output: '\u001b[31mport 8888 is taken\u001b[0m\r\n',
    exitCode: 1,
  });
  await tick();
  expect(hints()).toEqual([{ id: 'taken', facts: { port: '8888' }, more: 0 }]);
  run.said({ command: 'kubectl get pods', output: 'No resources found', exitCode: 0 });
  await tick();
  expect(hints()?.length).toBe(1);
  run.said({ command: 'k port-forward -n ada svc/web 9999:80', output: 'Forwarding', exitCode: 0 });
  await tick();
  expect(hints()).toEqual([]);
});

const answered: Progress = {
  passed: Object.fromEntries(
    ['make/there', 'make/ready', 'replace/replaced', 'replace/scaled'].map((key) => [key, '2026-01-01T00:00:00Z']),
  ),
  armed: {},
};

test('answers: several right ones, a truth of a log, a truth of the cluster', async () => {
  const cluster = fresh();
  cluster.set('pods', [pod('web-1')]);
  const { run } = await start(cluster, { kept: answered });
  expect(await run.answer('nothing', 'x')).toEqual({ right: false, because: 'no-such-question' });
  expect(await run.answer('kind', 'Deployment')).toEqual({ right: false, because: 'wrong' });
  expect(run.state().checks['question/kind']).toMatchObject({
    verdict: 'failing',
    why: { field: 'answer', value: 'Deployment' },
  });
  expect(await run.answer('question/kind', '  replicaset ')).toEqual({ right: true });
  expect(await run.answer('token', 'abc')).toEqual({
    right: false,
    because: 'unknown',
    detail: 'no such line in the log yet',
  });
  cluster.log('web-1', 'http://127.0.0.1:8888/lab?token=c0ffee\n');
  expect(await run.answer('token', 'abc')).toEqual({ right: false, because: 'wrong' });
  expect(await run.answer('token', 'C0FFEE')).toEqual({ right: true });
  expect(run.state().done).toBe(false);
  expect(await run.answer('which', 'web-1')).toEqual({ right: true });
  expect(run.state().done).toBe(true);
});

test('progress goes on where it was; checks that the lesson no longer has are forgotten', async () => {
  const cluster = fresh();
  const kept = { passed: { 'make/there': '2026-01-01T00:00:00Z', 'gone/check': 'x' }, armed: {} };
  const { run, store } = await start(cluster, { kept });
  expect(run.state().checks['make/there']).toMatchObject({ verdict: 'passed' });
  await tick();
  expect(store.saved?.passed).toEqual({ 'make/there': '2026-01-01T00:00:00Z' });
});

test('reset clears the ticks and arms anew, with another before', async () => {
  const cluster = fresh();
  cluster.set('pods', [pod('web-1')]);
  cluster.set('deployments', [deployment('web', 1, 1)]);
  const { run, store } = await start(cluster);
  cluster.set('deployments', []);
  await run.reset();
  expect(run.state().steps).toEqual({
    make: { state: 'current' },
    replace: { state: 'todo' },
    question: { state: 'todo' },
  });
  cluster.set('pods', [pod('web-9')]);
  cluster.set('deployments', [deployment('web', 1, 1)]);
  await tick();
  expect(store.saved?.armed['replace/replaced']?.before).toEqual({ items: [{ metadata: { uid: 'uid-web-9' } }] });
});

test('two pages see the same, and one that throws does not hide it from the other', async () => {
  const cluster = fresh();
  const { run, changes } = await start(cluster);
  const second: LessonChange[] = [];
  run.subscribe(() => {
    throw new Error('a broken page');
  });
  const stop = run.subscribe((change) => second.push(change));
  cluster.set('deployments', [deployment('web', 1, 0)]);
  await tick();
  expect(second).toEqual(changes);
  stop();
  cluster.set('deployments', [deployment('web', 1, 1)]);
  await tick();
  expect(second.length).toBe(1);
  expect(changes.length).toBe(2);
});

test('a check that is too expensive or does not fit delays no other', async () => {
  const cluster = createFakeCluster(['pods']);
  const bomb = ['a', 'b', 'c', 'd', 'e', 'f'].reduceRight((inner, name) => `items.all(${name}, ${inner})`, 'true');
  const { run } = await start(cluster, {
    plan: `
minutes: 1
needs: namespace
steps:
  - id: one
    checks:
      - { id: bomb, watch: { resource: pods }, expect: "items.size() > 0 && ${bomb}" }
      - { id: typed, watch: { resource: pods }, expect: "items.size() == 'x'" }
      - { id: fine, watch: { resource: pods }, expect: items.size() == 30 }
`,
  });
  const began = performance.now();
  for (let round = 0; round < 20; round++) {
    cluster.set(
      'pods',
      Array.from({ length: 30 }, (_, index) => pod(`p${index}`)),
    );
    await tick();
  }
  expect(performance.now() - began).toBeLessThan(1000);
  const { checks } = run.state();
  expect(checks['one/fine']?.verdict).toBe('passed');
  expect(checks['one/bomb']).toMatchObject({
    verdict: 'failing',
    why: { field: 'the check itself', value: 'the expression costs more than 300000 steps' },
  });
  expect(checks['one/typed']).toMatchObject({
    verdict: 'failing',
    why: { field: 'the check itself', value: 'int is never equal to string' },
  });
});

test('a probe asks only while the check is armed and somebody looks', async () => {
  const asked: string[] = [];
  let listening = false;
  const probe: Probe = {
    async http(url, { from }) {
      asked.push(`${from} ${url}`);
      if (!listening) throw new Error('ECONNREFUSED');
      return { url, status: 200, headers: {}, body: '{"version":"2.0"}' };
    },
    dns: () => Promise.reject(new Error('nobody asks for names here')),
  };
  const { run, clock } = await start(fresh(), {
    probe,
    plan: `
minutes: 1
needs: namespace
steps:
  - id: open
    checks:
      - id: page
        http: { url: ["http://127.0.0.1:8888/api", "http://127.0.0.1:18888/api"], from: shell }
        expect: response.status == 200 && has(response.json.version)
`,
  });
  await tick();
  expect(asked).toEqual(['shell http://127.0.0.1:8888/api', 'shell http://127.0.0.1:18888/api']);
  expect(run.state().checks['open/page']).toMatchObject({
    verdict: 'waiting',
    why: { field: 'http://127.0.0.1:8888/api', value: 'no answer yet' },
  });
  listening = true;
  clock.pass(1000);
  await tick();
  await tick();
  expect(run.state().done).toBe(true);
  const count = asked.length;
  clock.pass(60_000);
  await tick();
  expect(asked.length).toBe(count);
});

test('watches are open for the current step and the next one only', async () => {
  const cluster = fresh();
  await start(cluster, { kept: answered });
  expect(cluster.wanted).toEqual([['pods']]);
});

test('what ticked by itself is asked anew once the lessons before have been made; what was worked for stays', async () => {
  const cluster = fresh();
  const plan = `
minutes: 5
needs: namespace
steps:
  - id: clean
    checks:
      - id: gone
        watch: { resource: deployments, name: web }
        expect: items.size() == 0
`;
  const empty = await start(cluster, { plan });
  expect(empty.run.state().done).toBe(true);
  cluster.set('deployments', [deployment('web', 1, 1)]);
  await empty.run.rearmUntouched();
  expect(empty.run.state().steps).toEqual({ clean: { state: 'current' } });
  empty.clock.pass(5000);
  cluster.set('deployments', []);
  await tick();
  expect(empty.run.state().done).toBe(true);
  await empty.run.rearmUntouched();
  expect(empty.run.state().done).toBe(true);
  expect(Object.keys(empty.store.saved?.passed ?? {})).toEqual(['clean/gone']);
});
