import path from 'node:path';
import type { Loose } from '../../kubernetes/object.ts';
import type { Transport, WatchEvent } from '../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../sandbox/embedded/client/https-transport.ts';
import { readKubeconfig } from '../../sandbox/embedded/client/kubeconfig.ts';
import { askControl, dialControl } from '../../sandbox/embedded/control-socket.ts';
import { median } from '../bench/figures.ts';
import { Embedded } from './embedded.ts';
import { type Memory, MemoryGauge } from './memory.ts';
import { Random } from './random.ts';

const NAMESPACES = 12;
const WRITERS = 8;
const WATCHERS = 20;
const MAPS_EACH = 30;
/** Milliseconds between two writes of a writer: it is to last, not to be fast. */
const PACE = 120;
/** Events live for an hour: with that much of it skipped each minute, they come and go while the soak lasts. */
const SKIPPED = 10 * 60_000;

export interface Minute {
  minute: number;
  controlPlane: Memory;
  node: Memory;
  objects: number;
  writes: number;
  events: number;
  /** Watches that were told 410 because they came from too far back. */
  expired: number;
}

export interface ChurnReport {
  minutes: Minute[];
  faults: string[];
}

/** Writes, scales, deletes and watches for so many minutes; tells once a minute what both processes hold. */
export async function churn(home: string, length: number, onMinute: (minute: Minute) => void): Promise<ChurnReport> {
  const gauge = new MemoryGauge(path.join(home, 'memory'));
  const embedded = new Embedded(path.join(home, 'home'), [], { ...gauge.environment, ATELIER_NODE_CPU: '64' });
  const kubeconfig = await embedded.ready;
  if (!kubeconfig) throw new Error(embedded.errors);
  const load = new Churn(kubeconfig);
  const minutes: Minute[] = [];
  try {
    await load.start();
    for (let minute = 1; minute <= length; minute++) {
      await pause(60_000);
      const control = await dialControl(path.join(home, 'home'));
      if (control) await askControl(control, { type: 'skip', name: 'main', milliseconds: SKIPPED });
      control?.destroy();
      const told = {
        minute,
        controlPlane: await gauge.of(embedded.pid),
        node: await gauge.of(embedded.nodePid ?? 0),
        ...(await load.figures()),
      };
      minutes.push(told);
      onMinute(told);
    }
    await load.stop();
  } catch (error) {
    load.faults.push(`${error}; what the cluster said last: ${embedded.errors.slice(-2000)}`);
  } finally {
    await embedded.end();
  }
  return { minutes, faults: [...load.faults, ...growth(minutes)] };
}

/** What is held late must be what was held early, once everything has been there: within a quarter and some slack. */
function growth(minutes: Minute[]): string[] {
  if (minutes.length < 4) return [];
  const settled = minutes.slice(Math.floor(minutes.length / 4));
  const half = Math.ceil(settled.length / 2);
  return (['controlPlane', 'node'] as const).flatMap((process) => {
    const held = settled.map((minute) => minute[process].heap + minute[process].external);
    const early = median(held.slice(0, half));
    const late = median(held.slice(half));
    return late <= early * 1.25 + 4 ? [] : [`${process} grew from ${early.toFixed(1)} to ${late.toFixed(1)} MB`];
  });
}

/** Everything that goes on during a soak. */
class Churn {
  readonly faults: string[] = [];
  readonly #kubeconfig: string;
  readonly #transport: Transport;
  readonly #random = new Random(1);
  readonly #stop = new AbortController();
  #running: Promise<unknown>[] = [];
  #writes = 0;
  #events = 0;
  #expired = 0;

  constructor(kubeconfig: string) {
    this.#kubeconfig = kubeconfig;
    this.#transport = createHttpsTransport(readKubeconfig(kubeconfig), { maxSockets: 16 });
  }

