import { once } from 'node:events';
import { Agent, request } from 'node:https';
import { connect as connectPlain } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { configMap, configMaps, namespace, namespaces, openTestCluster, type TestCluster } from '../test-cluster.ts';

// Every answer is the one Kubernetes 1.35.4 gave to the same request.
let opened: TestCluster;
let agent: Agent;
beforeAll(async () => {
  opened = await openTestCluster();
  const { pki } = opened.cluster;
  agent = new Agent({ keepAlive: true, ca: pki.ca.cert, ...pki.admin });
  await opened.client.create(namespaces, namespace('rude'));
  await opened.client.create(configMaps, configMap('base', { a: '1' }));
});
afterAll(async () => {
  agent.destroy();
  await opened.close();
});

interface Answer {
  code: number;
  text: string;
}

function ask(
  method: string,
  path: string,
  body?: string | Buffer,
  headers: Record<string, string> = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { port } = opened.cluster;
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const all = { 'content-type': 'application/json', ...length, ...headers };
    const asked = request({ host: '127.0.0.1', port, method, path, agent, headers: all }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk) => chunks.push(chunk));
      response.on('end', () => resolve({ code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

const collection = '/api/v1/namespaces/default/configmaps';
const json = (value: unknown) => JSON.stringify(value);
const nested = (depth: number) => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
const typed = (name: string) => ({ 'content-type': `application/${name}` });
const deepObject = `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"deep"},"data":${nested(100_000)}}`;
const laughs = Array.from({ length: 9 }, (_, i) => `  k${i + 1}: &k${i + 1} [${Array(9).fill(`*k${i}`).join(',')}]`);
const bomb = [
  'apiVersion: v1',
  'kind: ConfigMap',
  'metadata: {name: bomb}',
  'data:',
  '  k0: &k0 lol',
  ...laughs,
  '',
].join('\n');
const bombHex = Buffer.from(bomb).toString('hex', 0, 30);
const envelope = Buffer.concat([Buffer.from('k8s\0\x0a\x0f\x0a\x02v1\x12\x09ConfigMap', 'latin1')]);
const unrecognized = 'the object provided is unrecognized (must be of type ConfigMap)';
const operations = Array.from({ length: 10_001 }, (_, index) => ({ op: 'add', path: '/data/k', value: String(index) }));
const copies = [
  { op: 'add', path: '/metadata/annotations', value: { a: 'x'.repeat(1000) } },
  ...Array.from({ length: 5000 }, (_, i) => ({
    op: 'copy',
    from: '/metadata/annotations',
    path: `/metadata/annotations/k${i}`,
  })),
];
const pod = (value: string) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'large' },
  spec: { containers: [{ name: 'a', image: 'nginx:1.27', env: [{ name: 'X', value }] }] },
});

const millionKeys = () => {
  const keys = Array.from({ length: 1e6 }, (_, index) => `"k${index}":""`).join(',');
  return json(configMap('many')).replace('"data":{}', `"data":{${keys}}`);
};

