import type { KubeObject } from '../../../kubernetes/object.ts';
import { hasPower } from '../machine-annotations.ts';
import { createKubelet, type Kubelet, type KubeletOptions } from './kubelet/kubelet.ts';
import { type KubeletServer, startKubeletServer } from './kubelet/server/server.ts';

export interface MachineOptions {
  kubelet: Omit<KubeletOptions, 'node' | 'signal'>;
  node: Omit<KubeletOptions['node'], 'port'>;
  /** The kubelet's certificate, and the CA of those who may call it. */
  serving: { certificate: string; key: string; clientCa?: string };
}

/** A computer of the cluster: as long as it has power, a kubelet and its server run on it. */
export class Machine {
  readonly name: string;
  readonly #options: MachineOptions;
  #running: { kubelet: Kubelet; server: KubeletServer; end: AbortController } | undefined;
  #wanted = true;
  #step: Promise<unknown> = Promise.resolve();

  constructor(options: MachineOptions) {
    this.name = options.node.name;
    this.#options = options;
  }

  get kubelet(): Kubelet | undefined {
    return this.#running?.kubelet;
  }

  /** Of the kubelet's server. */
  get port(): number | undefined {
    return this.#running?.server.port;
  }

  /**
   * Follows what its Node says: `atelier.dev/power: off` ends it without a word, and any other value starts it. A Node that
   * is deleted is not made again, as by a real kubelet before its next start; one of its name, made by hand, is taken over.
   * Rejects when it is to start and the API refuses.
   */
  heed(now: KubeObject | undefined, before: KubeObject | undefined): Promise<void> {
    const on = hasPower(now);
    return this.#next(async () => {
      if (!now && before) this.kubelet?.forget();
      else if (!on) await this.#end();
      else if (!this.#running) await this.#start();
      else if (!before) await this.kubelet?.register();
    });
  }

  close(): Promise<void> {
    this.#wanted = false;
    return this.#next(() => this.#end());
  }

  #next(run: () => Promise<void>): Promise<void> {
    const step = this.#step.then(run);
    this.#step = step.catch(() => {});
    return step;
  }

  async #start(): Promise<void> {
    if (!this.#wanted) return;
    const { kubelet: shared, node, serving } = this.#options;
    const { clock, newId, log, network, services } = shared;
    const server = await startKubeletServer({ ...serving, clock, newId, log });
    const end = new AbortController();
    const kubelet = createKubelet({ ...shared, node: { ...node, port: server.port }, signal: end.signal });
    this.#running = { kubelet, server, end };
    server.serve({ kubelet, network, services });
    try {
      await kubelet.start();
    } catch (error) {
      await this.#end();
      throw error;
    }
  }

  async #end(): Promise<void> {
    const running = this.#running;
    if (!running) return;
    this.#running = undefined;
    running.end.abort();
    running.kubelet.close();
    await running.server.close();
  }
}
