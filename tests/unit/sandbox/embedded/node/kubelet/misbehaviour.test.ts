import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { type Rig, shell, startRig } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.stop());

/** A container of the image that misbehaves. */
function misbehave(env: Record<string, string>, more: Loose = {}): Loose {
  const list = Object.entries(env).map(([name, value]) => ({ name, value }));
  return { name: 'c', image: 'atelier.dev/misbehave:1', env: list, ...more };
}

const running = (name: string) => rig.until(() => rig.state(name)?.running);
/** Lets time pass, second by second, until it is so. */
async function passUntil(condition: () => unknown): Promise<void> {
  while (!condition()) {
    rig.clock.skip(1000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
const statusOf = (name: string): Loose => rig.pod(name)?.status.containerStatuses[0];

test('a container that takes more memory than its limit is OOMKilled, restarted, and backs off', async () => {
  await rig.run('oom', { containers: [misbehave({ MEMORY: '80Mi' }, { resources: { limits: { memory: '50Mi' } } })] });
  await rig.until(() => statusOf('oom')?.lastState?.terminated);
  expect(statusOf('oom').lastState.terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
  await rig.until(() => rig.state('oom')?.terminated?.reason === 'OOMKilled');
  await passUntil(() => rig.state('oom')?.waiting?.reason === 'CrashLoopBackOff');
  await rig.until(() => rig.events('oom').some((line) => line.includes('BackOff')));
  // https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/: "The output shows that the Container was
  // killed because it is out of memory (OOM)" and, of its events, "Back-off restarting failed container".
  expect(rig.events('oom').join('\n')).toMatch(
    /Warning BackOff Back-off restarting failed container c in pod oom_default/,
  );
});

test('ordinary programs are killed alike: tail of what has no end, the stress of the documentation', async () => {
  const limits = { resources: { limits: { memory: '100Mi' } } };
  await rig.run('tail', { restartPolicy: 'Never', containers: [shell('tail /dev/zero', limits)] });
  const args = ['--vm', '1', '--vm-bytes', '250M', '--vm-hang', '1'];
  await rig.run('stress', {
    restartPolicy: 'Never',
    containers: [{ name: 'c', image: 'polinux/stress', command: ['stress'], args, ...limits }],
  });
  for (const name of ['tail', 'stress']) {
    await rig.until(() => rig.state(name)?.terminated);
    expect(rig.state(name).terminated).toMatchObject({ reason: 'OOMKilled', exitCode: 137 });
    expect(rig.pod(name).status.phase).toBe('Failed');
  }
  const [quiet] = [['--vm', '1', '--vm-bytes', '60M', '--vm-hang', '1']];
  await rig.run('fits', {
    containers: [{ name: 'c', image: 'polinux/stress', command: ['stress'], args: quiet, ...limits }],
  });
  await running('fits');
  await rig.says('fits', 'stress: info: [1] dispatching hogs: 0 cpu, 0 io, 1 vm, 0 hdd');
  expect(rig.state('fits').running).toBeTruthy();
});

test('crashes: after a while, with a code, so many times', async () => {
  await rig.run('twice', {
    containers: [misbehave({ CRASH_AFTER: '1', CRASH_TIMES: '2', EXIT_CODE: '3', TERMINATION_MESSAGE: 'gone' })],
  });
  await passUntil(() => rig.state('twice')?.running && statusOf('twice').restartCount === 2);
  expect(statusOf('twice').lastState.terminated).toMatchObject({ exitCode: 3, reason: 'Error', message: 'gone' });
  await rig.says('twice', 'listening on port 8080');
});

test('after ten good minutes a crash is forgiven: no back-off', async () => {
  // https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy: "Once a container has executed for 10 minutes
  // without any problems, the kubelet resets the restart backoff timer for that container."
  await rig.run('long', { containers: [misbehave({ CRASH_AFTER: '700' })] });
  while (!((statusOf('long')?.restartCount ?? 0) >= 3)) {
    rig.clock.skip(50_000);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(rig.events('long').filter((line) => line.includes('BackOff'))).toEqual([]);
});

test('probes: never ready, slow to start, unwell after a while, by HTTP and by gRPC', async () => {
  const http = (path: string) => ({ httpGet: { path, port: 8080 }, periodSeconds: 1 });
  await rig.run('unready', { containers: [misbehave({ NOT_READY: '1' }, { readinessProbe: http('/ready') })] });
  await rig.run('slow', {
    containers: [
      misbehave(
        { START_AFTER: '20' },
        { startupProbe: { ...http('/healthz'), failureThreshold: 30 }, livenessProbe: http('/healthz') },
      ),
    ],
  });
  const grpc = { grpc: { port: 9000 }, periodSeconds: 1, failureThreshold: 1 };
  await rig.run('grpc', {
    containers: [
      misbehave({ GRPC_PORT: '9000', UNHEALTHY_AFTER: '30' }, { readinessProbe: grpc }),
      {
        name: 'etcd',
        image: 'registry.k8s.io/etcd:3.5.1-0',
        livenessProbe: { grpc: { port: 2379 }, periodSeconds: 1 },
      },
    ],
  });
  await rig.until(() => statusOf('grpc')?.ready);
  await rig.until(() =>
    rig
      .events('unready')
      .some((line) => line.includes('Readiness probe failed: HTTP probe failed with statuscode: 503')),
  );
  expect(statusOf('unready').ready).toBe(false);
  await running('slow');
  expect(statusOf('slow').started).toBe(false);
  for (let second = 0; second < 32; second += 1) {
    rig.clock.skip(1000);
    await new Promise((resolve) => setTimeout(resolve, 15));
  }
  await rig.until(() => statusOf('slow').started);
  expect(statusOf('slow').restartCount).toBe(0);
  await rig.until(() => !statusOf('grpc').ready);
  expect(rig.events('grpc').join('\n')).toContain(
    'Warning Unhealthy Readiness probe failed: service unhealthy (responded with "NOT_SERVING")',
  );
  expect(rig.events('grpc').join('\n')).not.toContain('Liveness probe failed');
});

test('SIGTERM is ignored until the grace period is over', async () => {
  await rig.run('deaf', { terminationGracePeriodSeconds: 20, containers: [misbehave({ IGNORE_SIGTERM: '1' })] });
  await running('deaf');
  await rig.says('deaf', 'listening');
  await rig.remove('deaf', 20);
  await rig.says('deaf', 'SIGTERM ignored');
  expect(rig.kubelet.pod('default', 'deaf')?.record('c')?.instance).toBeTruthy();
  rig.clock.skip(20_000);
  await rig.until(() => rig.state('deaf')?.terminated?.exitCode === 137);
});

test('a pod that fills the disk is evicted, in the words of its limit', async () => {
  const disk = { resources: { limits: { 'ephemeral-storage': '4Mi' } } };
  await rig.run('full', { containers: [misbehave({ DISK: '6Mi' }, disk)] });
  await rig.run('cache', {
    volumes: [{ name: 'cache', emptyDir: { sizeLimit: '3Mi' } }],
    containers: [
      misbehave({ DISK: '6Mi', DISK_PATH: '/cache/fill' }, { volumeMounts: [{ name: 'cache', mountPath: '/cache' }] }),
    ],
  });
  await rig.run('fine', { containers: [misbehave({ DISK: '2Mi' }, disk)] });
  await running('fine');
  await passUntil(() => rig.pod('full')?.status.phase === 'Failed' && rig.pod('cache')?.status.phase === 'Failed');
  // https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/: "If a Pod is using more ephemeral storage
  // than you allow it to, the kubelet sets an eviction signal that triggers Pod eviction."
  const message = 'Pod ephemeral local storage usage exceeds the total limit of containers 4Mi. ';
  expect(rig.pod('full').status).toMatchObject({ reason: 'Evicted', message });
  expect(rig.events('full')).toContain(`Warning Evicted ${message}`);
  expect(rig.pod('cache').status.message).toBe('Usage of EmptyDir volume "cache" exceeds the limit "3Mi". ');
  expect(rig.pod('fine').status.phase).toBe('Running');
});

test('a node short of memory sends away who uses most beyond its request', async () => {
  await rig.run('greedy', { containers: [misbehave({ MEMORY: '5Gi' })] });
  await rig.run('modest', {
    containers: [misbehave({ MEMORY: '2700Mi' }, { resources: { requests: { memory: '3Gi' } } })],
  });
  const held = (name: string) => rig.kubelet.pod('default', name)?.record('c')?.instance?.container.memory.used ?? 0;
  await rig.until(() => rig.state('greedy')?.running && rig.state('modest')?.running);
  for (let step = 0; step < 400 && (held('greedy') < 5 * 2 ** 30 || held('modest') < 2700 * 2 ** 20); step += 1) {
    rig.clock.skip(20);
    await new Promise((resolve) => setImmediate(resolve));
  }
  rig.clock.skip(11_000);
  await rig.until(() => rig.pod('greedy')?.status.phase === 'Failed');
  // https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/: "BestEffort or Burstable pods where the usage
  // exceeds requests. These pods are evicted based on their Priority and then by how much their usage level exceeds the request."
  expect(rig.pod('greedy').status.message).toMatch(
    /^The node was low on resource: memory\. Threshold quantity: 100Mi, available: \d+\w*\. Container c was using \d+Ki|Mi, request is 0, has larger consumption of memory\. $/,
  );
  expect(rig.pod('greedy').status.conditions.find((one: Loose) => one.type === 'DisruptionTarget').reason).toBe(
    'TerminationByKubelet',
  );
  expect(rig.pod('modest').status.phase).toBe('Running');
  const pressed = () =>
    rig.api.objects('nodes')[0]?.status.conditions.find((one: Loose) => one.type === 'MemoryPressure')?.status;
  await rig.until(() => pressed() === 'True');
  expect(rig.events('node-1')).toContain(
    'Normal NodeHasInsufficientMemory Node node-1 status is now: NodeHasInsufficientMemory',
  );
});

test('a wish that cannot be read is said', async () => {
  await rig.run('bad', { restartPolicy: 'Never', containers: [misbehave({ MEMORY: 'much' })] });
  await rig.until(() => rig.state('bad')?.terminated);
  expect(rig.state('bad').terminated.exitCode).toBe(2);
  await rig.says('bad', 'misbehave: MEMORY=much: a size is wanted, such as 64Mi');
});
