import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createClock } from './clock.ts';
import { writeKubeconfig } from './control-plane/kubeconfig.ts';
import { type Cluster, createCluster } from './control-plane/main.ts';
import { domainFault } from './domain.ts';
import { type Ingress, type IngressWish, suits } from './ingress-ports.ts';
import { neighbourName, neighbourPort } from './node/network/neighbours.ts';
import type { NodeProcess } from './node-process.ts';
import { openWorkshopAuthority } from './workshop-ca/authority.ts';

export interface OpenOptions {
  name: string;
  /** 0 for any. */
  port: number;
  /** How many nodes; three unless told. */
  nodes?: number;
  /** Of the hosts of its Ingresses; `NAME.localhost` unless told. */
  domain?: string;
  /** The pair of ports those hosts should answer at. */
  wish?: IngressWish | undefined;
}

export interface OpenCluster {
  name: string;
  url: string;
  /** An admin's. */
  kubeconfig: string;
  /** Why the hosts of its Ingresses do not answer, where they do not. */
  trouble?: string;
}

/** All clusters of one home, in one pair of processes. */
export class Clusters {
  readonly #home: string;
  readonly #node: NodeProcess | undefined;
  readonly #open = new Map<string, Cluster>();
  readonly #opening = new Set<string>();
  readonly #ingress: Ingress | undefined;
  /** Cluster by domain. */
  readonly #domains = new Map<string, string>();

  constructor(home: string, node: NodeProcess | undefined, ingress?: Ingress) {
    this.#home = home;
    this.#node = node;
    this.#ingress = ingress;
  }

  /** Rejects with one sentence when the name is no good, in use, or the cluster cannot be started. */
  async open(options: OpenOptions): Promise<OpenCluster> {
    const { name, domain = `${name}.localhost`, wish } = options;
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
      throw new Error(`"${name}" cannot name a cluster: use lower-case letters, digits and -`);
    const where = this.#open.get(name)?.url ?? (this.#opening.has(name) ? 'an address to come' : undefined);
    if (where)
      throw new Error(
        `cluster "${name}" of this home is open already in process ${process.pid} at ${where}: choose another --name or --home`,
      );
    const fault = domainFault(domain);
    if (fault) throw new Error(fault);
    const holder = this.#domains.get(domain);
    if (holder) throw new Error(`--domain ${domain} is that of cluster "${holder}" of this home: choose another`);
    const ports = this.#ingress?.ports;
    if (ports && !suits(ports, wish))
      throw new Error(
        `the clusters of this home share the ports ${ports.http},${ports.https}: end them all before choosing others with --ingress-ports`,
      );
    this.#opening.add(name);
    this.#domains.set(domain, name);
    try {
      return await this.#start({ ...options, domain });
    } catch (error) {
      this.#domains.delete(domain);
      throw error;
    } finally {
      this.#opening.delete(name);
    }
  }

  async #start({ name, port, nodes, domain }: OpenOptions & { domain: string }): Promise<OpenCluster> {
    const directory = join(this.#home, 'clusters', name);
    const clock = createClock();
    const skipNode = async (milliseconds: number) => (await this.#node?.skip(name, milliseconds)) ?? 0;
    // Keys are made beside the start of the API, not before it.
    const coming = openWorkshopAuthority({ home: this.#home, domain, now: clock.now() });
    coming.catch(() => {});
    const cluster = await createCluster({ directory, name, port, clock, skipNode });
    const authority = await coming.catch(async (error) => {
      await cluster.close();
      throw error;
    });
    this.#open.set(name, cluster);
    const kubeconfig = join(directory, 'admin.kubeconfig');
    const base = { cluster: name, server: cluster.url, ca: cluster.pki.ca.cert };
    writeKubeconfig(kubeconfig, { ...base, user: 'kubernetes-admin', pair: cluster.pki.admin });
    // What pods of the clusters beside this one use: from inside a pod 127.0.0.1 is the pod.
    writeKubeconfig(join(directory, 'internal.kubeconfig'), {
      ...base,
      server: `https://${neighbourName(name)}:${neighbourPort}`,
      serverName: 'kubernetes',
      user: 'kubernetes-admin',
      pair: cluster.pki.admin,
    });
    const nodeKubeconfig = join(directory, 'node.kubeconfig');
    writeKubeconfig(nodeKubeconfig, { ...base, user: 'system:node:node-1', pair: cluster.pki.node });
    this.#node?.open({
      name,
      kubeconfig: nodeKubeconfig,
      directory,
      domain: 'cluster.local',
      trusted: authority.root,
      zone: domain,
      ...(this.#ingress && { ingress: this.#ingress.ports }),
      skips: clock.skips,
      ...(nodes && { nodes }),
    });
    const trouble = this.#ingress?.trouble();
    return { name, url: cluster.url, kubeconfig, ...(trouble && { trouble }) };
  }

  /** Where scripts look for the cluster of a home. */
  link(kubeconfig: string): void {
    mkdirSync(join(this.#home, 'cluster'), { recursive: true, mode: 0o700 });
    const link = join(this.#home, 'cluster', 'admin.kubeconfig');
    rmSync(link, { force: true });
    symlinkSync(kubeconfig, link);
  }

  has(name: string): boolean {
    return this.#open.has(name);
  }

  /** Rejects when there is no such cluster. */
  async skip(name: string, milliseconds: number): Promise<void> {
    const open = this.#open.get(name);
    if (!open) throw new Error(`there is no cluster "${name}"`);
    await open.skip(milliseconds);
  }

  async close(name: string): Promise<void> {
    const open = this.#open.get(name);
    if (!open) return;
    this.#open.delete(name);
    for (const [domain, holder] of this.#domains) if (holder === name) this.#domains.delete(domain);
    this.#node?.close(name);
    await open.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((name) => this.close(name)));
  }
}
