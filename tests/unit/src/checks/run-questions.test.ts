import { afterEach, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { Probe } from '../../../../src/checks/probe.ts';
import { createLessonRun, type LessonRun } from '../../../../src/checks/run.ts';
import { lessonSchema } from '../../../../src/lessons/schema.ts';
import { createClock } from './clock.ts';
import { createFakeCluster } from './fake-cluster.ts';

const tick = () => new Promise<void>((resolve) => setImmediate(() => setImmediate(resolve)));
let run: LessonRun | undefined;
afterEach(() => run?.close());

test('a name is asked of the zone until it has the address of a Service; a hint says what the zone answers', async () => {
  const cluster = createFakeCluster(['services']);
  const service = (ip: string) => ({
    metadata: { name: 'traefik', namespace: 'ada', uid: 't' },
    status: { loadBalancer: { ingress: [{ ip }] } },
  });
  cluster.set('services', [service('127.64.0.3')]);
  let reply = { name: 'lab.ada.localhost', type: 'A', code: 'NXDOMAIN', answers: [] as string[] };
  const probe: Probe = {
    http: () => Promise.reject(new Error('nobody asks for addresses here')),
    dns: async () => reply,
  };
  const clock = createClock();
  const plan = `
minutes: 1
needs: namespace
steps:
  - id: name
    checks:
      - id: record
        watch: { resource: services, name: traefik }
        dns: { name: lab.ada.localhost }
        expect: response.answers.exists(a, a == item.status.loadBalancer.ingress[0].ip)
        hints:
          - id: absent
            when: response.code == 'NXDOMAIN'
            facts: { name: response.name }
          - id: elsewhere
            when: response.answers.size() > 0
            facts: { answer: "response.answers[0]" }
`;
  run = createLessonRun({
    lesson: lessonSchema.parse(parse(plan)),
    variables: { namespace: 'ada' },
    cluster,
    clock,
    probe,
    progress: { load: async () => undefined, save: async () => undefined },
  });
  await run.ready;
  run.subscribe(() => undefined);
  const hints = () => run?.state().checks['name/record']?.hints.map(({ id, facts }) => `${id} ${Object.values(facts)}`);
  await tick();
  expect(hints()).toEqual(['absent lab.ada.localhost']);
  reply = { ...reply, code: 'NOERROR', answers: ['192.0.2.1'] };
  clock.pass(10_000);
  await tick();
  await tick();
  expect(hints()).toEqual(['elsewhere 192.0.2.1']);
  reply = { ...reply, answers: ['127.64.0.3'] };
  clock.pass(10_000);
  await tick();
  await tick();
  expect(run?.state().done).toBe(true);
});

test('an address is asked through the load balancer of a Service, under its own name, once there is one', async () => {
  const cluster = createFakeCluster(['services']);
  const asked: unknown[] = [];
  const probe: Probe = {
    http: async (url, { from, headers }) => {
      asked.push([url, from, headers]);
      return { url, status: 200, headers: {}, body: '' };
    },
    dns: () => Promise.reject(new Error('nobody asks for names here')),
  };
  const clock = createClock();
  const plan = `
minutes: 1
needs: namespace
steps:
  - id: door
    checks:
      - id: open
        http: { url: "http://lab.ada.localhost:81/api", through: { name: traefik, namespace: ada-ingress } }
        expect: response.status == 200
`;
  run = createLessonRun({
    lesson: lessonSchema.parse(parse(plan)),
    variables: { namespace: 'ada' },
    cluster,
    clock,
    probe,
    progress: { load: async () => undefined, save: async () => undefined },
  });
  await run.ready;
  run.subscribe(() => undefined);
  await tick();
  expect(asked).toEqual([]);
  cluster.set('services', [
    {
      metadata: { name: 'traefik', namespace: 'ada-ingress', uid: 't' },
      status: { loadBalancer: { ingress: [{ ip: '127.64.0.3' }] } },
    },
  ]);
  clock.pass(10_000);
  await tick();
  await tick();
  expect(asked).toEqual([['http://127.64.0.3:81/api', 'shell', { Host: 'lab.ada.localhost:81' }]]);
  expect(run?.state().done).toBe(true);
});
