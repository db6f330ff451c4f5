import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gvr, KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { type Client, createClient } from '../../../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../../../sandbox/embedded/client/https-transport.ts';
import { createInformer, type Informer } from '../../../../sandbox/embedded/client/informer.ts';
import { createClock } from '../../../../sandbox/embedded/clock.ts';
import { writeKubeconfig } from '../../../../sandbox/embedded/control-plane/kubeconfig.ts';
import { type Cluster, createCluster } from '../../../../sandbox/embedded/control-plane/main.ts';
import { type EmbeddedNodes, openNodes } from '../../../../sandbox/embedded/node/open-nodes.ts';

const nodes = { group: '', version: 'v1', resource: 'nodes' };

export interface WholeCluster {
  cluster: Cluster;
  machines: EmbeddedNodes;
  /** Path of an admin's kubeconfig, for real tools. */
  kubeconfig: string;
  client: Client;
  /** The real one: what it prints, on both streams. */
  kubectl(...words: string[]): Promise<string>;
  /** What `kubectl apply` says of objects in YAML. */
  give(yaml: string, namespace?: string): Promise<string>;
  /** Lets time pass at once. */
  skip(seconds: number): Promise<void>;
  /** Resolves with the object once it is as wanted. */
  until(resource: Gvr, name: string, wanted: (object: KubeObject) => unknown): Promise<KubeObject>;
  /** `TYPE REASON MESSAGE` of every event about the object. */
  events(name: string): Promise<string[]>;
  /** Core-seconds a pod has used, by its kubelet's meter. */
  worked(pod: string): Promise<number>;
  close(): Promise<void>;
}

/** Control plane, controllers and nodes in this process, on one clock. */
export async function openWholeCluster(count = 1, more: { trusted?: string } = {}): Promise<WholeCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'atelier-whole-'));
  const clock = createClock();
  const cluster = await createCluster({ directory, name: 'test', clock });
  const { pki, url } = cluster;
  const write = (user: string, pair: { key: string; cert: string }): string => {
    const file = join(directory, `${user.replaceAll(':', '-')}.kubeconfig`);
    writeKubeconfig(file, { cluster: 'test', server: url, ca: pki.ca.cert, user, pair });
    return file;
  };
  const kubeconfig = write('kubernetes-admin', pki.admin);
  const machines = await openNodes({
    name: 'test',
    count,
    kubeconfig: write('system:node:node-1', pki.node),
    directory,
    clock,
    ...more,
  });
  const client = createClient(createHttpsTransport({ server: url, ca: pki.ca.cert, ...pki.admin }));
  const ending = new AbortController();
  const informers = new Map<string, Informer>();
  const informer = (resource: Gvr): Informer => {
    const known = informers.get(resource.resource);
    const one = known ?? createInformer({ client, resource, clock, signal: ending.signal });
    informers.set(resource.resource, one);
    return one;
  };
  const kubectl = (words: string[], input = ''): Promise<string> =>
    new Promise((resolve) => {
      const env = { PATH: process.env.PATH, HOME: directory, KUBECONFIG: kubeconfig };
      const child = execFile(process.env.ATELIER_KUBECTL ?? 'kubectl', words, { env, timeout: 20_000 }, (_, out, err) =>
        resolve(out + err),
      );
      child.stdin?.end(input);
    });
  return {
    cluster,
    machines,
    kubeconfig,
    client,
    kubectl: (...words) => kubectl(words),
    give: (yaml, namespace) => kubectl(['apply', ...(namespace ? ['-n', namespace] : []), '-f', '-'], yaml),
    skip: (seconds) => cluster.skip(seconds * 1000),
    until: (resource, name, wanted) =>
      new Promise((resolve) => {
        let stop: (() => void) | undefined;
        stop = informer(resource).on((now) => {
          if (!now || now.metadata.name !== name || !wanted(now)) return;
          resolve(now);
          stop?.();
        });
      }),
    async events(name) {
      const { items } = await client.list({ group: '', version: 'v1', resource: 'events' });
      return items
        .filter((event) => event.involvedObject.name === name)
        .map(({ type, reason, message }: Loose) => `${type} ${reason} ${message}`);
    },
    async worked(name) {
      const { pods } = await client.get(nodes, 'node-1', undefined, 'proxy/stats/summary');
      const use = pods.find(({ podRef }: Loose) => podRef.name === name)?.cpu;
      return (use?.usageCoreNanoSeconds ?? 0) / 1e9;
    },
    async close() {
      ending.abort();
      client.close();
      await machines.close();
      await cluster.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export const running = (pod: KubeObject): boolean =>
  pod.status?.phase === 'Running' && pod.status.containerStatuses?.every(({ ready }: Loose) => ready);