const refused: [string, number, string, () => Promise<Answer>][] = [
  [
    'a body of 20 MB',
    413,
    'Request entity too large: limit is 3145728',
    () => ask('POST', collection, Buffer.alloc(2e7)),
  ],
  [
    'a ConfigMap of a million keys',
    413,
    'Request entity too large: limit is 3145728',
    () => ask('POST', collection, millionKeys()),
  ],
  [
    'more than a ConfigMap holds',
    422,
    'ConfigMap "big" is invalid: []: Too long: may not be more than 1048576 bytes',
    () => ask('POST', collection, json(configMap('big', { a: 'x'.repeat(2e6) }))),
  ],
  [
    'more than etcd takes',
    500,
    'etcdserver: request is too large',
    () => ask('POST', '/api/v1/namespaces/default/pods', json(pod('x'.repeat(1.7e6)))),
  ],
  [
    'JSON that is nested too deeply',
    400,
    `${unrecognized}: couldn't get version/kind; json parse error: invalid character '{' exceeded max depth ({"apiVersion":"v1","kind":"Con ...)`,
    () => ask('POST', collection, deepObject),
  ],
  [
    'a merge patch that is nested too deeply',
    400,
    "error decoding patch: invalid character '{' exceeded max depth",
    () => ask('PATCH', `${collection}/base`, deepObject, typed('merge-patch+json')),
  ],
  [
    'a strategic patch that is nested too deeply',
    400,
    "invalid character '{' exceeded max depth",
    () => ask('PATCH', `${collection}/base`, deepObject, typed('strategic-merge-patch+json')),
  ],
  [
    'an applied object that is nested too deeply',
    400,
    'error decoding YAML: error converting YAML to JSON: yaml: exceeded max depth of 10000',
    () => ask('PATCH', `${collection}/deep?fieldManager=a`, deepObject, typed('apply-patch+yaml')),
  ],
  [
    'a YAML bomb',
    400,
    `${unrecognized}: yaml: document contains excessive aliasing (${bombHex} ...)`,
    () => ask('POST', collection, bomb, typed('yaml')),
  ],
  [
    'a YAML bomb, applied',
    400,
    'error decoding YAML: error converting YAML to JSON: yaml: document contains excessive aliasing',
    () => ask('PATCH', `${collection}/bomb?fieldManager=a`, bomb, typed('apply-patch+yaml')),
  ],
  [
    'what is no protobuf',
    400,
    `${unrecognized}: provided data does not appear to be a protobuf message, expected prefix [107 56 115 0] (6e6f2070726f746f627566)`,
    () => ask('POST', collection, 'no protobuf', typed('vnd.kubernetes.protobuf')),
  ],
  [
    'an empty protobuf envelope',
    400,
    `${unrecognized}: empty body (6b387300)`,
    () => ask('POST', collection, 'k8s\0', typed('vnd.kubernetes.protobuf')),
  ],
  [
    'a protobuf object that is cut off',
    400,
    'ConfigMap in version "v1" cannot be handled as a ConfigMap: unexpected EOF',
    () =>
      ask(
        'POST',
        collection,
        Buffer.concat([envelope, Buffer.from([0x12, 3, 255, 255, 255])]),
        typed('vnd.kubernetes.protobuf'),
      ),
  ],
  [
    'a protobuf number that never ends',
    400,
    `${unrecognized}: proto: integer overflow (6b387300${'ff'.repeat(26)} ...)`,
    () =>
      ask(
        'POST',
        collection,
        Buffer.concat([Buffer.from('k8s\0'), Buffer.alloc(2e6, 255)]),
        typed('vnd.kubernetes.protobuf'),
      ),
  ],
  [
    'a patch of 10,001 operations',
    413,
    'Request entity too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
    () => ask('PATCH', `${collection}/base`, json(operations), typed('json-patch+json')),
  ],
  [
    'a patch whose copies double',
    422,
    'the server rejected our request due to an error in our request',
    () => ask('PATCH', `${collection}/base`, json(copies), typed('json-patch+json')),
  ],
  [
    'a label selector of 10,000 brackets',
    400,
    "found '(', expected: !, identifier, or 'end of string'",
    () => ask('GET', `${collection}?labelSelector=${'('.repeat(10_000)}`),
  ],
  [
    'a watch from a garbled revision',
    500,
    'resourceVersion: Invalid value: "garbage": strconv.ParseUint: parsing "garbage": invalid syntax',
    () => ask('GET', `${collection}?watch=1&resourceVersion=garbage`),
  ],
  [
    'a watch from a revision beyond all numbers',
    500,
    'resourceVersion: Invalid value: "99999999999999999999": strconv.ParseUint: parsing "99999999999999999999": value out of range',
    () => ask('GET', `${collection}?watch=1&resourceVersion=99999999999999999999`),
  ],
  [
    'a watch for a garbled time',
    400,
    'strconv.ParseInt: parsing "abc": invalid syntax',
    () => ask('GET', `${collection}?watch=1&timeoutSeconds=abc`),
  ],
  [
    'a list that goes on from nowhere',
    400,
    "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value",
    () => ask('GET', `${collection}?continue=abc`),
  ],
];

test.each(refused)('%s: %i %s', async (_, code, message, send) => {
  // Another client is served while the rude one is.
  const [answer, other] = await Promise.all([send(), ask('GET', `${collection}/base`)]);
  expect(JSON.parse(answer.text)).toMatchObject({ kind: 'Status', code, message });
  expect(answer.code).toBe(code);
  expect(other.code).toBe(200);
});

test.each<[string, string, Record<string, string>]>([
  ['headers', `${collection}/base`, { 'x-large': 'v'.repeat(1.2e6) }],
  ['an address', `${collection}/${'x'.repeat(1.2e6)}`, {}],
])('%s of more than a megabyte: 431 in plain text', async (_, path, headers) => {
  expect(await ask('GET', path, undefined, headers)).toEqual({
    code: 431,
    text: '431 Request Header Fields Too Large',
  });
});

