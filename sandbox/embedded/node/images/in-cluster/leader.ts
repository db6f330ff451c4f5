import type { KubeObject } from '../../../../../kubernetes/object.ts';
import { ApiError, type Client } from '../../../client/client.ts';
import type { Clock } from '../../../clock.ts';
import type { Logger } from './klog.ts';

const leases = { group: 'coordination.k8s.io', version: 'v1', resource: 'leases' };

export interface LeaderOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  lease: { namespace: string; name: string; labels?: Record<string, string> };
  /** The pod; what ran in it before is surely gone. */
  pod: string;
  /** Milliseconds: how long a silent leader keeps its lease, and how often one asks. */
  duration: number;
  retry: number;
}

/**
 * Waits until this replica leads, then keeps the lease until the signal; resolves with how to give it back.
 * https://kubernetes.io/docs/concepts/architecture/leases/
 */
export async function becomeLeader(options: LeaderOptions): Promise<() => Promise<void>> {
  const { client, clock, log, signal, lease, pod, duration, retry } = options;
  const name = `${lease.namespace}/${lease.name}`;
  const identity = `${pod}_${crypto.randomUUID()}`;
  log.info('leaderelection.go:257', `Attempting to acquire leader lease...`, { lock: name });
  while (!(await attempt()) && !signal.aborted) await pause(retry);
  if (!signal.aborted) log.info('leaderelection.go:271', 'Successfully acquired lease', { lock: name });
  void renew();
  return async () => {
    const held = await client.get(leases, lease.name, lease.namespace);
    if (held.spec?.holderIdentity === identity)
      await client.update(leases, { ...held, spec: { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1 } });
  };

  async function attempt(): Promise<boolean> {
    try {
      return await take();
    } catch (error) {
      if (!signal.aborted && !(error instanceof ApiError && error.code === 409))
        log.error('leaderelection.go:448', (error as Error).message, 'Error retrieving lease lock', { lock: name });
      return false;
    }
  }

  async function take(): Promise<boolean> {
    // By real time: a skip of the clock makes nobody silent.
    const now = clock.now().toISOString().replace('Z', '000Z');
    const spec = { holderIdentity: identity, leaseDurationSeconds: duration / 1000, acquireTime: now, renewTime: now };
    let held: KubeObject;
    try {
      held = await client.get(leases, lease.name, lease.namespace);
    } catch (error) {
      if (!(error instanceof ApiError && error.code === 404)) throw error;
      const { namespace, name, labels } = lease;
      const metadata = { namespace, name, ...(labels && { labels }) };
      await client.create(leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata,
        spec: { ...spec, leaseTransitions: 0 },
      });
      return true;
    }
    const { holderIdentity: holder = '', renewTime, acquireTime, leaseTransitions = 0 } = held.spec ?? {};
    const own = holder === identity;
    const lapsed = clock.now().getTime() - Date.parse(renewTime ?? 0) > duration;
    if (!own && holder && !lapsed && !holder.startsWith(`${pod}_`)) return false;
    const since = own ? { acquireTime, leaseTransitions } : { leaseTransitions: leaseTransitions + 1 };
    await client.update(leases, { ...held, spec: { ...held.spec, ...spec, ...since } });
    return true;
  }

  async function renew(): Promise<void> {
    while (!signal.aborted) {
      await pause(retry);
      if (!signal.aborted) await attempt();
    }
  }

  function pause(milliseconds: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(milliseconds, done, milliseconds);
      function done(): void {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done, { once: true });
    });
  }
}
