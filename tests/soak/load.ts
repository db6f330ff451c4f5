import type { Loose } from '../../kubernetes/object.ts';
import type { Transport, WatchEvent } from '../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../sandbox/embedded/client/https-transport.ts';
import type { Credentials } from '../../sandbox/embedded/client/kubeconfig.ts';

export interface LoadOptions {
  credentials: Credentials;
  namespaces: number;
  objects: number;
  /** Writes of each object, its making included. */
  writes: number;
  clients: number;
  /** A handful see every namespace, the others one each. */
  watches: number;
}

export interface LoadReport {
  writes: number;
  /** Of the object that all clients write at once: increments acknowledged, and how many were refused for being late. */
  shared: number;
  conflicts: number;
  events: number;
  seconds: number;
  faults: string[];
}

const GROUP = 'load';
const SHARED = 'shared';
const WIDE = 5;

/** Many clients write at once while many watch: nothing is lost, nothing comes twice, each object's order is kept. */
export async function loadAll(options: LoadOptions): Promise<LoadReport> {
  const { credentials, namespaces, objects, writes, clients, watches } = options;
  const transports: Transport[] = [];
  const open = (): Transport => {
    const transport = createHttpsTransport(credentials, { maxSockets: 1 });
    transports.push(transport);
    return transport;
  };
  const report: LoadReport = { writes: 0, shared: 0, conflicts: 0, events: 0, seconds: 0, faults: [] };
  const writers = Array.from({ length: clients }, open);
  const [first] = writers as [Transport];
  const names = Array.from({ length: namespaces }, (_, index) => `${GROUP}-${index}`);
  await share(names, writers, async (name, transport) => {
    const body = { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
    must(await transport.request({ method: 'POST', path: '/api/v1/namespaces', body }));
  });
  must(await first.request(making(`${GROUP}-0`, SHARED, 0)));
  const jobs = Array.from({ length: objects }, (_, index) => ({
    namespace: `${GROUP}-${index % namespaces}`,
    name: `object-${index}`,
  }));
  const shares = await Promise.all(
    Array.from({ length: watches }, (_, index) => {
      const namespace = index < WIDE ? undefined : `${GROUP}-${index % namespaces}`;
      const wanted = jobs.filter((job) => namespace === undefined || job.namespace === namespace).length;
      return watchAll(open(), namespace, wanted, writes, report);
    }),
  );
  const began = performance.now();
  const turns = Array.from({ length: clients }, (_, index) => index);
  await Promise.all([
    share(jobs, writers, async ({ namespace, name }, transport) => {
      let { body } = must(await transport.request(making(namespace, name, 1)));
      for (let sequence = 2; sequence <= writes; sequence++) {
        const changed = { ...body, data: { sequence: String(sequence) } };
        const path = `/api/v1/namespaces/${namespace}/configmaps/${name}`;
        ({ body } = must(await transport.request({ method: 'PUT', path, body: changed })));
      }
      report.writes += writes;
    }),
    share(turns, writers, (_, transport) => increment(transport, report)),
  ]);
  await Promise.all(shares.map(({ done }) => done));
  report.seconds = (performance.now() - began) / 1000;
  const shared = await first.request({ method: 'GET', path: `/api/v1/namespaces/${GROUP}-0/configmaps/${SHARED}` });
  if (shared.body.data.sequence !== String(report.shared))
    report.faults.push(`${report.shared} increments were acknowledged, ${shared.body.data.sequence} are there`);
  for (const transport of transports) transport.close();
  return report;
}

function making(namespace: string, name: string, sequence: number) {
  const metadata = { name, namespace, labels: { [GROUP]: name === SHARED ? 'shared' : 'own' } };
  const body = { apiVersion: 'v1', kind: 'ConfigMap', metadata, data: { sequence: String(sequence) } };
  return { method: 'POST' as const, path: `/api/v1/namespaces/${namespace}/configmaps`, body };
}

function must(answer: { code: number; body: Loose }) {
  if (answer.code >= 300) throw new Error(`${answer.code} ${answer.body?.message}`);
  return answer;
}

/** Everybody takes the next job until there is none. */
async function share<T>(jobs: T[], workers: Transport[], run: (job: T, worker: Transport) => Promise<unknown>) {
  let next = 0;
  await Promise.all(
    workers.map(async (worker) => {
      for (let job = jobs[next++]; job !== undefined; job = jobs[next++]) await run(job, worker);
    }),
  );
}

/** Reads, adds one, writes: anew whenever another was faster. */
async function increment(transport: Transport, report: LoadReport): Promise<void> {
  const path = `/api/v1/namespaces/${GROUP}-0/configmaps/${SHARED}`;
  for (;;) {
    const { body } = must(await transport.request({ method: 'GET', path }));
    body.data.sequence = String(Number(body.data.sequence) + 1);
    const answer = await transport.request({ method: 'PUT', path, body });
    if (answer.code === 200) break;
    if (answer.code !== 409) must(answer);
    report.conflicts++;
  }
  report.shared++;
}

/** Resolves when the server has answered, with what resolves when every object has come to its last state. */
async function watchAll(
  transport: Transport,
  namespace: string | undefined,
  wanted: number,
  writes: number,
  report: LoadReport,
): Promise<{ done: Promise<void> }> {
  const seen = new Map<string, number>();
  const stop = new AbortController();
  const opened = Promise.withResolvers<void>();
  let left = wanted;
  let last = 0;
  const onEvent = ({ type, object }: WatchEvent): void => {
    if (type === 'BOOKMARK') opened.resolve();
    if (type === 'ERROR') report.faults.push(`watch: ${object.message}`);
    if (object.metadata?.labels?.[GROUP] !== 'own') return;
    report.events++;
    const key = `${object.metadata.namespace}/${object.metadata.name}`;
    const sequence = Number(object.data.sequence);
    const before = seen.get(key) ?? 0;
    const revision = Number(object.metadata.resourceVersion);
    if (sequence !== before + 1) report.faults.push(`${key}: ${sequence} after ${before}`);
    if (revision <= last) report.faults.push(`${key}: revision ${revision} after ${last}`);
    last = revision;
    seen.set(key, sequence);
    if (sequence === writes && --left === 0) stop.abort();
  };
  const where = namespace ? `/namespaces/${namespace}` : '';
  // Of what is there already the end is told by a bookmark: then the watch is open.
  const query = 'watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true';
  const done = transport.stream({ method: 'GET', path: `/api/v1${where}/configmaps?${query}` }, onEvent, stop.signal);
  await Promise.race([opened.promise, done]);
  return { done };
}
