import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import type { Client } from '../../../../client/client.ts';
import type { Clock } from '../../../../clock.ts';
import type { Log } from '../log.ts';

/** As metav1.Condition, without its time. */
export interface Condition {
  type: string;
  status: 'True' | 'False';
  reason: string;
  message: string;
  observedGeneration?: number;
}

/** Writes statuses in the background; what fails is logged, and tried again with the next change. */
export interface GatewayStatusWriter {
  update(resource: Gvr, object: KubeObject, status: Loose, log: Log): void;
}

export function createGatewayStatusWriter(client: Client, clock: Clock): GatewayStatusWriter {
  const writing = new Map<string, string>();
  return {
    update(resource, object, status, log) {
      if (same(object.status ?? {}, status)) return;
      const { name = '', namespace, resourceVersion } = object.metadata;
      const key = `${resource.resource}/${namespace ?? ''}/${name}`;
      const told = `${resourceVersion} ${JSON.stringify(status)}`;
      if (writing.get(key) === told) return;
      writing.set(key, told);
      const now = clock
        .now()
        .toISOString()
        .replace(/\.\d+Z$/, 'Z');
      client.update(resource, { ...object, status: timed(status, now) }, 'status').catch((error) => {
        writing.delete(key);
        // Somebody else was faster: their change is told, and leads here again.
        if (error.code === 409) return;
        const named = `${object.kind} ${namespace ? `${namespace}/` : ''}${name}`;
        log.warn(`Unable to update ${object.kind} status`, {
          error: `failed to update ${named} status: ${error.message}`,
        });
      });
    },
  };
}

/** Every condition with the time, as the real one renews it even where nothing else is new. */
function timed(value: Loose, now: string): Loose {
  return JSON.parse(JSON.stringify(value), (key, inner) =>
    key === 'conditions' ? inner.map((one: Loose) => ({ ...one, lastTransitionTime: now })) : inner,
  );
}

/** Whether nothing but times differs, and what the server fills in. */
function same(now: Loose, wanted: Loose): boolean {
  const plain = (status: Loose): string => JSON.stringify(comparable(status));
  return plain(now) === plain(wanted);
}

function conditionsOf(conditions: Loose[] = []): Loose[] {
  return conditions.map(({ type, status, reason, message, observedGeneration }) => [
    type,
    status,
    reason,
    message,
    observedGeneration ?? 0,
  ]);
}

function comparable({ addresses = [], conditions, listeners = [], parents = [] }: Loose): Loose {
  return {
    addresses: addresses.map(({ type, value }: Loose) => [type, value]),
    conditions: conditionsOf(conditions),
    listeners: listeners.map((one: Loose) => [one.name, one.attachedRoutes, conditionsOf(one.conditions)]),
    parents: parents
      .map(({ controllerName, parentRef, conditions: own }: Loose) => {
        const ref = Object.entries(parentRef).sort(([a], [b]) => (a < b ? -1 : 1));
        return JSON.stringify([controllerName, ref, conditionsOf(own)]);
      })
      .sort(),
  };
}
