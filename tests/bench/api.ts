import { Agent, type RequestOptions, request } from 'node:https';
import path from 'node:path';
import { type Credentials, readKubeconfig } from '../../sandbox/embedded/client/kubeconfig.ts';
import { openCluster } from './cluster.ts';
import { type Figure, percentile } from './figures.ts';
import type { Part, Workplace } from './part.ts';
import { startNode } from './processes.ts';

const CLIENTS = 16;
const CREATES = 1200;
const GETS = 2000;
const LISTS = 160;
const WATCHED = 200;
/** A namespace of the bench's own on a cluster that is somebody's. */
const NAMESPACE = 'atelier-bench';
const OBJECTS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

interface Sample {
  perSecond: number;
  p99: number;
}
type Verb = 'create' | 'get' | 'list' | 'watch';

class Api {
  readonly #agent: Agent;
  readonly #server: URL;
  readonly #token: string | undefined;

  constructor({ server, ca, cert, key, token }: Credentials) {
    this.#server = new URL(server);
    this.#token = token;
    const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    this.#agent = new Agent({ ...tls, keepAlive: true, maxSockets: CLIENTS * 4, checkServerIdentity: () => undefined });
  }

  #options(method: string, target: string): RequestOptions {
    const { hostname, port } = this.#server;
    return {
      hostname,
      port,
      method,
      path: target,
      agent: this.#agent,
      headers: {
        accept: 'application/json',
        'content-type': 'application/json',
        ...(this.#token && { authorization: `Bearer ${this.#token}` }),
      },
    };
  }

  /** Resolves with the whole answer; rejects for 300 and above. */
  call(method: string, target: string, body?: object): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request(this.#options(method, target), (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if ((response.statusCode ?? 500) < 300) resolve(text);
          else reject(new Error(`${method} ${target}: ${text}`));
        });
      });
      asked.on('error', reject);
      asked.end(body && JSON.stringify(body));
    });
  }

  /** Calls at each event until `count` have come, then resolves; `opened` when the server has answered. */
  watch(target: string, count: number): { opened: Promise<void>; done: Promise<void> } {
    const opened = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    const asked = request(this.#options('GET', target), (response) => {
      opened.resolve();
      let left = count;
      response.on('data', (chunk: Buffer) => {
        for (const byte of chunk) if (byte === 10) left--;
        if (left > 0) return;
        done.resolve();
        asked.destroy();
      });
    });
    asked.on('error', done.reject);
    asked.end();
    return { opened: opened.promise, done: done.promise };
  }

  close(): void {
    this.#agent.destroy();
  }
}

const configMap = (name: string) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: NAMESPACE, labels: { app: 'bench' } },
  data: { text: 'x'.repeat(400) },
});

/** So many calls, as many at a time as there are clients. */
async function load(count: number, call: (index: number) => Promise<unknown>): Promise<Sample> {
  const times: number[] = [];
  let next = 0;
  const began = performance.now();
  const client = async () => {
    for (let index = next++; index < count; index = next++) {
      const started = performance.now();
      await call(index);
      times.push(performance.now() - started);
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  return { perSecond: (count * 1000) / (performance.now() - began), p99: percentile(times, 0.99) };
}

async function exercise(api: Api): Promise<Record<Verb, Sample>> {
  // Both sides get their code compiled first.
  await load(200, (index) => api.call('POST', OBJECTS, configMap(`warm-${index}`)));
  const create = await load(CREATES, (index) => api.call('POST', OBJECTS, configMap(`object-${index}`)));
  const get = await load(GETS, (index) => api.call('GET', `${OBJECTS}/object-${index % CREATES}`));
  const list = await load(LISTS, () => api.call('GET', `${OBJECTS}?limit=500`));
  const { metadata } = JSON.parse(await api.call('GET', `${OBJECTS}?limit=1`)) as {
    metadata: { resourceVersion: string };
  };
  const target = `${OBJECTS}?watch=true&resourceVersion=${metadata.resourceVersion}`;
  const watches = Array.from({ length: CLIENTS }, () => api.watch(target, WATCHED));
  await Promise.all(watches.map(({ opened }) => opened));
  const began = performance.now();
  const writes = load(WATCHED, (index) => api.call('POST', OBJECTS, configMap(`watched-${index}`)));
  await Promise.all([writes, ...watches.map(({ done }) => done)]);
  const perSecond = (WATCHED * CLIENTS * 1000) / (performance.now() - began);
  return { create, get, list, watch: { perSecond, p99: Number.NaN } };
}

async function run(workplace: Workplace): Promise<Figure[]> {
  const cluster = await openCluster(workplace, path.join(workplace.directory, 'home'));
  const ours = new Api(cluster.credentials);
  workplace.atEnd(() => ours.close());
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  await ours.call('POST', '/api/v1/namespaces', namespace);
  const our = await exercise(ours);
  await cluster.process.end();
  const real = workplace.realCluster;
  const server = real
    ? readKubeconfig(real)
    : await startNode(
        'tests/bench/objects-server.ts',
        [path.join(workplace.directory, 'home/clusters/main/pki')],
        /^port (\d+)$/,
      ).then((bare) => {
        workplace.atEnd(() => bare.end());
        const { ca } = cluster.credentials;
        return { server: `https://127.0.0.1:${bare.said}`, ...(ca && { ca }) };
      });
  const theirs = new Api(server);
  workplace.atEnd(() => theirs.close());
  if (real) {
    await theirs.call('POST', '/api/v1/namespaces', namespace);
    workplace.atEnd(() => theirs.call('DELETE', `/api/v1/namespaces/${NAMESPACE}`));
  }
  const their = await exercise(theirs);
  const name = real ? 'kube-apiserver + etcd' : 'bare TLS + node:sqlite';
  return (['create', 'get', 'list', 'watch'] as const).flatMap((verb): Figure[] => [
    {
      name: `API ${verb}${verb === 'list' ? ' of 500' : verb === 'watch' ? ' events' : ''}, ${CLIENTS} clients`,
      value: our[verb].perSecond,
      unit: '/s',
      anchor: { name, value: their[verb].perSecond },
      // Beside a server that does nothing but store, the ratio is the price of being a Kubernetes.
      ...(real && { budget: { of: 'ratio', least: 1.5 } }),
    },
    ...(verb === 'watch'
      ? []
      : [
          {
            name: `API ${verb}, p99`,
            value: our[verb].p99,
            unit: 'ms' as const,
            anchor: { name, value: their[verb].p99 },
            ...(real && { budget: { of: 'ratio' as const, most: 0.7 } }),
          },
        ]),
  ]);
}

export const api: Part = { name: 'api', patience: 60, run };