  async start(): Promise<void> {
    for (let index = 0; index < NAMESPACES; index++) await this.#makeNamespace(`churn-${index}`);
    this.#running = [
      ...Array.from({ length: WRITERS }, () => this.#repeat(PACE, () => this.#writeMap())),
      ...Array.from({ length: WATCHERS }, (_, index) =>
        this.#watch(index).catch((error) => this.faults.push(String(error))),
      ),
      this.#repeat(3000, () => this.#scale()),
      this.#repeat(15_000, () => this.#passingNamespace()),
      this.#repeat(20_000, () => this.#lag()),
    ];
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await Promise.all(this.#running);
    this.#transport.close();
  }

  async figures(): Promise<Pick<Minute, 'objects' | 'writes' | 'events' | 'expired'>> {
    const kinds = ['configmaps', 'pods', 'events', 'namespaces', 'secrets', 'serviceaccounts'];
    const lists = await Promise.all(kinds.map((kind) => this.#ask('GET', `/api/v1/${kind}`)));
    const objects = lists.reduce((sum, { body }) => sum + body.items.length, 0);
    return { objects, writes: this.#writes, events: this.#events, expired: this.#expired };
  }

  async #repeat(pace: number, run: () => Promise<void>): Promise<void> {
    while (!this.#stop.signal.aborted) {
      await run().catch((error) => this.faults.push(String(error)));
      await pause(pace * (0.5 + this.#random.next()));
    }
  }

  async #ask(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', target: string, body?: Loose, type?: string) {
    if (method !== 'GET') this.#writes++;
    const answer = await this.#transport.request({
      method,
      path: target,
      ...(body && { body }),
      ...(type && { contentType: `application/${type}` }),
    });
    // Two writers, or a namespace on its way out, may be in each other's way; nothing else may fail.
    if (answer.code >= 400 && ![403, 404, 409, 410].includes(answer.code))
      this.faults.push(`${method} ${target}: ${answer.code} ${answer.body?.message}`);
    return answer;
  }

  async #makeNamespace(name: string): Promise<void> {
    await this.#ask('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  }

  async #writeMap(): Promise<void> {
    const namespace = `churn-${this.#random.below(NAMESPACES)}`;
    const name = `map-${this.#random.below(MAPS_EACH)}`;
    const maps = `/api/v1/namespaces/${namespace}/configmaps`;
    const data = { at: String(this.#writes), filler: 'x'.repeat(this.#random.below(3000)) };
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data };
    if (this.#random.chance(0.15)) await this.#ask('DELETE', `${maps}/${name}`);
    else if (this.#random.chance(0.3)) await this.#ask('PATCH', `${maps}/${name}`, { data }, 'merge-patch+json');
    else {
      const manager = `writer-${this.#random.below(3)}`;
      const target = `${maps}/${name}?fieldManager=${manager}&force=true`;
      await this.#ask('PATCH', target, object, 'apply-patch+yaml');
    }
  }

  /** Deployments come, grow, get another image and go. */
  async #scale(): Promise<void> {
    const namespace = `churn-${this.#random.below(3)}`;
    const deployments = `/apis/apps/v1/namespaces/${namespace}/deployments`;
    if (this.#random.chance(0.2)) {
      await this.#ask('DELETE', `${deployments}/web`);
      return;
    }
    const labels = { app: 'web' };
    const env = [{ name: 'AT', value: this.#random.chance(0.3) ? String(this.#writes) : 'same' }];
    const template = { metadata: { labels }, spec: { containers: [{ name: 'web', image: 'nginx:1.27', env }] } };
    const spec = { replicas: this.#random.below(12), selector: { matchLabels: labels }, template };
    const object = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web', namespace }, spec };
    await this.#ask('PATCH', `${deployments}/web?fieldManager=soak&force=true`, object, 'apply-patch+yaml');
  }

  async #passingNamespace(): Promise<void> {
    const name = `passing-${this.#writes}`;
    await this.#makeNamespace(name);
    await this.#ask('POST', `/api/v1/namespaces/${name}/configmaps`, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one' },
    });
    await this.#ask('DELETE', `/api/v1/namespaces/${name}`);
  }

  /** Reads on from where it was, lists again when that is forgotten, as informers do. */
  async #watch(index: number): Promise<void> {
    const resource = ['configmaps', 'pods', 'events'][index % 3];
    while (!this.#stop.signal.aborted) {
      const { body } = await this.#ask('GET', `/api/v1/${resource}`);
      if (!body.metadata) return;
      let last = Number(body.metadata.resourceVersion);
      const onEvent = ({ type, object }: WatchEvent): void => {
        this.#events++;
        // Too far behind: the next list tells what is now.
        if (type === 'ERROR') return;
        const revision = Number(object.metadata.resourceVersion);
        if (type !== 'BOOKMARK' && revision <= last) this.faults.push(`${resource}: ${revision} after ${last}`);
        last = revision;
      };
      const target = `/api/v1/${resource}?watch=true&resourceVersion=${last}&timeoutSeconds=${30 + index * 5}`;
      await this.#transport.stream({ method: 'GET', path: target }, onEvent, this.#stop.signal);
    }
  }

  /** Comes from the very beginning: told what it missed, or 410; never a gap in silence. */
  async #lag(): Promise<void> {
    const transport = createHttpsTransport(readKubeconfig(this.#kubeconfig));
    const target = '/api/v1/configmaps?watch=true&resourceVersion=2&timeoutSeconds=1';
    const onEvent = ({ type, object }: WatchEvent): void => {
      if (type !== 'ERROR') return;
      if (object.code === 410 && object.reason === 'Expired') this.#expired++;
      else this.faults.push(`a late watch: ${object.message}`);
    };
    await transport.stream({ method: 'GET', path: target }, onEvent, this.#stop.signal);
    transport.close();
  }
}

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
