import type { IncomingMessage } from 'node:http';
import type { KubeObject, Loose } from '../../kubernetes/object.ts';
import { ApiError, apiError, type Connection, readJson, readText } from './connection.ts';
import { findResource, type Resource } from './resources.ts';
import type { View } from './source.ts';
import { createStore } from './store.ts';

export interface CollectionOptions {
  connection: Connection;
  /** Plural, or plural and group; `releases` are Helm's Secrets. */
  resource: string;
  /** Only this namespace, where the identity may not read all. */
  namespace?: string | undefined;
  timing: Timing;
  /** Told after each event or list: the namespaces in which something changed; '' for cluster-wide kinds. */
  changed(namespaces: Iterable<string>): void;
}

/** All in milliseconds. */
export interface Timing {
  /** A watch that says nothing for so long (bookmarks come about every minute) is opened anew. */
  idle: number;
  /** The first and the longest pause after a failure. */
  pause: number;
  longestPause: number;
  /** A watch that nobody wants any more is kept so long, for the next lesson may want it. */
  linger: number;
}

export const TIMING: Timing = { idle: 75_000, pause: 100, longestPause: 5_000, linger: 5_000 };

/** One list and watch, folded into objects by namespace, until closed. */
export interface Collection {
  view(namespace: string): View;
  /** What was read may be no more, or be there now: reads it anew at once. */
  again(): void;
  close(): void;
}

const PAGE = 500;
const HELM_RELEASE = 'type%3Dhelm.sh%2Frelease.v1';

/**
 * Lists, then watches from there, for as long as it is open. Whatever ends a watch (410, 500, a close, silence, a server
 * that went away) is followed by another, with growing pauses; a list replaces all objects at once, so nobody
 * sees half of it, and an object that has not changed keeps its identity.
 */
export function openCollection(options: CollectionOptions): Collection {
  const { connection, timing } = options;
  const store = createStore();
  const ended = new AbortController();
  let state: View['state'] = 'syncing';
  let message: string | undefined;
  let version: string | undefined;
  let failures = 0;
  let nudge = new AbortController();
  let nudges = 0;

  async function run(): Promise<void> {
    while (!ended.signal.aborted) {
      const heard = nudges;
      try {
        const resource = await resolve();
        const path = pathOf(resource, options);
        if (version === undefined) await list(path);
        await watch(path);
      } catch (error) {
        if (ended.signal.aborted) return;
        fail(error);
        // Nudged meanwhile, it has asked too early.
        if (heard === nudges) await pause();
      }
    }
  }

  async function resolve(): Promise<Resource> {
    const name = options.resource === 'releases' ? 'secrets' : options.resource;
    return findResource(name) ?? discover(connection, name, ended.signal);
  }

  async function list(path: string): Promise<void> {
    const objects: KubeObject[] = [];
    let next = '';
    let listed: Loose;
    do {
      const query = `limit=${PAGE}${next ? `&continue=${encodeURIComponent(next)}` : ''}`;
      listed = await within(timing.idle, async (signal) =>
        readJson(await connection.get(withQuery(path, query), signal)),
      );
      for (const item of listed.items ?? []) objects.push(slim(item));
      next = listed.metadata?.continue ?? '';
    } while (next);
    if (ended.signal.aborted) return;
    version = listed.metadata?.resourceVersion ?? '';
    const touched = store.replace(objects);
    settle('synced', touched);
  }

  /** Ends by throwing, or by returning after a watch that lived and was closed in good order. */
  async function watch(path: string): Promise<void> {
    const query = `watch=true&allowWatchBookmarks=true&timeoutSeconds=${240 + Math.floor(Math.random() * 60)}&resourceVersion=${version}`;
    const silence = new AbortController();
    let timer = setTimeout(() => silence.abort(), timing.idle);
    const nudged = nudge.signal;
    const signal = AbortSignal.any([ended.signal, silence.signal, nudged]);
    const began = performance.now();
    let response: IncomingMessage | undefined;
    try {
      response = await connection.get(withQuery(path, query), signal);
      if (response.statusCode !== 200) throw apiError(response.statusCode ?? 0, await readText(response));
      for await (const line of lines(response)) {
        clearTimeout(timer);
        timer = setTimeout(() => silence.abort(), timing.idle);
        receive(JSON.parse(line));
        failures = 0;
      }
      // A server that closes each watch at once must not be asked in a tight loop.
      if (performance.now() - began < 1000) throw new Error('the watch was closed at once');
      failures = 0;
    } catch (error) {
      // After silence the watch goes on from the last version seen: nothing is lost, nothing read twice.
      if ((silence.signal.aborted || nudged.aborted) && !ended.signal.aborted) return;
      throw error;
    } finally {
      clearTimeout(timer);
      response?.destroy();
    }
  }

  function receive(event: Loose): void {
    const object = event.object;
    if (event.type === 'ERROR')
      throw new ApiError(object?.code ?? 500, object?.message ?? 'watch error', object?.reason ?? '');
    version = object.metadata?.resourceVersion ?? version;
    if (event.type === 'BOOKMARK') return;
    options.changed([event.type === 'DELETED' ? store.remove(object) : store.put(slim(object))]);
  }

  function fail(error: unknown): void {
    const status = error instanceof ApiError ? error.status : 0;
    // An answer from the server about the watch itself means that its version is of no use any more; a broken
    // connection says nothing about it.
    if (error instanceof ApiError) version = undefined;
    failures++;
    if (status === 404) settle('absent', store.replace([]));
    else if (status === 403 || status === 401) {
      message = (error as Error).message;
      settle('denied', store.replace([]));
    }
  }

  function settle(now: View['state'], touched: Set<string>): void {
    const first = state !== now;
    state = now;
    if (first) touched.add('*');
    if (touched.size > 0) options.changed(touched);
  }

  function pause(): Promise<void> {
    const longest = state === 'denied' ? timing.longestPause * 3 : timing.longestPause;
    const wait = Math.min(longest, timing.pause * 2 ** Math.min(failures - 1, 20)) * (0.75 + Math.random() / 2);
    return new Promise((resume) => {
      const early = AbortSignal.any([ended.signal, nudge.signal]);
      const timer = setTimeout(resume, wait);
      early.addEventListener('abort', () => {
        clearTimeout(timer);
        resume();
      });
    });
  }

  async function within<T>(milliseconds: number, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
    return run(AbortSignal.any([ended.signal, AbortSignal.timeout(milliseconds)]));
  }

  void run();
  return {
    view: (namespace) => ({
      state,
      items: store.items(namespace),
      ...(state === 'denied' && message ? { message } : {}),
    }),
    again() {
      nudges++;
      failures = 0;
      version = undefined;
      nudge.abort();
      nudge = new AbortController();
    },
    close: () => ended.abort(),
  };
}

