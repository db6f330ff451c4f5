import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { resources } from '../../../../../../sandbox/embedded/node/kubelet/configuration.ts';
import { type Rig, shell, startRig } from './rig.ts';

let rig: Rig;
beforeEach(async () => {
  rig = await startRig();
});
afterEach(() => rig.stop());

const condition = (name: string, type: string): Loose =>
  rig.pod(name).status.conditions.find((entry: Loose) => entry.type === type);

test('a pod gets an address, runs and is Ready, and its events say how', async () => {
  await rig.run('web', { containers: [{ name: 'c', image: 'nginx:1.27' }] });
  await rig.until(() => condition('web', 'Ready')?.status === 'True' && rig.events('web').length === 3);
  const { status } = rig.pod('web');
  expect(status.phase).toBe('Running');
  expect(status.podIP).toMatch(/^10\.244\.0\.\d+$/);
  expect(status.hostIP).toBe('10.99.0.1');
  expect(status.containerStatuses[0]).toMatchObject({
    name: 'c',
    ready: true,
    started: true,
    restartCount: 0,
    image: 'docker.io/library/nginx:1.27',
    lastState: {},
  });
  expect(rig.events('web')).toEqual([
    'Normal Pulled Container image "nginx:1.27" already present on machine and can be accessed by the pod',
    'Normal Created Container created',
    'Normal Started Container started',
  ]);
});

test('a pod that has to pull shows ContainerCreating first, and says how long it took', async () => {
  await rig.run('p', { containers: [{ name: 'c', image: 'ghcr.io/some/thing:1' }] });
  await rig.until(() => rig.state('p')?.waiting?.reason === 'ContainerCreating');
  rig.clock.skip(250);
  await rig.until(() => rig.state('p')?.running);
  await rig.until(() => rig.events('p').length === 5);
  expect(rig.events('p')[0]).toBe('Normal Pulling Pulling image "ghcr.io/some/thing:1"');
  expect(rig.events('p')[1]).toMatch(
    /^Normal Pulled Successfully pulled image "ghcr.io\/some\/thing:1" in \d+ms \(\d+ms including waiting\)\. Image size: \d+ bytes\.$/,
  );
  expect(rig.events('p')[4]).toContain('Normal Simulated');
});

test('restartPolicy Never: exit 0 is Succeeded, any other Failed with its code', async () => {
  await rig.run('good', { restartPolicy: 'Never', containers: [shell('echo done')] });
  await rig.run('bad', { restartPolicy: 'Never', containers: [shell('exit 4')] });
  await rig.until(() => rig.pod('good').status.phase === 'Succeeded' && rig.pod('bad').status.phase === 'Failed');
  expect(rig.state('bad').terminated).toMatchObject({ exitCode: 4, reason: 'Error' });
  expect(rig.state('good').terminated).toMatchObject({ exitCode: 0, reason: 'Completed' });
  expect(condition('good', 'Ready')).toMatchObject({ status: 'False', reason: 'PodCompleted' });
  expect(condition('good', 'Ready').message).toBeUndefined();
  expect(condition('bad', 'ContainersReady')).toMatchObject({ status: 'False', reason: 'PodFailed' });
});

test('a crash is restarted at once, then backs off for 10 s and 20 s', async () => {
  await rig.run('crash', { containers: [shell('exit 3')] });
  const restarts = () => rig.pod('crash').status.containerStatuses?.[0].restartCount;
  await rig.until(() => restarts() === 1 && rig.state('crash').terminated);
  rig.clock.skip(1100);
  await rig.until(() => rig.state('crash').waiting);
  const { uid } = rig.pod('crash').metadata;
  expect(rig.state('crash').waiting).toEqual({
    reason: 'CrashLoopBackOff',
    message: `back-off 10s restarting failed container=c pod=crash_default(${uid})`,
  });
  expect(rig.pod('crash').status.containerStatuses[0].lastState.terminated.exitCode).toBe(3);
  rig.clock.skip(10_000);
  await rig.until(() => restarts() === 2);
  rig.clock.skip(1100);
  await rig.until(() => rig.state('crash').waiting?.message.startsWith('back-off 20s'));
  await rig.until(() => rig.events('crash').some((event) => event.startsWith('Warning BackOff')));
  expect(rig.events('crash')).toContainEqual(
    expect.stringContaining(`Back-off restarting failed container c in pod crash_default(${uid})`),
  );
});

