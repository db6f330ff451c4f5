import type { Gvr, KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { Client } from '../../../client/client.ts';
import { ApiError } from '../../../client/client.ts';
import { createInformer, type Informer } from '../../../client/informer.ts';
import { createRecorder, type Recorder } from '../../../client/recorder.ts';
import { createWorkQueue, type WorkQueue } from '../../../client/work-queue.ts';
import type { Clock } from '../../../clock.ts';
import type { ContainerProcess } from '../image.ts';
import { Ages } from './ages.ts';
import { stamp } from './durations.ts';
import type { Logger } from './log.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import * as resources from './objects.ts';
import type { Options } from './options.ts';

/** Waits of a queue after failures, in milliseconds; the real program's. */
export const retries = {
  item: { first: 5000, longest: 300_000 },
  certificate: { first: 1000, longest: 30_000 },
  acme: { first: 5000, longest: 1_800_000 },
};

export interface ManagerOptions {
  process: ContainerProcess;
  client: Client;
  clock: Clock;
  log: Logger;
  options: Options;
  signal: AbortSignal;
}

/** What all loops share: one watch a collection, recorders by component, the log. */
export class Manager {
  readonly process: ContainerProcess;
  readonly client: Client;
  readonly clock: Clock;
  readonly log: Logger;
  readonly options: Options;
  readonly signal: AbortSignal;
  readonly ages: Ages;
  readonly metrics: Metrics;
  #informers = new Map<string, Informer>();
  #recorders = new Map<string, Recorder>();
  #unhandled: Logger;

  constructor({ process, client, clock, log, options, signal }: ManagerOptions) {
    this.process = process;
    this.client = client;
    this.clock = clock;
    this.log = log;
    this.#unhandled = log.renamed('UnhandledError');
    this.options = options;
    this.signal = signal;
    this.ages = new Ages(clock);
    this.metrics = createMetrics(this);
  }

  informer(resource: Gvr): Informer {
    const known = this.#informers.get(resource.resource);
    if (known) return known;
    const { client, clock, signal } = this;
    // Of pods and Services only those that answer challenges are of interest.
    const labelSelector = [resources.pods, resources.services].includes(resource) && `${resources.solverLabel}=true`;
    const kind = kinds[resource.resource] ?? resource.resource;
    const informer = createInformer({
      client,
      resource,
      clock,
      signal,
      ...(labelSelector && { labelSelector }),
      log: (message) =>
        this.#unhandled.error(
          'reflector.go:227',
          message.replace(/^\w+: /, `failed to list ${kind}: `),
          'Failed to watch',
          {
            reflector: 'k8s.io/client-go@v0.36.2/tools/cache/reflector.go:343',
            type: kind,
          },
        ),
    });
    this.#informers.set(resource.resource, informer);
    return informer;
  }

  recorder(component: string): Recorder {
    const known = this.#recorders.get(component);
    if (known) return known;
    const { client, clock } = this;
    const recorder = createRecorder({
      client,
      clock,
      component: `cert-manager-${component}`,
      log: (message) => this.log.error('event.go:359', message, 'Server rejected event (will not retry!)'),
    });
    this.#recorders.set(component, recorder);
    return recorder;
  }

  /** A queue whose failures are told as the real program tells them. Work starts when all collections are known. */
  loop(name: string, retry: { first: number; longest: number }, work: (key: string) => Promise<void>): WorkQueue {
    const { clock, signal } = this;
    return createWorkQueue({
      clock,
      signal,
      retry,
      concurrency: 5,
      work: (key) => {
        this.metrics.count('controller_sync_call_count', name);
        return work(key);
      },
      onError: (error) => {
        const message = (error as Error).message;
        if (message.includes('please apply your changes to the latest version')) {
          this.log.info('controller.go:150', 're-queuing item due to optimistic locking on resource', {
            error: message,
          });
          return;
        }
        this.metrics.count('controller_sync_error_count', name);
        this.log.error('controller.go:155', message, 're-queuing item due to error processing');
      },
    });
  }

  /** Writes a status where it differs, and makes the answer known at once. */
  async writeStatus(resource: Gvr, before: KubeObject, status: Loose): Promise<KubeObject> {
    if (resources.same(before.status ?? {}, status)) return before;
    const written = await this.client.update(resource, { ...before, status }, 'status');
    this.informer(resource).observe(written);
    return written;
  }

  async create(resource: Gvr, object: KubeObject): Promise<KubeObject> {
    const created = await this.client.create(resource, object);
    this.#informers.get(resource.resource)?.observe(created);
    return created;
  }

  /** Deletes; what is gone already is fine when `missing` is. */
  async remove(resource: Gvr, object: KubeObject, missing = false): Promise<void> {
    try {
      await this.client.delete(resource, object.metadata.name ?? '', object.metadata.namespace);
    } catch (error) {
      if (!missing || !isNotFound(error)) throw error;
    }
  }

  /** The conditions with one set; its time moves when the status does. Certificates and issuers tell their generation. */
  withCondition(object: KubeObject, type: string, status: string, reason: string, message: string): Loose[] {
    const conditions: Loose[] = object.status?.conditions ?? [];
    const before = conditions.find((condition) => condition.type === type);
    const now = stamp(this.clock.now());
    const next: Loose = {
      type,
      status,
      reason,
      message,
      lastTransitionTime: before?.status === status ? before.lastTransitionTime : now,
    };
    if (object.kind !== 'CertificateRequest') next.observedGeneration = object.metadata.generation;
    const name = object.kind === 'ClusterIssuer' ? object.metadata.name : resources.keyOf(object);
    const kind = object.kind === 'ClusterIssuer' ? 'Issuer' : object.kind;
    const field = kind.charAt(0).toLowerCase() + kind.slice(1);
    const lastTransitionTime = `${this.clock.now().toISOString().replace('T', ' ').replace('Z', '')} +0000 UTC`;
    const [source, changed] = sources[kind] ?? ['conditions.go:102', 'conditions.go:86'];
    if (!before)
      this.log.info(
        source,
        `Setting lastTransitionTime for ${kind} condition`,
        { [field]: name, condition: type, lastTransitionTime },
        2,
      );
    else if (before.status !== status)
      this.log.info(
        changed,
        `Found status change for ${kind} condition; setting lastTransitionTime`,
        { [field]: name, condition: type, oldStatus: before.status, status, lastTransitionTime },
        2,
      );
    return before ? conditions.map((condition) => (condition === before ? next : condition)) : [...conditions, next];
  }

  /** The Issuer or ClusterIssuer that is referred to. Throws where the kind is neither. */
  issuerFor(reference: Loose, namespace: string): KubeObject | undefined {
    const kind = reference.kind || 'Issuer';
    if (kind === 'Issuer') return this.informer(resources.issuers).get(reference.name, namespace);
    if (kind === 'ClusterIssuer') return this.informer(resources.clusterIssuers).get(reference.name);
    throw new Error(
      `invalid value ${resources.quote(kind)} for issuerRef.kind. Must be empty, "Issuer" or "ClusterIssuer"`,
    );
  }

  /** Where the Secrets of an issuer lie. */
  namespaceFor(issuer: KubeObject): string {
    return issuer.metadata.namespace || this.options.clusterResourceNamespace;
  }

  secret(namespace: string, name: string): KubeObject | undefined {
    return this.informer(resources.secrets).get(name, namespace);
  }
}

export const isNotFound = (error: unknown): boolean => error instanceof ApiError && error.code === 404;

const sources: Record<string, [string, string]> = {
  Issuer: ['conditions.go:102', 'conditions.go:86'],
  Certificate: ['conditions.go:217', 'conditions.go:201'],
  CertificateRequest: ['conditions.go:285', 'conditions.go:269'],
};

const kinds: Record<string, string> = {
  certificates: '*v1.Certificate',
  certificaterequests: '*v1.CertificateRequest',
  issuers: '*v1.Issuer',
  clusterissuers: '*v1.ClusterIssuer',
  orders: '*v1.Order',
  challenges: '*v1.Challenge',
  secrets: '*v1.Secret',
  ingresses: '*v1.Ingress',
  pods: '*v1.PartialObjectMetadata',
  services: '*v1.PartialObjectMetadata',
};
