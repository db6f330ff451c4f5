import path from 'node:path';
import { readKubeconfig } from '../../sandbox/embedded/client/kubeconfig.ts';
import { Api } from './client.ts';
import { openCluster } from './cluster.ts';
import { type Figure, percentile } from './figures.ts';
import type { Part, Workplace } from './part.ts';
import { startNode } from './processes.ts';

const CLIENTS = 16;
const CREATES = 800;
const GETS = 1600;
const LISTS = 96;
const PATCHES = 800;
const WATCHED = 200;
const TURNS = 3;
/** A namespace of the bench's own on a cluster that is somebody's. */
const NAMESPACE = 'atelier-bench';
const OBJECTS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;

interface Sample {
  perSecond: number;
  p99: number;
}
type Verb = 'create' | 'get' | 'list' | 'patch' | 'watch';

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

/** One turn of each verb; the turns of both sides alternate, so that a busy machine is busy for both. */
const EXERCISES: Record<Verb, (api: Api, turn: number) => Promise<Sample>> = {
  create: (api, turn) =>
    load(CREATES, (index) => api.call('POST', OBJECTS, configMap(`object-${turn * CREATES + index}`))),
  get: (api) => load(GETS, (index) => api.call('GET', `${OBJECTS}/object-${index % CREATES}`)),
  list: (api) => load(LISTS, () => api.call('GET', `${OBJECTS}?limit=500`)),
  patch: (api, turn) =>
    load(PATCHES, (index) => {
      const body = { metadata: { labels: { turn: `${turn}-${index}` } } };
      return api.call('PATCH', `${OBJECTS}/object-${index % CREATES}`, body, 'application/merge-patch+json');
    }),
  watch: async (api, turn) => {
    const { metadata } = JSON.parse(await api.call('GET', `${OBJECTS}?limit=1`));
    const target = `${OBJECTS}?watch=true&resourceVersion=${metadata.resourceVersion}`;
    const watches = Array.from({ length: CLIENTS }, () => api.watch(target, WATCHED));
    await Promise.all(watches.map(({ opened }) => opened));
    const began = performance.now();
    const writes = load(WATCHED, (index) => api.call('POST', OBJECTS, configMap(`watched-${turn}-${index}`)));
    await Promise.all([writes, ...watches.map(({ done }) => done)]);
    return { perSecond: (WATCHED * CLIENTS * 1000) / (performance.now() - began), p99: Number.NaN };
  },
};

/** The better of each figure: what a machine that others use too takes away is no property of the server. */
const better = (one: Sample | undefined, other: Sample): Sample =>
  one ? { perSecond: Math.max(one.perSecond, other.perSecond), p99: Math.min(one.p99, other.p99) } : other;

async function exercise(sides: Api[]): Promise<Record<Verb, Sample>[]> {
  const samples: Partial<Record<Verb, Sample>>[] = sides.map(() => ({}));
  // Both sides get their code compiled first.
  for (const api of sides) await load(200, (index) => api.call('POST', OBJECTS, configMap(`warm-${index}`)));
  for (const verb of Object.keys(EXERCISES) as Verb[]) {
    for (let turn = 0; turn < TURNS; turn++) {
      for (const [index, api] of sides.entries()) {
        const sample = await EXERCISES[verb](api, turn);
        samples[index] = { ...samples[index], [verb]: better(samples[index]?.[verb], sample) };
      }
    }
  }
  return samples as Record<Verb, Sample>[];
}

async function run(workplace: Workplace): Promise<Figure[]> {
  const cluster = await openCluster(workplace, path.join(workplace.directory, 'home'));
  const ours = new Api(cluster.credentials, CLIENTS * 4);
  workplace.atEnd(() => ours.close());
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } };
  await ours.call('POST', '/api/v1/namespaces', namespace);
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
  const theirs = new Api(server, CLIENTS * 4);
  workplace.atEnd(() => theirs.close());
  if (real) {
    await theirs.call('POST', '/api/v1/namespaces', namespace);
    workplace.atEnd(() => theirs.call('DELETE', `/api/v1/namespaces/${NAMESPACE}`));
  }
  const [our, their] = (await exercise([ours, theirs])) as [Record<Verb, Sample>, Record<Verb, Sample>];
  const name = real ? 'kube-apiserver + etcd' : 'bare TLS + node:sqlite';
  return (['create', 'get', 'list', 'patch', 'watch'] as const).flatMap((verb): Figure[] => [
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

export const api: Part = { name: 'api', patience: 120, run };
