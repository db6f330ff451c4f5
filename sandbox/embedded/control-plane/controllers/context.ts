import type { Gvr } from '../../../../kubernetes/object.ts';
import { ApiError, type Client } from '../../client/client.ts';
import { createInformer, type Informer } from '../../client/informer.ts';
import { createRecorder, type Recorder } from '../../client/recorder.ts';
import { createWorkQueue, type WorkQueue, type WorkQueueOptions } from '../../client/work-queue.ts';
import type { Clock } from '../../clock.ts';
import type { Signing } from '../pki-sign.ts';

type Sign = (signing: Signing) => Promise<string>;

export interface ControllersOptions {
  /** A client that acts as this user; ServiceAccounts as `system:serviceaccount:kube-system:NAME`. */
  clientFor(user: string): Client;
  clock: Clock;
  signal: AbortSignal;
  log(message: string): void;
  /** The cluster's CA in PEM, published as ConfigMap kube-root-ca.crt in every namespace. */
  caBundle: string;
  /** Signs with the cluster's CA; resolves to PEM. Without it, requests stay as they are. */
  sign?: Sign;
  /** First three numbers of the addresses that load balancers get. */
  balancerRange?: string;
  /** Between 0 and 1; for names and jitter. */
  random?: () => number;
}

/** What every loop of one cluster shares. */
export interface ControllerContext {
  clock: Clock;
  signal: AbortSignal;
  log(message: string): void;
  caBundle: string;
  sign?: Sign;
  random: () => number;
  age: Age;
  clientFor(user: string): Client;
  /** One shared copy a collection. */
  informer(resource: Gvr): Informer;
  /** Stops following a collection that is no longer served. */
  drop(resource: Gvr): void;
}

/** One loop's own identity, queue and voice. */
export interface Controller {
  client: Client;
  recorder: Recorder;
  queue(work: (key: string) => Promise<void>, options?: Partial<WorkQueueOptions>): WorkQueue;
}

export function createContext(options: ControllersOptions): ControllerContext {
  const { clientFor, clock, signal, log, random = Math.random } = options;
  const shared = clientFor('system:kube-controller-manager');
  const informers = new Map<string, { informer: Informer; stop: AbortController }>();
  const nameOf = (resource: Gvr) => `${resource.group}/${resource.version}/${resource.resource}`;
  const clients = new Map<string, Client>();
  return {
    clock,
    signal,
    log,
    random,
    age: clock.since,
    caBundle: options.caBundle,
    ...(options.sign && { sign: options.sign }),
    clientFor(user) {
      let client = clients.get(user);
      if (!client) {
        client = clientFor(user);
        clients.set(user, client);
      }
      return client;
    },
    informer(resource) {
      const held = informers.get(nameOf(resource));
      if (held) return held.informer;
      const stop = new AbortController();
      const ends = AbortSignal.any([signal, stop.signal]);
      const informer = createInformer({ client: shared, resource, clock, signal: ends, random, log });
      informers.set(nameOf(resource), { informer, stop });
      return informer;
    },
    drop(resource) {
      informers.get(nameOf(resource))?.stop.abort();
      informers.delete(nameOf(resource));
    },
  };
}

/** `name` is the ServiceAccount in kube-system; `component` signs the loop's events. */
export function createController(context: ControllerContext, name: string, component = name): Controller {
  const { clock, signal, log } = context;
  const client = context.clientFor(`system:serviceaccount:kube-system:${name}`);
  return {
    client,
    recorder: createRecorder({ client, clock, component, log }),
    queue: (work, options) =>
      createWorkQueue({
        clock,
        signal,
        work,
        onError(error, key, attempt) {
          // A refusal is often the learner's (a quota, a name) and told by an event: once is enough here.
          if (!(error instanceof ApiError) || attempt === 6) {
            log(`${name}: ${key}: ${error instanceof Error ? (error.stack ?? error.message) : error}`);
          }
        },
        ...options,
      }),
  };
}

export function isNotFound(error: unknown): boolean {
  return error instanceof ApiError && error.code === 404;
}

export function alreadyExists(error: unknown): boolean {
  return error instanceof ApiError && error.code === 409 && error.reason === 'AlreadyExists';
}

/** Creating in a namespace that is going away fails until it is gone: nothing to report or retry. */
export function namespaceTerminating(error: unknown): boolean {
  return (
    error instanceof ApiError &&
    error.code === 403 &&
    !!error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating')
  );
}

export const keyOf = (object: { metadata: { name?: string; namespace?: string } }): string =>
  `${object.metadata.namespace ?? ''}/${object.metadata.name}`;

/** Namespace and name of a key of {@link keyOf}. */
export function splitKey(key: string): [namespace: string, name: string] {
  const slash = key.indexOf('/');
  return [key.slice(0, slash), key.slice(slash + 1)];
}

/** A timestamp as objects carry it, in whole seconds. */
export function timestamp(clock: Clock): string {
  return clock
    .now()
    .toISOString()
    .replace(/\.\d+Z$/, 'Z');
}

/** Milliseconds since a timestamp, skips of the clock in between included. */
export type Age = (stamp: string | undefined) => number;