test('thousands of headers, and large selectors, are taken', async () => {
  const headers = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => [`x-h${i}`, 'v']));
  expect((await ask('GET', `${collection}/base`, undefined, headers)).code).toBe(200);
  const values = Array.from({ length: 20_000 }, (_, i) => `v${i}`).join(',');
  expect((await ask('GET', `${collection}?labelSelector=${encodeURIComponent(`a in (${values})`)}`)).code).toBe(200);
});

test('10,000 items of a list map are applied, and applied again without a change', async () => {
  const ports = Array.from({ length: 10_000 }, (_, i) => ({ name: `E${i}`, value: 'v' }));
  const object = pod('');
  object.spec.containers[0]!.env = ports;
  const apply = () =>
    ask('PATCH', '/api/v1/namespaces/default/pods/large?fieldManager=a', json(object), typed('apply-patch+yaml'));
  const first = await apply();
  expect(first.code).toBe(201);
  const second = await apply();
  expect([second.code, JSON.parse(second.text).metadata.resourceVersion]).toEqual([
    200,
    JSON.parse(first.text).metadata.resourceVersion,
  ]);
});

test('large requests follow large answers on one connection', async () => {
  const one = new Agent({
    keepAlive: true,
    maxSockets: 1,
    ca: opened.cluster.pki.ca.cert,
    ...opened.cluster.pki.admin,
  });
  const shared = agent;
  agent = one;
  const body = (round: number) => json(configMap('large', { round: String(round), filler: 'x'.repeat(400_000) }));
  const codes = [(await ask('POST', collection, body(0))).code];
  for (let round = 1; round <= 40; round++) codes.push((await ask('PUT', `${collection}/large`, body(round))).code);
  agent = shared;
  one.destroy();
  expect(new Set(codes)).toEqual(new Set([200, 201]));
});

async function watchRaw(): Promise<TLSSocket> {
  const { pki, port } = opened.cluster;
  const socket = connect({ host: '127.0.0.1', port, ca: pki.ca.cert, ...pki.admin });
  await once(socket, 'secureConnect');
  socket.write(`GET ${collection}?watch=true HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n`);
  await once(socket, 'data');
  return socket;
}

test('a watcher that never reads is dropped; one that reads misses nothing', async () => {
  const stuck = await watchRaw();
  stuck.on('error', () => {});
  stuck.pause();
  const seen: string[] = [];
  const stop = new AbortController();
  const last = 60;
  const { resourceVersion } = JSON.parse((await ask('GET', `${collection}?limit=1`)).text).metadata;
  const watching = opened.transport.stream(
    { method: 'GET', path: `${collection}?watch=true&resourceVersion=${resourceVersion}` },
    ({ object }) => {
      if (object.metadata.name !== 'flood') return;
      seen.push(object.data.round);
      if (seen.length === last) stop.abort();
    },
    stop.signal,
  );
  // More than the server keeps for a reader, and more than the kernel does on both sides.
  const filler = 'x'.repeat(500_000);
  for (let round = 1; round <= last; round++) {
    const body = json(configMap('flood', { round: String(round), filler }));
    if (round === 1) await ask('POST', collection, body);
    else await ask('PUT', `${collection}/flood`, body);
  }
  await watching;
  expect(seen).toEqual(Array.from({ length: last }, (_, index) => String(index + 1)));
  // It was hung up on: what was in flight ends without the end of the stream.
  let text = '';
  stuck.on('data', (chunk) => {
    text = (text + chunk.toString('latin1')).slice(-20);
  });
  stuck.resume();
  await once(stuck, 'close');
  expect(text.endsWith('0\r\n\r\n')).toBe(false);
});

test('half of a handshake, half of a request and a plain-text client keep nobody waiting', async () => {
  const { port } = opened.cluster;
  const plain = connectPlain(port, '127.0.0.1');
  const half = connectPlain(port, '127.0.0.1');
  const slow = connect({ host: '127.0.0.1', port, rejectUnauthorized: false });
  for (const socket of [plain, half, slow]) socket.on('error', () => {});
  await Promise.all([once(plain, 'connect'), once(half, 'connect'), once(slow, 'secureConnect')]);
  half.write(Buffer.from([0x16, 3, 1, 2, 0, 1]));
  slow.write('GET /api HTTP/1.1\r\nhost: x\r\nx-slow: ');
  plain.write('GET /api HTTP/1.1\r\nhost: x\r\n\r\n');
  expect((await ask('GET', `${collection}/base`)).code).toBe(200);
  for (const socket of [plain, half, slow]) socket.destroy();
});
