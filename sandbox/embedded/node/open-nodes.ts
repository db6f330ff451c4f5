import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { socketPath } from '../../socket-path.ts';
import { createClient } from '../client/client.ts';
import { createHttpsTransport } from '../client/https-transport.ts';
import { createInformer } from '../client/informer.ts';
import { readKubeconfig } from '../client/kubeconfig.ts';
import { createRecorder } from '../client/recorder.ts';
import { type Clock, createClock } from '../clock.ts';
import type { IngressPorts } from '../ingress-ports.ts';
import { resolveImage } from './images/registry.ts';
import { resources } from './kubelet/configuration.ts';
import type { Resolve } from './kubelet/images.ts';
import { removeVolume } from './kubelet/volumes.ts';
import { watchCluster } from './kubelet/watched.ts';
import { Machine } from './machine.ts';
import { createForwardProxy } from './network/forward-proxy.ts';
import { openMachinePorts } from './network/machine-ports.ts';
import type { Neighbours } from './network/neighbours.ts';
import { createNetwork, type Network } from './network/network.ts';
import { createPolicies } from './network/policies.ts';
import { createServiceTable, type ServiceTable } from './network/services.ts';
import { serveZone } from './network/zone/serve-zone.ts';
import { createZone, type Zone } from './network/zone/zone.ts';
import { type NodeSize, nodePlans } from './node-plans.ts';

export interface NodesOptions {
  /** The cluster's. */
  name: string;
  /** Path of the kubeconfig the nodes speak with. */
  kubeconfig: string;
  /** The cluster's folder: certificates in `pki/`, volumes, what was pulled. */
  directory: string;
  clock?: Clock;
  /** How many nodes. */
  count?: number;
  clusterDomain?: string;
  /** Authorities that containers trust: PEM. */
  trusted?: string;
  /** Domain of the learner's DNS zone. */
  zone?: string;
  /** Where its hosts answer on the machine. */
  ingress?: IngressPorts;
  /** Of each. */
  size?: NodeSize;
  /** The clusters beside this one. */
  neighbours?: Neighbours;
  version?: string;
  resolve?: Resolve;
  /** Lets the proxy lead beyond the cluster; for a learner on the own machine. */
  passThrough?: boolean;
  newId?: () => string;
  log?: (message: string) => void;
}

/** The nodes of one cluster, running. */
export interface EmbeddedNodes {
  name: string;
  /** Of the proxy that leads into the cluster: `http://127.0.0.1:PORT`. */
  proxy: string;
  machines: Machine[];
  network: Network;
  services: ServiceTable;
  /** The learner's names, and the port of 127.0.0.1 where DNS clients ask for them. */
  zone: Zone & { port: number };
  close(): Promise<void>;
}

/** Images that need no pull, so that a first pod starts at once. */
const present = ['busybox:1.36', 'nginx:1.27'];

