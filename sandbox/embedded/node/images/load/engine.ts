import type { Duplex } from 'node:stream';
import type { ContainerProcess } from '../image.ts';

export interface LoadPlan {
  url: URL;
  method: string;
  /** Between the request line and the empty line, each without its end. */
  headers: string[];
  body: string;
  version: '1.0' | '1.1';
  keepAlive: boolean;
  /** Milliseconds a request may take. */
  patience: number;
}

/** One request, by the clock that only grows; milliseconds. */
export interface Sample {
  /** Until the connection stood; 0 where it was there already. */
  connect: number;
  /** From then to the first byte, and to the last. */
  waiting: number;
  processing: number;
  status: number;
  /** Bytes that came, and those of the body among them. */
  received: number;
  length: number;
  server: string;
  reused: boolean;
}

/** No answer came, or half of one. `code` is the network's: ECONNREFUSED, ENOTFOUND, ETIMEDOUT, ECONNRESET. */
export class LoadFailure extends Error {
  readonly code: string;
  constructor(code: string) {
    super(code);
    this.code = code;
  }
}

/** One request more costs who asks so much: milliseconds of one core. */
const COST = 0.15;

/** A connection's worth of requests, one after the other. */
class Visitor {
  private readonly process: ContainerProcess;
  private readonly plan: LoadPlan;
  private socket: Duplex | undefined;

  constructor(process: ContainerProcess, plan: LoadPlan) {
    this.process = process;
    this.plan = plan;
  }

  /** Sends one request and reads the answer. Rejects with {@link LoadFailure}. */
  async visit(): Promise<Sample> {
    const { clock, network } = this.process.container;
    const granted = this.process.container.spend(COST);
    if (granted) await granted;
    const { url, method, headers, body, version, keepAlive, patience } = this.plan;
    const begun = clock.monotonic();
    const reused = this.socket !== undefined;
    try {
      if (!this.socket) {
        this.socket = await network.connect(url.hostname, Number(url.port || 80));
        // What comes late, when nobody reads any more.
        this.socket.on('error', () => undefined);
      }
    } catch (error) {
      throw new LoadFailure((error as { code?: string }).code ?? 'ECONNRESET');
    }
    const connected = clock.monotonic();
    const socket = this.socket;
    const close = () => socket.destroy();
    this.process.killed.addEventListener('abort', close, { once: true });
    const head = [`${method} ${url.pathname}${url.search} HTTP/${version}`, ...headers].join('\r\n');
    socket.write(`${head}\r\n\r\n${body}`);
    try {
      const answer = await readAnswer(socket, method, patience, this.process);
      const ended = clock.monotonic();
      const { first, ...rest } = answer;
      if (!keepAlive || answer.closes) this.leave();
      return {
        connect: reused ? 0 : connected - begun,
        waiting: first - connected,
        processing: ended - connected,
        reused,
        ...rest,
      };
    } catch (error) {
      this.leave();
      throw error;
    } finally {
      this.process.killed.removeEventListener('abort', close);
    }
  }

  leave(): void {
    this.socket?.destroy();
    this.socket = undefined;
  }
}

interface Answer {
  /** When its first byte came. */
  first: number;
  status: number;
  received: number;
  length: number;
  server: string;
  closes: boolean;
}

function readAnswer(socket: Duplex, method: string, patience: number, process: ContainerProcess): Promise<Answer> {
  const { clock } = process.container;
  return new Promise((resolve, reject) => {
    let head = '';
    let first = 0;
    let received = 0;
    let begins = -1;
    let wanted = Number.POSITIVE_INFINITY;
    let tail = '';
    let chunked = false;
    const timer = clock.after(patience, () => settle(new LoadFailure('ETIMEDOUT')));
    const onData = (data: Buffer): void => {
      if (received === 0) first = clock.monotonic();
      received += data.length;
      if (begins < 0) {
        head += data.toString('latin1');
        const end = head.indexOf('\r\n\r\n');
        if (end < 0) return;
        begins = end + 4;
        tail = head.slice(begins);
        head = head.slice(0, begins);
        chunked = /^transfer-encoding:.*chunked/im.test(head);
        const length = /^content-length:\s*(\d+)/im.exec(head)?.[1];
        if (length !== undefined) wanted = Number(length);
        if (method === 'HEAD' || /^HTTP\/\S+ (204|304)/.test(head)) wanted = 0;
      } else if (chunked) tail = (tail + data.toString('latin1')).slice(-16);
      if (received - begins >= wanted || (chunked && tail.endsWith('0\r\n\r\n'))) settle();
    };
    const onEnd = (): void => settle(begins < 0 ? new LoadFailure('ECONNRESET') : undefined);
    const onError = (): void => settle(new LoadFailure('ECONNRESET'));
    function settle(failure?: LoadFailure): void {
      timer.cancel();
      socket.off('data', onData).off('end', onEnd).off('close', onError).off('error', onError);
      if (failure) {
        reject(failure);
        return;
      }
      resolve({
        first,
        status: Number(/^HTTP\/\S+ (\d+)/.exec(head)?.[1] ?? 0),
        received,
        length: received - begins,
        server: /^server:\s*(.*?)\r$/im.exec(head)?.[1] ?? '',
        closes: /^connection:\s*close/im.test(head) || wanted === Number.POSITIVE_INFINITY,
      });
    }
    socket.on('data', onData).on('end', onEnd).on('close', onError).on('error', onError);
  });
}

/** Lets `concurrency` visitors make requests until `next` says there are no more. Rejects with what `next` throws. */
export async function visitAll(
  process: ContainerProcess,
  plan: LoadPlan,
  concurrency: number,
  next: (visit: () => Promise<Sample>) => Promise<boolean>,
): Promise<void> {
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      const visitor = new Visitor(process, plan);
      try {
        while (await next(() => visitor.visit())) process.killed.throwIfAborted();
      } finally {
        visitor.leave();
      }
    }),
  );
}
