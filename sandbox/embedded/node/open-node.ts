import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createClient } from '../client/client.ts';
import { createHttpsTransport } from '../client/https-transport.ts';
import { createInformer } from '../client/informer.ts';
import { readKubeconfig } from '../client/kubeconfig.ts';
import { type Clock, createClock } from '../clock.ts';
import { resolveImage } from './images/registry.ts';
import { resources } from './kubelet/configuration.ts';
import type { Resolve } from './kubelet/images.ts';
import { createKubelet, type Kubelet } from './kubelet/kubelet.ts';
import { startKubeletServer } from './kubelet/server/server.ts';
import { createForwardProxy } from './network/forward-proxy.ts';
import { createNetwork, type Network } from './network/network.ts';
import { createServiceTable } from './network/services.ts';

export interface NodeOptions {
  /** The cluster's. */
  name: string;
  /** Path of the kubeconfig the node speaks with. */
  kubeconfig: string;
  /** The cluster's folder: certificates in `pki/`, volumes, what was pulled. */
  directory: string;
  clock?: Clock;
  nodeName?: string;
  /** The node's InternalIP. */
  address?: string;
  clusterDomain?: string;
  capacity?: { cpu: string; memory: string; pods: string };
  version?: string;
  resolve?: Resolve;
  /** Lets the proxy lead beyond the cluster; for a learner on the own machine. */
  passThrough?: boolean;
  newId?: () => string;
  log?: (message: string) => void;
}

/** One node of one cluster, running. */
export interface EmbeddedNode {
  name: string;
  /** Of the proxy that leads into the cluster: `http://127.0.0.1:PORT`. */
  proxy: string;
  /** Of the kubelet's server. */
  port: number;
  kubelet: Kubelet;
  network: Network;
  close(): Promise<void>;
}

/** Images that need no pull, so that a first pod starts at once. */
const present = ['busybox:1.36', 'nginx:1.27'];

/** Starts kubelet, network and proxy of one cluster; call it as often as there are clusters. Rejects when the API refuses or cannot be reached. */
export async function openNode(options: NodeOptions): Promise<EmbeddedNode> {
  const { name, directory, clock = createClock(), clusterDomain = 'cluster.local', log = () => {} } = options;
  const credentials = readKubeconfig(options.kubeconfig);
  const client = createClient(
    createHttpsTransport(credentials, { maxSockets: 16, userAgent: 'kubelet/v1.35.2 (linux/amd64)' }),
  );
  const ending = new AbortController();
  const { signal } = ending;
  const address = options.address ?? '10.99.0.1';
  const newId = options.newId ?? (() => randomBytes(32).toString('hex'));
  const home = join(directory, 'node');
  mkdirSync(home, { recursive: true, mode: 0o700 });

  const services = createInformer({ client, resource: resources.services, clock, signal, log });
  const slices = createInformer({ client, resource: resources.slices, clock, signal, log });
  await Promise.all([services.synced, slices.synced]);
  const table = createServiceTable({ services, slices, nodeAddress: () => address, clock });
  const api = new URL(credentials.server);
  const network = createNetwork({
    services: table,
    clusterDomain,
    clock,
    nodeAddress: () => address,
    apiServer: { host: api.hostname, port: Number(api.port || 443) },
  });
  const server = await startKubeletServer({ ...serving(directory), clock, newId, log });
  const proxy = await createForwardProxy({ network, clusterDomain, passThrough: options.passThrough ?? false });
  const kubelet = createKubelet({
    client,
    clock,
    network,
    services: table,
    resolve: options.resolve ?? resolveImage,
    directory: home,
    node: {
      name: options.nodeName ?? 'node-1',
      address,
      port: server.port,
      version: options.version ?? 'v1.35.2',
      capacity: options.capacity ?? { cpu: '4', memory: '8Gi', pods: '110' },
    },
    clusterDomain,
    present,
    imagesFile: join(home, 'images.json'),
    newId,
    signal,
    log,
  });
  server.serve({ kubelet, network, services: table });
  const close = async () => {
    ending.abort();
    kubelet.close();
    table.close();
    client.close();
    await Promise.all([server.close(), proxy.close()]);
  };
  try {
    await kubelet.start();
  } catch (error) {
    await close();
    throw error;
  }
  writeFileSync(join(directory, 'proxy.json'), `${JSON.stringify({ url: proxy.url })}\n`, { mode: 0o600 });

  return {
    name,
    proxy: proxy.url,
    port: server.port,
    kubelet,
    network,
    close,
  };
}

/** The kubelet's certificate, and the CA of those who may call it. */
function serving(directory: string): { certificate: string; key: string; clientCa?: string } {
  const file = (name: string) => join(directory, 'pki', name);
  const read = (name: string) => readFileSync(file(name), 'utf8');
  return {
    certificate: read('kubelet-server.crt'),
    key: read('kubelet-server.key'),
    ...(existsSync(file('ca.crt')) && { clientCa: read('ca.crt') }),
  };
}