/** Starts nodes, network and proxy of one cluster; call it as often as there are clusters. Rejects when the API refuses or cannot be reached. */
export async function openNodes(options: NodesOptions): Promise<EmbeddedNodes> {
  const { name, directory, clock = createClock(), clusterDomain = 'cluster.local', log = () => {} } = options;
  const credentials = readKubeconfig(options.kubeconfig);
  const door = socketPath(directory);
  const client = createClient(
    createHttpsTransport(credentials, {
      maxSockets: 16,
      userAgent: 'kubelet/v1.35.2 (linux/amd64)',
      ...(existsSync(door) && { door }),
    }),
  );
  const ending = new AbortController();
  const { signal } = ending;
  const newId = options.newId ?? (() => randomBytes(32).toString('hex'));
  const home = join(directory, 'node');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  const plans = nodePlans(options.count ?? 3, options.size ?? { cpu: '4', memory: '8Gi', pods: '110' });
  const nodeAddress = () => plans[0]!.address;
  const nodeAt = (address: string) => plans.find((plan) => plan.address === address)?.name;

  const services = createInformer({ client, resource: resources.services, clock, signal, log });
  const slices = createInformer({ client, resource: resources.slices, clock, signal, log });
  const rules = createInformer({ client, resource: resources.policies, clock, signal, log });
  const watched = watchCluster({ client, clock, signal, log });
  await Promise.all([services.synced, slices.synced, rules.synced, watched.nodes.synced]);
  const table = createServiceTable({ services, slices, nodeAt, clock });
  const api = new URL(credentials.server);
  const policies = createPolicies({
    policies: rules,
    namespaces: () => createInformer({ client, resource: resources.namespaces, clock, signal, log }),
  });
  const zone = createZone({
    domain: options.zone ?? 'learner.localhost',
    file: join(directory, 'zone.json'),
    clock,
    log,
  });
  const network = createNetwork({
    services: table,
    clusterDomain,
    clock,
    nodeAddress,
    policies,
    zone,
    ...(options.ingress && { ingress: options.ingress }),
    ...(options.neighbours && { neighbours: options.neighbours }),
    apiServer: { host: api.hostname, port: Number(api.port || 443) },
  });
  const proxy = await createForwardProxy({ network, zone, clusterDomain, passThrough: options.passThrough ?? false });
  const names = await serveZone({ zone, network, log });
  const recorder = createRecorder({ client, clock, component: 'kube-proxy', host: plans[0]!.name, log });
  const machinePorts = openMachinePorts({
    services,
    clock,
    nodeAddress,
    connect: network.connect,
    event: (about, type, reason, message) => void recorder.event(about, type, reason, message),
  });
  const certificate = serving(directory);
  const shared = {
    client,
    clock,
    network,
    services: table,
    watched,
    resolve: options.resolve ?? resolveImage,
    directory: home,
    clusterDomain,
    ...(options.trusted && { trusted: options.trusted }),
    present,
    newId,
    log,
  };
  const machines = plans.map((plan, index) => {
    const ownDirectory = index === 0 ? home : join(home, plan.name);
    mkdirSync(ownDirectory, { recursive: true, mode: 0o700 });
    return new Machine({
      kubelet: { ...shared, ownDirectory, imagesFile: join(ownDirectory, 'images.json') },
      node: { ...plan, version: options.version ?? 'v1.35.2' },
      serving: certificate,
    });
  });
  const close = async () => {
    ending.abort();
    await Promise.all(machines.map((machine) => machine.close()));
    policies.close();
    table.close();
    client.close();
    await Promise.all([proxy.close(), machinePorts.close(), names.close()]);
  };
  try {
    await Promise.all(machines.map((machine) => machine.heed(watched.nodes.get(machine.name), undefined)));
  } catch (error) {
    await close();
    throw error;
  }
  follow();
  watched.volumes.on((now, before) => {
    if (!now && before?.spec?.persistentVolumeReclaimPolicy === 'Delete') removeVolume(home, before.metadata.name!);
  });
  const { ingress } = options;
  const told = { url: proxy.url, ...(ingress && { ingress: { ...ingress, domain: zone.domain, dns: names.port } }) };
  writeFileSync(join(directory, 'proxy.json'), `${JSON.stringify(told)}\n`, { mode: 0o600 });

  /** From here on, the machines do as their Nodes say. */
  function follow(): void {
    const seen = new Set<string>();
    watched.nodes.on((now, before) => {
      const machine = machines.find((candidate) => candidate.name === (now ?? before)!.metadata.name);
      if (!machine || signal.aborted) return;
      // What each has made of itself just now is no news to it.
      const first = now && !before && !seen.has(machine.name);
      seen.add(machine.name);
      machine
        .heed(now, first ? now : before)
        .catch((error) => log(`${machine.name}: ${error instanceof Error ? error.message : error}`));
    });
  }

  return { name, proxy: proxy.url, machines, network, services: table, zone: { ...zone, port: names.port }, close };
}

function serving(directory: string): { certificate: string; key: string; clientCa?: string } {
  const file = (name: string) => join(directory, 'pki', name);
  const read = (name: string) => readFileSync(file(name), 'utf8');
  return {
    certificate: read('kubelet-server.crt'),
    key: read('kubelet-server.key'),
    ...(existsSync(file('ca.crt')) && { clientCa: read('ca.crt') }),
  };
}
