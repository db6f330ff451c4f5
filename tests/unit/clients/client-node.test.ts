import { EventEmitter, once } from 'node:events';
import { connect, createServer } from 'node:net';
import { PassThrough, Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import {
  AppsV1Api,
  Attach,
  CoreV1Api,
  CustomObjectsApi,
  Exec,
  KubeConfig,
  KubernetesObjectApi,
  Log,
  makeInformer,
  PatchStrategy,
  PortForward,
  setHeaderOptions,
  type V1ConfigMap,
  type V1Pod,
  type V1Status,
  Watch,
} from '@kubernetes/client-node';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { clusterForClients } from './cluster.ts';

const namespace = 'default';
const config = new KubeConfig();
let stop: () => Promise<void>;
let core: CoreV1Api;

beforeAll(async () => {
  const cluster = await clusterForClients();
  stop = cluster.stop;
  config.loadFromFile(cluster.kubeconfig);
  core = config.makeApiClient(CoreV1Api);
});
afterAll(() => stop?.());

const busybox = (name: string, command: string[]): V1Pod => ({
  metadata: { name, labels: { app: name } },
  spec: { terminationGracePeriodSeconds: 0, containers: [{ name: 'main', image: 'busybox:1.36', command }] },
});

/** Resolves with the pod once it is as wanted, seen by the library's own watch. */
async function podUntil(name: string, wanted: (pod: V1Pod) => boolean): Promise<V1Pod> {
  const found = new EventEmitter();
  const selector = { fieldSelector: `metadata.name=${name}` };
  const controller = await new Watch(config).watch(
    `/api/v1/namespaces/${namespace}/pods`,
    selector,
    (_type, pod: V1Pod) => {
      if (wanted(pod)) found.emit('pod', pod);
    },
    () => undefined,
  );
  const [pod] = await once(found, 'pod');
  controller.abort();
  return pod;
}

const ready = (pod: V1Pod) => pod.status?.conditions?.some(({ type, status }) => type === 'Ready' && status === 'True');

test('an informer tells each change once, in order, and holds what is there', async () => {
  const list = () => core.listNamespacedConfigMap({ namespace, labelSelector: 'watched=yes' });
  await core.createNamespacedConfigMap({
    namespace,
    body: { metadata: { name: 'first', labels: { watched: 'yes' } } },
  });
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const informer = makeInformer<V1ConfigMap>(config, path, list, 'watched=yes');
  const seen: string[] = [];
  const told = new EventEmitter();
  for (const verb of ['add', 'update', 'delete'] as const)
    informer.on(verb, ({ metadata, data }) => {
      seen.push(`${verb} ${metadata?.name} ${data?.turn ?? '-'}`);
      told.emit(seen.at(-1)!);
    });
  await informer.start();
  const last = once(told, 'delete first 2');
  for (const turn of ['1', '2'])
    await core.patchNamespacedConfigMap(
      { name: 'first', namespace, body: { data: { turn } } },
      setHeaderOptions('Content-Type', PatchStrategy.MergePatch),
    );
  await core.createNamespacedConfigMap({ namespace, body: { metadata: { name: 'unwatched' } } });
  await core.createNamespacedConfigMap({
    namespace,
    body: { metadata: { name: 'second', labels: { watched: 'yes' } } },
  });
  await core.deleteNamespacedConfigMap({ name: 'first', namespace });
  await last;
  await informer.stop();
  expect(seen).toEqual(['add first -', 'update first 1', 'update first 2', 'add second -', 'delete first 2']);
  expect(informer.list().map(({ metadata }) => metadata?.name)).toEqual(['second']);
});

test('exec: output, input, and how it ended', async () => {
  await core.createNamespacedPod({ namespace, body: busybox('exec', ['sleep', '3600']) });
  await podUntil('exec', (pod) => Boolean(ready(pod)));
  const run = async (command: string[], input?: string) => {
    const [stdout, stderr] = [new PassThrough(), new PassThrough()];
    const status = new Promise<V1Status>((resolve, reject) => {
      const stdin = input === undefined ? null : Readable.from([input]);
      new Exec(config).exec(namespace, 'exec', 'main', command, stdout, stderr, stdin, false, resolve).catch(reject);
    });
    const { status: verdict, details } = await status;
    stdout.end();
    stderr.end();
    return { verdict, causes: details?.causes, stdout: await text(stdout), stderr: await text(stderr) };
  };
  expect(await run(['sh', '-c', 'echo out; echo err >&2; exit 3'])).toEqual({
    verdict: 'Failure',
    causes: [{ reason: 'ExitCode', message: '3' }],
    stdout: 'out\n',
    stderr: 'err\n',
  });
  expect(await run(['head', '-n', '1'], 'one\ntwo\n')).toMatchObject({ verdict: 'Success', stdout: 'one\n' });
  expect(await run(['hostname'])).toMatchObject({ verdict: 'Success', stdout: 'exec\n' });
});

test('logs are followed to the end', async () => {
  await core.createNamespacedPod({
    namespace,
    body: { ...busybox('says', ['sh', '-c', 'for i in 1 2 3; do echo line $i; done']), ...{} },
  });
  await podUntil(
    'says',
    ({ status }) => status?.containerStatuses?.[0]?.state?.waiting === undefined && status?.phase !== 'Pending',
  );
  const stream = new PassThrough();
  await new Log(config).log(namespace, 'says', 'main', stream, { follow: true });
  let lines = '';
  for await (const chunk of stream) {
    lines += chunk;
    if (lines.endsWith('line 3\n')) break;
  }
  expect(lines).toBe('line 1\nline 2\nline 3\n');
});

test('attach gives what the container prints', async () => {
  await core.createNamespacedPod({
    namespace,
    body: busybox('counts', ['sh', '-c', 'while true; do echo tick; sleep 1; done']),
  });
  await podUntil('counts', (pod) => Boolean(ready(pod)));
  const stdout = new PassThrough();
  const socket = await new Attach(config).attach(namespace, 'counts', 'main', stdout, null, null, false);
  const [chunk] = await once(stdout, 'data');
  socket.close();
  expect(String(chunk)).toContain('tick');
});

test('a forwarded port carries HTTP', async () => {
  const body = { metadata: { name: 'web' }, spec: { containers: [{ name: 'main', image: 'nginx:1.27' }] } };
  await core.createNamespacedPod({ namespace, body });
  await podUntil('web', (pod) => Boolean(ready(pod)));
  const server = createServer((socket) => {
    void new PortForward(config).portForward(namespace, 'web', [80], socket, null, socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = connect((server.address() as { port: number }).port, '127.0.0.1');
  client.write('GET / HTTP/1.1\r\nHost: web\r\nConnection: close\r\n\r\n');
  let answer = '';
  for await (const chunk of client) {
    answer += chunk;
    if (answer.includes('</html>')) break;
  }
  server.close();
  expect(answer).toMatch(/^HTTP\/1\.1 200 OK\r\n/);
  expect(answer).toContain('Welcome to nginx!');
});

test('objects of any kind are applied, patched and listed without their type', async () => {
  const objects = KubernetesObjectApi.makeApiClient(config);
  const plural = 'shelves';
  const kind = 'Shelf';
  const schema = {
    openAPIV3Schema: {
      type: 'object',
      properties: { spec: { type: 'object', properties: { books: { type: 'integer' } } } },
    },
  };
  await objects.create({
    apiVersion: 'apiextensions.k8s.io/v1',
    kind: 'CustomResourceDefinition',
    metadata: { name: `${plural}.clients.atelier.dev` },
    spec: {
      group: 'clients.atelier.dev',
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [{ name: 'v1', served: true, storage: true, schema }],
    },
  } as never);
  const shelf = { apiVersion: 'clients.atelier.dev/v1', kind, metadata: { name: 'low', namespace } };
  await objects.create({ ...shelf, spec: { books: 1 } } as never);
  await objects.patch(
    { ...shelf, spec: { books: 2 } } as never,
    undefined,
    undefined,
    'clients',
    true,
    PatchStrategy.ServerSideApply,
  );
  const custom = config.makeApiClient(CustomObjectsApi);
  const place = { group: 'clients.atelier.dev', version: 'v1', namespace, plural };
  expect(await custom.listNamespacedCustomObject(place)).toMatchObject({ items: [{ spec: { books: 2 } }] });
  await expect(objects.create({ ...shelf, spec: { books: 'many' } } as never)).rejects.toMatchObject({ code: 422 });
  await expect(custom.getNamespacedCustomObject({ ...place, name: 'none' })).rejects.toMatchObject({ code: 404 });
});

test('a Deployment scales by its subresource', async () => {
  const apps = config.makeApiClient(AppsV1Api);
  const labels = { app: 'scaled' };
  const template = { metadata: { labels }, spec: busybox('scaled', ['sleep', '3600']).spec! };
  const body = { metadata: { name: 'scaled' }, spec: { replicas: 0, selector: { matchLabels: labels }, template } };
  await apps.createNamespacedDeployment({ namespace, body });
  const scale = await apps.readNamespacedDeploymentScale({ name: 'scaled', namespace });
  scale.spec!.replicas = 2;
  const answer = await apps.replaceNamespacedDeploymentScale({ name: 'scaled', namespace, body: scale });
  expect(answer.spec?.replicas).toBe(2);
  expect(answer.status?.selector).toBe('app=scaled');
});
