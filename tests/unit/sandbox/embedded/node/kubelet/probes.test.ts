import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { type Rig, shell, startRig } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.stop());

const ready = (name: string) => rig.pod(name).status?.containerStatuses?.[0].ready;
const nginx = (more: Loose) => ({ containers: [{ name: 'c', image: 'nginx:1.27', ...more }] });
const address = (name: string) => rig.pod(name).status.podIP;

test('readiness by HTTP is really asked for, and what it answers decides', async () => {
  await rig.run('good', nginx({ readinessProbe: { httpGet: { path: '/', port: 80 } } }));
  await rig.run('bad', nginx({ readinessProbe: { httpGet: { path: '/nope', port: 80 } } }));
  await rig.until(() => ready('good'));
  await rig.until(() =>
    rig.events('bad').includes('Warning Unhealthy Readiness probe failed: HTTP probe failed with statuscode: 404'),
  );
  expect(ready('bad')).toBe(false);
  expect(rig.pod('bad').status.containerStatuses[0].started).toBe(true);
});

test('a port nobody listens on is refused, in the words of Go', async () => {
  await rig.run('p', {
    containers: [
      shell('sleep 1000', {
        readinessProbe: { httpGet: { path: '/x', port: 99 } },
        livenessProbe: { tcpSocket: { port: 98 }, failureThreshold: 1 },
      }),
    ],
    terminationGracePeriodSeconds: 1,
  });
  await rig.until(() => rig.events('p').some((event) => event.includes('Killing')));
  const ip = address('p');
  expect(rig.events('p')).toContain(
    `Warning Unhealthy Readiness probe failed: Get "http://${ip}:99/x": dial tcp ${ip}:99: connect: connection refused`,
  );
  expect(rig.events('p')).toContain(
    `Warning Unhealthy Liveness probe failed: dial tcp ${ip}:98: connect: connection refused`,
  );
  expect(rig.events('p')).toContain('Normal Killing Container c failed liveness probe, will be restarted');
  rig.clock.skip(1000);
  await rig.until(() => rig.pod('p').status.containerStatuses[0].restartCount === 1);
  expect(rig.pod('p').status.containerStatuses[0].lastState.terminated).toMatchObject({
    exitCode: 137,
    reason: 'Error',
  });
});

test('exec: three failures in a row, ten seconds apart, and not one less', async () => {
  await rig.run('p', {
    containers: [shell('sleep 1000', { livenessProbe: { exec: { command: ['sh', '-c', 'echo bad; exit 1'] } } })],
  });
  await rig.until(() => rig.events('p').some((event) => event.includes('Liveness probe failed: bad\n')));
  rig.clock.skip(10_000);
  await rig.until(() => rig.events('p').some((event) => event.includes('bad\n x2')));
  expect(rig.events('p').some((event) => event.includes('Killing'))).toBe(false);
  rig.clock.skip(10_000);
  await rig.until(() => rig.events('p').some((event) => event.includes('Killing')));
});

test('other probes wait for the startup probe, and the container is not started before', async () => {
  await rig.run('p', {
    containers: [
      shell('sleep 1000', {
        startupProbe: { exec: { command: ['cat', '/tmp/up'] }, periodSeconds: 1 },
        livenessProbe: { exec: { command: ['false'] }, failureThreshold: 1 },
      }),
    ],
  });
  await rig.until(() => rig.events('p').some((event) => event.includes('Startup probe failed')));
  expect(rig.pod('p').status.containerStatuses[0]).toMatchObject({ started: false, ready: false });
  expect(rig.events('p').some((event) => event.includes('Liveness'))).toBe(false);
  rig.kubelet.pod('default', 'p')?.record('c')?.instance?.container.fs.write('/tmp/up', '');
  rig.clock.skip(1000);
  await rig.until(() => rig.events('p').some((event) => event.includes('Liveness probe failed')));
});