test('init containers run in order, a sidecar before the others, and it is ended last', async () => {
  await rig.run('i', {
    initContainers: [
      shell('echo one', { name: 'one' }),
      shell('trap "exit 0" TERM; echo up; sleep 1000 & wait', { name: 'side', restartPolicy: 'Always' }),
    ],
    containers: [shell('trap "exit 0" TERM; echo up; sleep 1000 & wait')],
  });
  await rig.until(() => condition('i', 'Ready')?.status === 'True');
  expect(rig.state('i', 'one').terminated.reason).toBe('Completed');
  expect(rig.state('i', 'side').running).toBeDefined();
  expect(condition('i', 'Initialized').status).toBe('True');
  // Before its trap is set a shell that is process 1 does not hear TERM.
  await rig.says('i', 'up', 'side');
  await rig.says('i', 'up');
  await rig.remove('i', 30);
  await rig.until(() => rig.state('i', 'side').terminated);
  const ended = rig.pod('i').status;
  expect(ended.containerStatuses[0].state.terminated.exitCode).toBe(0);
});

test('a failed init container makes the pod Failed or, with Always, is tried again', async () => {
  await rig.run('never', {
    restartPolicy: 'Never',
    initContainers: [shell('exit 5', { name: 'i' })],
    containers: [shell('sleep 9')],
  });
  await rig.run('always', { initContainers: [shell('exit 5', { name: 'i' })], containers: [shell('sleep 9')] });
  await rig.until(() => rig.pod('never').status.phase === 'Failed');
  expect(rig.state('never').waiting).toEqual({ reason: 'PodInitializing' });
  await rig.until(() => rig.pod('always').status.initContainerStatuses?.[0].restartCount === 1);
  expect(rig.pod('always').status.phase).toBe('Pending');
  expect(condition('always', 'Initialized').message).toBe('containers with incomplete status: [i]');
});

test.each([
  [{ env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'nope', key: 'a' } } }] }, 'configmap "nope" not found'],
  [
    { env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'zz' } } }] },
    "couldn't find key zz in ConfigMap default/cm",
  ],
  [{ envFrom: [{ secretRef: { name: 'nope' } }] }, 'secret "nope" not found'],
])('CreateContainerConfigError says what is missing: %j', async (more, message) => {
  await rig.client.create(resources.configmaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cm', namespace: 'default' },
    data: { a: '1' },
  });
  await rig.run('p', { containers: [shell('sleep 9', more)] });
  await rig.until(() => rig.state('p')?.waiting?.reason === 'CreateContainerConfigError');
  expect(rig.state('p').waiting.message).toBe(message);
  await rig.until(() => rig.events('p').includes(`Warning Failed Error: ${message}`));
});

test('an image that cannot be pulled: ErrImagePull, then ImagePullBackOff, then another try', async () => {
  await rig.run('p', { containers: [{ name: 'c', image: 'nginxx:1.27' }] });
  await rig.until(() => rig.state('p'));
  rig.clock.skip(300);
  await rig.until(() => rig.state('p').waiting.reason === 'ErrImagePull');
  const said = rig.state('p').waiting.message;
  expect(said).toMatch(/^failed to pull and unpack image "docker.io\/library\/nginxx:1.27": /);
  rig.clock.skip(3100);
  await rig.until(() => rig.state('p').waiting.reason === 'ImagePullBackOff');
  expect(rig.state('p').waiting.message).toBe(`Back-off pulling image "nginxx:1.27": ErrImagePull: ${said}`);
  rig.clock.skip(10_000);
  rig.clock.skip(300);
  await rig.until(() => rig.events('p').includes('Normal Pulling Pulling image "nginxx:1.27" x2'));
});

test('pull policy Never and a name that is none', async () => {
  await rig.run('never', { containers: [{ name: 'c', image: 'foo:1', imagePullPolicy: 'Never' }] });
  await rig.run('bad', { containers: [{ name: 'c', image: 'NGINX' }] });
  await rig.until(() => rig.state('never')?.waiting.reason === 'ErrImageNeverPull');
  expect(rig.state('never').waiting.message).toBe('Container image "foo:1" is not present with pull policy of Never');
  await rig.until(() => rig.state('bad')?.waiting.reason === 'InvalidImageName');
  expect(rig.state('bad').waiting.message).toMatch(
    /^Failed to apply default image tag "NGINX": couldn't parse image name/,
  );
});

