import { once } from 'node:events';
import type { Duplex } from 'node:stream';
import { createDeflate, constants as zlib } from 'node:zlib';
import { headerDictionary } from '../../../../../../sandbox/embedded/node/kubelet/spdy/dictionary.ts';

/** The client's side of SPDY/3.1, as far as a test needs it. */
export class SpdyClient {
  readonly #transport: Duplex;
  readonly #deflate = createDeflate({ dictionary: headerDictionary, flush: zlib.Z_SYNC_FLUSH });
  readonly #data = new Map<number, Buffer[]>();
  readonly #ended = new Set<number>();
  readonly #replied = new Set<number>();
  #next = 1;
  #rest = Buffer.alloc(0);
  #wake: () => void = () => {};
  pinged = 0;

  constructor(transport: Duplex) {
    this.#transport = transport;
    transport.on('data', (data: Buffer) => {
      this.#rest = Buffer.concat([this.#rest, data]);
      this.#parse();
      this.#wake();
    });
  }

  async open(headers: Record<string, string>): Promise<number> {
    const id = this.#next;
    this.#next += 2;
    const text = (value: string) => {
      const length = Buffer.alloc(4);
      length.writeUInt32BE(Buffer.byteLength(value));
      return Buffer.concat([length, Buffer.from(value)]);
    };
    const count = Buffer.alloc(4);
    count.writeUInt32BE(Object.keys(headers).length);
    const plain = Buffer.concat([
      count,
      ...Object.entries(headers).flatMap(([name, value]) => [text(name), text(value)]),
    ]);
    this.#deflate.write(plain);
    await new Promise<void>((resolve) => this.#deflate.flush(zlib.Z_SYNC_FLUSH, resolve));
    const block = this.#deflate.read() as Buffer;
    const head = Buffer.alloc(10);
    head.writeUInt32BE(id, 0);
    this.#control(1, 0, Buffer.concat([head, block]));
    return id;
  }

  send(id: number, data: string | Buffer, last = false): void {
    const bytes = Buffer.from(data);
    const head = Buffer.alloc(8);
    head.writeUInt32BE(id, 0);
    head.writeUInt32BE(bytes.length, 4);
    if (last) head[4] = 1;
    this.#transport.write(Buffer.concat([head, bytes]));
  }

  ping(): void {
    this.#control(6, 0, Buffer.from([0, 0, 0, 1]));
  }

  text(id: number): string {
    return Buffer.concat(this.#data.get(id) ?? []).toString('utf8');
  }

  replied(id: number): boolean {
    return this.#replied.has(id);
  }

  /** Waits for what the server sends, until the condition holds. */
  async until(condition: () => boolean): Promise<void> {
    while (!condition()) {
      await Promise.race([
        new Promise<void>((resolve) => {
          this.#wake = resolve;
        }),
        once(this.#transport, 'close').then(() => {
          if (!condition()) throw new Error('closed before');
        }),
      ]);
    }
  }

  ended(id: number): boolean {
    return this.#ended.has(id);
  }

  #control(kind: number, flags: number, body: Buffer): void {
    const head = Buffer.alloc(8);
    head.writeUInt32BE((0x80030000 | kind) >>> 0, 0);
    head.writeUInt32BE(body.length, 4);
    head[4] = flags;
    this.#transport.write(Buffer.concat([head, body]));
  }

  #parse(): void {
    while (this.#rest.length >= 8) {
      const length = this.#rest.readUInt32BE(4) & 0xffffff;
      if (this.#rest.length < 8 + length) return;
      const head = this.#rest.readUInt32BE(0);
      const flags = this.#rest[4];
      const body = this.#rest.subarray(8, 8 + length);
      this.#rest = this.#rest.subarray(8 + length);
      if (head & 0x80000000) {
        if ((head & 0xffff) === 2) this.#replied.add(body.readUInt32BE(0));
        if ((head & 0xffff) === 6) this.pinged += 1;
      } else {
        const chunks = this.#data.get(head) ?? [];
        this.#data.set(head, chunks);
        chunks.push(Buffer.from(body));
        if (flags === 1) this.#ended.add(head);
      }
    }
  }
}
