import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { ApiError } from '../../../client/client.ts';
import { parseDuration } from './durations.ts';
import type { Manager } from './manager.ts';
import { leases } from './objects.ts';

const name = 'cert-manager-controller';

/** Whether this process leads, by a Lease that it renews. https://kubernetes.io/docs/concepts/architecture/leases/#leader-election */
export interface Leadership {
  /** Resolves once this process leads. */
  won: Promise<void>;
  /** Resolves when it leads no more. */
  lost: Promise<void>;
  /** Lets others lead at once. */
  release(): Promise<void>;
}

/** As client-go does it, over the API. */
export function lead(manager: Manager, identity: string): Leadership {
  const { client, clock, log, options, signal } = manager;
  const namespace = options.leaderElectionNamespace;
  const lock = `${namespace}/${name}`;
  const lease = parseDuration(options.leaseDuration);
  const retry = parseDuration(options.retryPeriod);
  let leading = false;
  let seen: { version: string; at: number } | undefined;
  let renewed = 0;
  let win = () => {};
  let lose = () => {};
  const won = new Promise<void>((resolve) => {
    win = resolve;
  });
  const lost = new Promise<void>((resolve) => {
    lose = resolve;
  });

  const micro = (): string => clock.now().toISOString().replace('Z', '000Z');

  /** Takes or renews the lease; false when another holds it. */
  async function attempt(): Promise<boolean> {
    let held: KubeObject;
    const spec = { holderIdentity: identity, leaseDurationSeconds: lease / 1000, renewTime: micro() };
    try {
      held = await client.get(leases, name, namespace);
    } catch (error) {
      if (!(error instanceof ApiError) || error.code !== 404) throw error;
      await client.create(leases, {
        apiVersion: 'coordination.k8s.io/v1',
        kind: 'Lease',
        metadata: { name, namespace },
        spec: { ...spec, acquireTime: spec.renewTime, leaseTransitions: 0 },
      });
      return true;
    }
    const holder: string = held.spec?.holderIdentity ?? '';
    const version = held.metadata.resourceVersion ?? '';
    if (seen?.version !== version) seen = { version, at: clock.monotonic() };
    if (holder && holder !== identity) {
      const theirs = (held.spec.leaseDurationSeconds ?? lease / 1000) * 1000;
      if (clock.since(held.spec.renewTime) < theirs && clock.monotonic() - seen.at < theirs) return false;
    }
    const mine = holder === identity;
    const next: Loose = {
      ...held.spec,
      ...spec,
      acquireTime: mine ? held.spec.acquireTime : spec.renewTime,
      leaseTransitions: (held.spec?.leaseTransitions ?? 0) + (mine ? 0 : 1),
    };
    await client.update(leases, { ...held, spec: next });
    return true;
  }

  async function run(): Promise<void> {
    log.info('leaderelection.go:258', 'Attempting to acquire leader lease...', { lock });
    while (!signal.aborted) {
      try {
        const has = await attempt();
        // By the real time: a skip is no silence.
        if (has) renewed = performance.now();
        if (has && !leading) {
          leading = true;
          log.info('leaderelection.go:272', 'Successfully acquired lease', { lock });
          win();
        }
        if (leading && !has) return lose();
      } catch (error) {
        if (signal.aborted) return;
        log.error('leaderelection.go:461', (error as Error).message, 'Error retrieving lease lock', { lock });
        if (leading && performance.now() - renewed > parseDuration(options.renewDeadline)) return lose();
      }
      await pause();
    }
  }

  /** Half a second of real time at least: what a skip passes over needs no renewing. */
  function pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = clock.after(retry, done, 500);
      function done() {
        timer.cancel();
        signal.removeEventListener('abort', done);
        resolve();
      }
      signal.addEventListener('abort', done);
    });
  }

  void run();
  return {
    won,
    lost,
    async release() {
      if (!leading) return;
      try {
        const held = await client.get(leases, name, namespace);
        if (held.spec.holderIdentity !== identity) return;
        const spec = { ...held.spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: micro() };
        await client.update(leases, { ...held, spec });
      } catch {
        // The next one waits until it has run out.
      }
    },
  };
}
