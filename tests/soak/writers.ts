import type { ApiResponse, Transport, WatchEvent } from '../../sandbox/embedded/client/client.ts';
import { createHttpsTransport } from '../../sandbox/embedded/client/https-transport.ts';
import { readKubeconfig } from '../../sandbox/embedded/client/kubeconfig.ts';
import { type Ledger, stateOf } from './ledger.ts';
import type { Random } from './random.ts';

const COLLECTION = '/api/v1/namespaces/default/configmaps';
export const SELECTOR = 'labelSelector=soak';

/** Of a ConfigMap all whose fields tell the same number. */
function configMap(name: string, sequence: number, random: Random): object {
  const text = String(sequence);
  const filler = 'x'.repeat(random.chance(0.05) ? 40_000 : random.below(600));
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace: 'default', labels: { soak: 'true', sequence: text } },
    data: { sequence: text, filler, copy: text },
  };
}

export interface Fray {
  kubeconfig: string;
  ledger: Ledger;
  random: Random;
  clients: number;
  /** Objects of each client. */
  each: number;
}

/** Clients that write, read and watch until the server is gone. */
export class Writers {
  readonly faults: string[] = [];
  readonly #fray: Fray;
  readonly #transports: Transport[] = [];
  readonly #stop = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #answers = 0;
  #waiting: { for: number; resolve: () => void } | undefined;

  constructor(fray: Fray) {
    this.#fray = fray;
  }

  start(): void {
    const { clients } = this.#fray;
    this.#running = Promise.all([
      ...Array.from({ length: clients }, (_, index) => this.#write(index)),
      this.#read(),
      this.#watch(),
    ]);
  }

  /** Resolves when so many writes have been answered, or when no client goes on. */
  async answers(count: number): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { for: count, resolve };
    await Promise.race([promise, this.#running]);
  }

  /** Resolves when every client has seen the end. */
  async done(): Promise<void> {
    this.#stop.abort();
    await this.#running;
    for (const transport of this.#transports) transport.close();
  }

  #open(): Transport {
    const transport = createHttpsTransport(readKubeconfig(this.#fray.kubeconfig), { maxSockets: 2 });
    this.#transports.push(transport);
    return transport;
  }

  #fault(text: string | undefined): void {
    if (text) this.faults.push(text);
  }

  async #write(index: number): Promise<void> {
    const { ledger, random, each } = this.#fray;
    const transport = this.#open();
    while (!this.#stop.signal.aborted) {
      const name = `soak-${index}-${random.below(each)}`;
      const before = ledger.known(name);
      const sequence = (before?.sequence ?? 0) + 1 + random.below(3);
      const removes = before !== undefined && random.chance(0.1);
      ledger.ask(name, removes ? 'gone' : sequence);
      let answer: ApiResponse;
      try {
        answer = await send(
          transport,
          name,
          before ? (removes ? 'gone' : before.revision) : undefined,
          sequence,
          random,
        );
      } catch {
        // The server is gone, and what became of the write is found out later.
        return;
      }
      this.#answers++;
      if (this.#waiting && this.#answers >= this.#waiting.for) this.#waiting.resolve();
      if (answer.code >= 300) {
        ledger.refused(name);
        this.#fault(`${name}: ${answer.code} ${answer.body?.message}`);
      } else this.#fault(ledger.answered(name, removes ? undefined : answer.body));
    }
  }

  async #read(): Promise<void> {
    const { ledger, random, clients, each } = this.#fray;
    const transport = this.#open();
    while (!this.#stop.signal.aborted) {
      const path = `${COLLECTION}/soak-${random.below(clients)}-${random.below(each)}`;
      const answer = await transport.request({ method: 'GET', path }).catch(() => undefined);
      if (!answer) return;
      if (answer.code === 200) this.#fault(ledger.show(answer.body));
    }
  }

  async #watch(): Promise<void> {
    const { ledger } = this.#fray;
    const transport = this.#open();
    let last = 0;
    const onEvent = ({ type, object }: WatchEvent): void => {
      if (type === 'BOOKMARK') return;
      if (type === 'ERROR') {
        this.#fault(`watch: ${object.message}`);
        return;
      }
      const { revision } = stateOf(object);
      if (revision <= last) this.#fault(`watch: revision ${revision} after ${last}`);
      last = revision;
      this.#fault(ledger.show(object, type === 'DELETED'));
    };
    try {
      const { body } = await transport.request({ method: 'GET', path: `${COLLECTION}?${SELECTOR}` });
      last = Number(body.metadata.resourceVersion);
      const path = `${COLLECTION}?${SELECTOR}&watch=true&resourceVersion=${last}`;
      await transport.stream({ method: 'GET', path }, onEvent, this.#stop.signal);
    } catch {
      // The server is gone: so is the watch.
    }
  }
}

/** `before`: the revision that is replaced, `gone` to remove it, undefined to make it. */
function send(
  transport: Transport,
  name: string,
  before: number | 'gone' | undefined,
  sequence: number,
  random: Random,
): Promise<ApiResponse> {
  const path = `${COLLECTION}/${name}`;
  if (before === 'gone') return transport.request({ method: 'DELETE', path });
  const body = configMap(name, sequence, random) as { metadata: { resourceVersion?: string } };
  if (before === undefined) return transport.request({ method: 'POST', path: COLLECTION, body });
  if (random.chance(0.3))
    return transport.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body });
  if (random.chance(0.3)) {
    const contentType = 'application/apply-patch+yaml';
    return transport.request({ method: 'PATCH', path: `${path}?fieldManager=soak&force=true`, contentType, body });
  }
  body.metadata.resourceVersion = String(before);
  return transport.request({ method: 'PUT', path, body });
}
