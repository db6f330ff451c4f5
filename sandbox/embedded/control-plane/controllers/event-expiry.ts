import { events } from '../../client/recorder.ts';
import { type ControllerContext, isNotFound } from './context.ts';

const lifetime = 3_600_000;
const round = 60_000;

/** Deletes events an hour old; the real store lets them expire by itself. https://kubernetes.io/docs/reference/command-line-tools-reference/kube-apiserver/ (--event-ttl) */
export function startEventExpiry(context: ControllerContext): void {
  const { clock, signal, log } = context;
  const client = context.clientFor('system:serviceaccount:kube-system:generic-garbage-collector');
  let timer = clock.after(round, sweep);
  signal.addEventListener('abort', () => timer.cancel());

  function sweep(): void {
    expire()
      .catch((error) => log(`events: ${error}`))
      .finally(() => {
        if (!signal.aborted) timer = clock.after(round, sweep);
      });
  }

  async function expire(): Promise<void> {
    const { items } = await client.list(events);
    for (const event of items) {
      const { creationTimestamp } = event.metadata;
      const stamps = [creationTimestamp, event.series?.lastObservedTime, event.lastTimestamp].filter(Boolean);
      // An event that tells of long ago was told just now.
      if (stamps.some((stamp) => clock.since(stamp) < lifetime) || signal.aborted) continue;
      await client.delete(events, event.metadata.name!, event.metadata.namespace).catch((error) => {
        if (!isNotFound(error)) throw error;
      });
    }
  }
}
