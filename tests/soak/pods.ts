import { createClient, type WatchEvent } from '../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../sandbox/embedded/client/https-transport.ts';
import type { Credentials } from '../../sandbox/embedded/client/kubeconfig.ts';

/** Deployments of so many replicas each; resolves when all are Ready, each with an address and a name of its own. */
export async function rollOut(credentials: Credentials, deployments: number, replicas: number) {
  const client = createClient(createHttpsTransport(credentials));
  const pods = { group: '', version: 'v1', resource: 'pods' };
  const stop = new AbortController();
  const ready = new Map<string, string>();
  const faults: string[] = [];
  const began = performance.now();
  const labelSelector = 'app=load';
  const watching = client.watch(pods, { labelSelector, signal: stop.signal }, ({ type, object }: WatchEvent) => {
    if (type === 'DELETED') faults.push(`${object.metadata.name} went away`);
    const conditions: { type: string; status: string }[] = object.status?.conditions ?? [];
    if (!conditions.some((each) => each.type === 'Ready' && each.status === 'True')) return;
    ready.set(object.metadata.name, object.status.podIP);
    if (ready.size === deployments * replicas) stop.abort();
  });
  for (let index = 0; index < deployments; index++) {
    const labels = { app: 'load', part: String(index) };
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'nginx:1.27' }] } };
    await client.create(
      { group: 'apps', version: 'v1', resource: 'deployments' },
      {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name: `load-${index}`, namespace: 'default' },
        spec: { replicas, selector: { matchLabels: labels }, template },
      },
    );
  }
  await watching;
  const seconds = (performance.now() - began) / 1000;
  const { items } = await client.list(pods, { namespace: 'default', labelSelector });
  client.close();
  if (items.length !== deployments * replicas) faults.push(`${items.length} pods are there`);
  const addresses = new Set(items.map(({ status }) => status?.podIP));
  if (addresses.size !== items.length) faults.push(`${items.length} pods have ${addresses.size} addresses`);
  return { seconds, faults };
}
