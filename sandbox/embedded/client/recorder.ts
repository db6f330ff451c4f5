import type { KubeObject, Loose } from '../../../kubernetes/object.ts';
import type { Clock } from '../clock.ts';
import { ApiError, type Client } from './client.ts';

export const events = { group: '', version: 'v1', resource: 'events' };

export interface RecorderOptions {
  client: Client;
  clock: Clock;
  /** As `kubectl describe` shows under From: `kubelet`, `deployment-controller`. */
  component: string;
  /** The node, for a kubelet. */
  host?: string;
  /** As the scheduler writes them: eventTime and series in place of timestamps and count. */
  series?: boolean;
  log?: (message: string) => void;
}

interface EventDetails {
  /** `spec.containers{web}` */
  fieldPath?: string;
  /** For a recorder of series: `Binding`, `Scheduling`. */
  action?: string;
  /** The other object of an event about two. */
  related?: KubeObject;
}

export interface Recorder {
  /** Writes an Event about the object, in the background and in order; never rejects. */
  event(
    about: KubeObject,
    type: 'Normal' | 'Warning',
    reason: string,
    message: string,
    details?: EventDetails,
  ): Promise<void>;
}

// The rules of client-go's correlator: ten different messages of one reason within ten minutes become one event,
// and one object gets 25 events of a type from one source, then one each five minutes.
const similar = 10;
const similarWithin = 600_000;
const burst = 25;
const refill = 300_000;
const remembered = 4096;

interface Written {
  name: string;
  count: number;
}

/** https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/event-v1/ */
export function createRecorder(options: RecorderOptions): Recorder {
  const { client, clock, component, host, series = false, log = () => {} } = options;
  const messages = new Map<string, { texts: Set<string>; last: number }>();
  const buckets = new Map<string, { tokens: number; at: number }>();
  const written = new Map<string, Written>();
  let queue: Promise<void> = Promise.resolve();
  // Elsewhere than other recorders of the same moment: the name of an event is its time.
  let nanoseconds = BigInt(Math.floor(Math.random() * 1_000_000));

  function allowed(key: string): boolean {
    const now = clock.monotonic();
    const bucket = buckets.get(key) ?? { tokens: burst, at: now };
    const tokens = Math.min(burst, bucket.tokens + (now - bucket.at) / refill);
    remember(buckets, key, { tokens: tokens >= 1 ? tokens - 1 : tokens, at: now });
    return tokens >= 1;
  }

  async function write(key: string, event: Loose, namespace: string): Promise<void> {
    const before = written.get(key);
    if (before) {
      const count = before.count + 1;
      const patch = series
        ? { series: { count, lastObservedTime: event.eventTime } }
        : { count, lastTimestamp: event.lastTimestamp, message: event.message };
      try {
        await client.patch(events, before.name, namespace, 'strategic', patch);
        remember(written, key, { name: before.name, count });
        return;
      } catch (error) {
        if (!(error instanceof ApiError) || error.code !== 404) throw error;
      }
    }
    await client.create(events, event);
    remember(written, key, { name: event.metadata.name, count: 1 });
  }

  return {
    event(about, type, reason, message, details = {}) {
      const { metadata } = about;
      const involvedObject = referenceTo(about);
      if (details.fieldPath) involvedObject.fieldPath = details.fieldPath;

      const object = [about.kind, metadata.namespace, metadata.name, metadata.uid, about.apiVersion, type].join('\n');
      const now = clock.now();
      let text = message;
      let key = [object, details.fieldPath, reason, message].join('\n');
      if (!series) {
        const group = `${object}\n${reason}`;
        let seen = messages.get(group);
        if (!seen || clock.monotonic() - seen.last > similarWithin) seen = { texts: new Set(), last: 0 };
        seen.texts.add(message);
        seen.last = clock.monotonic();
        remember(messages, group, seen);
        if (seen.texts.size >= similar) {
          seen.texts.delete(seen.texts.values().next().value ?? '');
          text = `(combined from similar events): ${message}`;
          key = group;
        }
        if (!allowed(object)) return queue;
      }

      const namespace = metadata.namespace || 'default';
      nanoseconds += 1n;
      const name = `${metadata.name}.${(BigInt(now.getTime()) * 1_000_000n + (nanoseconds % 1_000_000n)).toString(16)}`;
      const seconds = now.toISOString().replace(/\.\d+Z$/, 'Z');
      const source: Record<string, string> = series ? {} : host ? { component, host } : { component };
      const event: Loose = {
        apiVersion: 'v1',
        kind: 'Event',
        metadata: { name, namespace },
        involvedObject,
        reason,
        message: text,
        source,
        type,
        reportingComponent: component,
        reportingInstance: series ? `${component}-${host ?? component}` : (host ?? ''),
        ...(details.related && { related: referenceTo(details.related) }),
        ...(series
          ? { eventTime: now.toISOString().replace('Z', '000Z'), action: details.action ?? reason }
          : { firstTimestamp: seconds, lastTimestamp: seconds, count: 1, eventTime: null }),
      };
      // One after the other, so that counts are right; events never hold up the work they tell of.
      queue = queue
        .then(() => write(key, event, namespace))
        .catch((error) => {
          if (!isTooLate(error)) log(`event ${reason} of ${namespace}/${metadata.name}: ${error}`);
        });
      return queue;
    },
  };
}

function referenceTo({ kind, apiVersion, metadata }: KubeObject): Record<string, string> {
  const reference: Record<string, string> = { kind };
  if (metadata.namespace) reference.namespace = metadata.namespace;
  reference.name = metadata.name ?? '';
  if (metadata.uid) reference.uid = metadata.uid;
  reference.apiVersion = apiVersion;
  if (metadata.resourceVersion) reference.resourceVersion = metadata.resourceVersion;
  return reference;
}

/** Keeps the map's size bounded: the key not written for longest goes first. */
function remember<T>(map: Map<string, T>, key: string, value: T): void {
  map.delete(key);
  map.set(key, value);
  if (map.size > remembered) {
    const oldest = map.keys().next().value;
    if (oldest !== undefined) map.delete(oldest);
  }
}

/** Nobody misses an event of a namespace that is going away. */
function isTooLate(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false;
  return error.code === 404 || !!error.status.details?.causes?.some((cause) => cause.reason === 'NamespaceTerminating');
}
