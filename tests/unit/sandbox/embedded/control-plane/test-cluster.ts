import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Gvr, KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import {
  type Client,
  createClient,
  type Transport,
  type WatchEvent,
} from '../../../../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../../../../sandbox/embedded/client/https-transport.ts';
import type { Credentials } from '../../../../../sandbox/embedded/client/kubeconfig.ts';
import { writeKubeconfig } from '../../../../../sandbox/embedded/control-plane/kubeconfig.ts';
import { type Cluster, createCluster } from '../../../../../sandbox/embedded/control-plane/main.ts';

export const configMaps: Gvr = { group: '', version: 'v1', resource: 'configmaps' };
export const namespaces: Gvr = { group: '', version: 'v1', resource: 'namespaces' };
export const pods: Gvr = { group: '', version: 'v1', resource: 'pods' };
export const deployments: Gvr = { group: 'apps', version: 'v1', resource: 'deployments' };

export interface TestCluster {
  cluster: Cluster;
  directory: string;
  /** An admin over TLS. */
  client: Client;
  transport: Transport;
  /** Over TLS as somebody else: impersonated, or by token. */
  as(user: string, groups?: string[]): Client;
  withToken(token: string): Client;
  /** An admin's, for real tools. */
  kubeconfig: string;
  close(): Promise<void>;
}

/** A control plane of its own with a real TLS server; controllers only where asked for. */
export async function openTestCluster(controllers = false): Promise<TestCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'atelier-api-'));
  const cluster = await createCluster({ directory, name: 'test', controllers });
  const { pki, url } = cluster;
  const admin: Credentials = { server: url, ca: pki.ca.cert, ...pki.admin };
  const transport = createHttpsTransport(admin, { userAgent: 'vitest' });
  const transports = [transport];
  const open = (credentials: Credentials, options: Loose = {}): Client => {
    const other = createHttpsTransport(credentials, options);
    transports.push(other);
    return createClient(other);
  };
  const kubeconfig = join(directory, 'test.kubeconfig');
  writeKubeconfig(kubeconfig, { cluster: 'test', server: url, ca: pki.ca.cert, user: 'admin', pair: pki.admin });
  return {
    cluster,
    directory,
    client: createClient(transport),
    transport,
    as: (user, groups) => open(admin, { impersonate: { user, ...(groups && { groups }) } }),
    withToken: (token) => open({ server: url, ca: pki.ca.cert, token }),
    kubeconfig,
    async close() {
      for (const one of transports) one.close();
      await cluster.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

export function configMap(name: string, data: Record<string, string> = {}, more: Loose = {}): KubeObject {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'default', ...more }, data };
}

export function namespace(name: string): KubeObject {
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name } };
}

export function pod(name: string, more: Loose = {}): KubeObject {
  const spec = { containers: [{ name: 'main', image: 'nginx:1.27' }], ...more };
  return { apiVersion: 'v1', kind: 'Pod', metadata: { name, namespace: 'default', labels: { app: name } }, spec };
}

/** Collects events of a watch until `enough` of them are there. */
export async function collect(
  transport: Transport,
  path: string,
  enough: (events: WatchEvent[]) => boolean,
  meanwhile: () => Promise<unknown> = async () => {},
): Promise<WatchEvent[]> {
  const events: WatchEvent[] = [];
  const stop = new AbortController();
  const watching = transport.stream(
    { method: 'GET', path },
    (event) => {
      events.push(event);
      if (enough(events)) stop.abort();
    },
    stop.signal,
  );
  await meanwhile();
  await watching;
  return events;
}

export const writeFile = (directory: string, name: string, text: string): string => {
  const path = join(directory, name);
  writeFileSync(path, text);
  return path;
};