test('a command that is not there: RunContainerError, StartError 128', async () => {
  await rig.run('p', { containers: [{ name: 'c', image: 'busybox:1.36', command: ['nosuch'] }] });
  await rig.until(() => rig.state('p')?.waiting?.reason === 'RunContainerError');
  const { lastState } = rig.pod('p').status.containerStatuses[0];
  expect(lastState.terminated).toMatchObject({ exitCode: 128, reason: 'StartError' });
  expect(lastState.terminated.message).toMatch(/exec: "nosuch": executable file not found in \$PATH: unknown$/);
});

test('a missing ConfigMap holds the pod at ContainerCreating until it is there', async () => {
  await rig.run('p', {
    containers: [shell('cat /v/a; sleep 1000', { volumeMounts: [{ name: 'v', mountPath: '/v' }] })],
    volumes: [{ name: 'v', configMap: { name: 'late' } }],
  });
  await rig.until(() =>
    rig
      .events('p')
      .includes('Warning FailedMount MountVolume.SetUp failed for volume "v" : configmap "late" not found'),
  );
  expect(rig.state('p').waiting.reason).toBe('ContainerCreating');
  expect(rig.pod('p').status.podIP).toBeUndefined();
  await rig.client.create(resources.configmaps, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'late', namespace: 'default' },
    data: { a: 'here' },
  });
  rig.clock.skip(4000);
  await rig.until(() => rig.state('p').running);
  const lines: string[] = [];
  await rig.kubelet
    .pod('default', 'p')
    ?.record('c')
    ?.log?.read({}, (data) => void lines.push(data.toString()));
  expect(lines.join('')).toMatch(/^(here)?$/);
});

test('deletion: TERM, KILL after the grace, then the API is told to forget the pod', async () => {
  await rig.run('stubborn', { containers: [shell('sleep 1000')] });
  await rig.until(() => rig.state('stubborn')?.running);
  const { uid } = rig.pod('stubborn').metadata;
  await rig.remove('stubborn', 30);
  await rig.until(() => rig.events('stubborn').includes('Normal Killing Stopping container c'));
  const deletes = () => rig.api.requests.filter((request) => request.method === 'DELETE');
  expect(rig.state('stubborn').running).toBeDefined();
  expect(deletes()).toEqual([]);
  rig.clock.skip(30_000);
  await rig.until(() => rig.state('stubborn').terminated?.exitCode === 137 && deletes().length === 1);
  expect(deletes()[0]?.body).toMatchObject({ gracePeriodSeconds: 0, preconditions: { uid } });
});

test('preStop runs before TERM', async () => {
  await rig.run('p', {
    containers: [
      shell('trap "cat /tmp/last > /dev/termination-log; exit 7" TERM; echo up; sleep 1000 & wait', {
        lifecycle: { preStop: { exec: { command: ['sh', '-c', 'echo bye > /tmp/last'] } } },
      }),
    ],
  });
  await rig.until(() => rig.state('p')?.running);
  await rig.says('p', 'up');
  await rig.remove('p', 30);
  await rig.until(() => rig.state('p').terminated);
  expect(rig.state('p').terminated).toMatchObject({ exitCode: 7, message: 'bye\n' });
});

test('a postStart hook that fails kills the container', async () => {
  await rig.run('p', {
    terminationGracePeriodSeconds: 1,
    containers: [shell('sleep 1000', { lifecycle: { postStart: { exec: { command: ['sh', '-c', 'exit 7'] } } } })],
  });
  await rig.until(() => rig.events('p').includes('Normal Killing FailedPostStartHook'));
  expect(rig.events('p')).toContain('Warning FailedPostStartHook PostStartHook failed');
});

test('activeDeadlineSeconds', async () => {
  await rig.run('p', {
    activeDeadlineSeconds: 60,
    terminationGracePeriodSeconds: 1,
    containers: [shell('sleep 1000')],
  });
  await rig.until(() => rig.state('p')?.running);
  rig.clock.skip(60_000);
  await rig.until(() => rig.pod('p').status.phase === 'Failed');
  rig.clock.skip(1000);
  await rig.until(() => rig.state('p').terminated?.exitCode === 137);
  expect(rig.pod('p').status).toMatchObject({
    reason: 'DeadlineExceeded',
    message: 'Pod was active on the node longer than the specified deadline',
  });
});