/** What no check reads and half of an object's size; of a definition of kinds, nearly all of it. */
function slim(object: KubeObject): KubeObject {
  if (object.metadata) delete (object.metadata as Loose).managedFields;
  const versions: Loose = (object as Loose).spec?.versions;
  if (Array.isArray(versions)) for (const version of versions) delete version?.schema;
  return object;
}

function pathOf(resource: Resource, { namespace, resource: name }: CollectionOptions): string {
  const root = resource.group === '' ? `/api/${resource.version}` : `/apis/${resource.group}/${resource.version}`;
  const within = namespace && resource.namespaced ? `/namespaces/${namespace}` : '';
  return `${root}${within}/${resource.resource}${name === 'releases' ? `?fieldSelector=${HELM_RELEASE}` : ''}`;
}

function withQuery(path: string, query: string): string {
  return `${path}${path.includes('?') ? '&' : '?'}${query}`;
}

/** Asks the server for a kind that is not built in; a 404 means that its CustomResourceDefinition is not there. */
async function discover(connection: Connection, name: string, signal: AbortSignal): Promise<Resource> {
  const [plural = '', ...rest] = name.split('.');
  const group = rest.join('.');
  if (!group) throw new ApiError(404, `the server has no resource "${name}"`, 'NotFound');
  const { preferredVersion } = await readJson(await connection.get(`/apis/${group}`, signal));
  const served = await readJson(await connection.get(`/apis/${group}/${preferredVersion.version}`, signal));
  const found = served.resources?.find((resource: Loose) => resource.name === plural);
  if (!found) throw new ApiError(404, `the group ${group} has no resource "${plural}"`, 'NotFound');
  return { group, version: preferredVersion.version, resource: plural, kind: found.kind, namespaced: found.namespaced };
}

async function* lines(response: IncomingMessage): AsyncGenerator<string> {
  let pending: Buffer[] = [];
  for await (const chunk of response as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
      pending.push(chunk.subarray(from, at));
      from = at + 1;
      const line = Buffer.concat(pending).toString('utf8').trim();
      pending = [];
      if (line) yield line;
    }
    if (from < chunk.length) pending.push(chunk.subarray(from));
  }
}
