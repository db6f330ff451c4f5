import { mkdirSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { createClock } from './clock.ts';
import { writeKubeconfig } from './control-plane/kubeconfig.ts';
import { type Cluster, createCluster } from './control-plane/main.ts';
import { neighbourName, neighbourPort } from './node/network/neighbours.ts';
import type { NodeProcess } from './node-process.ts';
import { openWorkshopAuthority } from './workshop-ca/authority.ts';

export interface OpenOptions {
  name: string;
  /** 0 for any. */
  port: number;
  /** How many nodes; three unless told. */
  nodes?: number;
}

export interface OpenCluster {
  name: string;
  url: string;
  /** An admin's. */
  kubeconfig: string;
}

/** All clusters of one home, in one pair of processes. */
export class Clusters {
  readonly #home: string;
  readonly #node: NodeProcess | undefined;
  readonly #open = new Map<string, Cluster>();
  readonly #opening = new Set<string>();

  constructor(home: string, node: NodeProcess | undefined) {
    this.#home = home;
    this.#node = node;
  }

  /** Rejects with one sentence when the name is no good, in use, or the cluster cannot be started. */
  async open({ name, port, nodes }: OpenOptions): Promise<OpenCluster> {
    if (!/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/.test(name))
      throw new Error(`"${name}" cannot name a cluster: use lower-case letters, digits and -`);
    const where = this.#open.get(name)?.url ?? (this.#opening.has(name) ? 'an address to come' : undefined);
    if (where)
      throw new Error(
        `cluster "${name}" of this home is open already in process ${process.pid} at ${where}: choose another --name or --home`,
      );
    this.#opening.add(name);
    try {
      return await this.#start({ name, port, ...(nodes && { nodes }) });
    } finally {
      this.#opening.delete(name);
    }
  }

  async #start({ name, port, nodes }: OpenOptions): Promise<OpenCluster> {
    const directory = join(this.#home, 'clusters', name);
    const clock = createClock();
    const skipNode = async (milliseconds: number) => (await this.#node?.skip(name, milliseconds)) ?? 0;
    const authority = await openWorkshopAuthority({ home: this.#home, now: clock.now() });
    const cluster = await createCluster({ directory, name, port, clock, skipNode });
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
      skips: clock.skips,
      ...(nodes && { nodes }),
    });
    return { name, url: cluster.url, kubeconfig };
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
    this.#node?.close(name);
    await open.close();
  }

  async closeAll(): Promise<void> {
    await Promise.all([...this.#open.keys()].map((name) => this.close(name)));
  }
}