test('after a crash of the node containers begin anew, one restart later', async () => {
  await rig.run('p', { containers: [shell('sleep 1000')] });
  await rig.run('job', { restartPolicy: 'Never', containers: [shell('sleep 1000')] });
  await rig.run('done', { restartPolicy: 'Never', containers: [shell('true')] });
  await rig.until(
    () => rig.state('p')?.running && rig.state('job')?.running && rig.pod('done').status.phase === 'Succeeded',
  );
  const { podIP } = rig.pod('p').status;
  await rig.restart();
  await rig.until(() => rig.pod('p').status.containerStatuses[0].restartCount === 1 && rig.state('p').running);
  expect(rig.pod('p').status.podIP).toBe(podIP);
  expect(rig.pod('p').status.containerStatuses[0].lastState.terminated).toMatchObject({
    exitCode: 255,
    reason: 'Unknown',
  });
  await rig.until(() => rig.pod('job').status.phase === 'Failed');
  expect(rig.pod('done').status.phase).toBe('Succeeded');
});

test('a pod that names its node without a scheduler is rejected where it does not fit', async () => {
  const request = (cpu: string) => ({ containers: [shell('sleep 1000', { resources: { requests: { cpu } } })] });
  await rig.run('small', request('1'));
  await rig.until(() => rig.state('small')?.running);
  await rig.run('large', request('3500m'));
  await rig.run('picky', { ...request('1m'), nodeSelector: { disk: 'ssd' } });
  await rig.until(() => rig.pod('large').status.phase === 'Failed' && rig.pod('picky').status.phase === 'Failed');
  const why = "Node didn't have enough resource: cpu, requested: 3500, used: 1000, capacity: 4000";
  expect(rig.pod('large').status).toMatchObject({ reason: 'OutOfcpu', message: `Pod was rejected: ${why}` });
  expect(rig.pod('picky').status.reason).toBe('NodeAffinity');
  await rig.until(() => rig.events('large').includes(`Warning OutOfcpu ${why}`));
});

test('another image ends what runs, and is started in its place', async () => {
  await rig.run('p', { containers: [shell('trap "exit 0" TERM; echo up; sleep 1000 & wait')] });
  await rig.until(() => rig.state('p')?.running);
  await rig.says('p', 'up');
  const [container] = rig.pod('p').spec.containers;
  await rig.client.patch(resources.pods, 'p', 'default', 'merge', {
    spec: { containers: [{ ...container, image: 'nginx:1.27' }] },
  });
  await rig.until(() => rig.pod('p').status.containerStatuses[0].image === 'docker.io/library/nginx:1.27');
  expect(rig.pod('p').status.containerStatuses[0].restartCount).toBe(1);
  await rig.until(() => rig.events('p').includes('Normal Killing Container c definition changed, will be restarted'));
});

test('a running pod sees a changed ConfigMap in its volume, and its environment as it was', async () => {
  const map = (value: string) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'cm', namespace: 'default' },
    data: { a: value },
  });
  await rig.client.create(resources.configmaps, map('one'));
  await rig.run('p', {
    containers: [
      shell('sleep 1000', {
        env: [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'cm', key: 'a' } } }],
        volumeMounts: [{ name: 'v', mountPath: '/v' }],
      }),
    ],
    volumes: [{ name: 'v', configMap: { name: 'cm' } }],
  });
  await rig.until(() => rig.state('p')?.running);
  const { container } = rig.kubelet.pod('default', 'p')!.record('c')!.instance!;
  const read = () => Buffer.from(container.fs.read('/v/a')).toString();
  expect(read()).toBe('one');
  await rig.client.patch(resources.configmaps, 'cm', 'default', 'merge', { data: { a: 'two' } });
  await new Promise((resolve) => setImmediate(resolve));
  rig.clock.skip(5000);
  await new Promise((resolve) => setImmediate(resolve));
  expect(read()).toBe('two');
  expect(container.processes()[0]?.env.A).toBe('one');
});
