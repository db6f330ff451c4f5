import { Duplex } from 'node:stream';
import { createInflate, type Inflate, constants as zlib } from 'node:zlib';
import { headerDictionary } from './dictionary.ts';

// https://www.chromium.org/spdy/spdy-protocol/spdy-protocol-draft3-1/ (2.6 Framing)
const type = { synStream: 1, synReply: 2, reset: 3, settings: 4, ping: 6, goAway: 7, headers: 8, windowUpdate: 9 };
const fin = 1;
const cancel = 5;
/** What a stream may hold unread before the whole connection waits for its reader. */
const unreadLimit = 1 << 20;
/** Above this a frame is no frame but noise. */
const longestFrame = 1 << 24;
const chunk = 1 << 15;

/** One stream of a connection; its own half is closed by `end()`. */
export class SpdyStream extends Duplex {
  readonly id: number;
  readonly headers: Record<string, string>;
  readonly #connection: SpdyConnection;
  /** Bytes that arrived and nobody has read. */
  unread = 0;
  remoteEnded = false;

  constructor(connection: SpdyConnection, id: number, headers: Record<string, string>) {
    super({ allowHalfOpen: true });
    this.#connection = connection;
    this.id = id;
    this.headers = headers;
  }

  /** Accepts the stream; without it the other side does not write. */
  accept(): void {
    this.#connection.send(synReply(this.id, this.#connection.firstHeaders()));
  }

  /** Refuses the stream. */
  refuse(): void {
    this.#connection.send(reset(this.id, 3));
    this.#connection.forget(this.id);
    this.destroy();
  }

  override _read(): void {
    this.unread = 0;
    this.#connection.resume();
  }

  override _write(data: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    let room = true;
    for (let at = 0; at < data.length; at += chunk) {
      room = this.#connection.send(dataFrame(this.id, data.subarray(at, at + chunk), false));
    }
    if (room) done();
    else this.#connection.onceDrained(done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#connection.send(dataFrame(this.id, Buffer.alloc(0), true));
    if (this.remoteEnded) this.#connection.forget(this.id);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (!(this.writableFinished && this.remoteEnded)) this.#connection.send(reset(this.id, cancel));
    this.#connection.forget(this.id);
    this.#connection.resume();
    done(error);
  }

  receive(data: Buffer): boolean {
    this.unread += data.length;
    return this.push(data) || this.unread < unreadLimit;
  }
}

/** The server's side of SPDY/3.1 over any byte stream: an upgraded socket, or a WebSocket that carries the bytes. */
export class SpdyConnection {
  readonly #transport: Duplex;
  readonly #streams = new Map<number, SpdyStream>();
  readonly #inflate: Inflate;
  readonly #onStream: (stream: SpdyStream) => void;
  #rest: Buffer = Buffer.alloc(0);
  #first = true;
  #busy = false;
  #closed = false;
  readonly #drained: ((error?: Error | null) => void)[] = [];
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;

  constructor(transport: Duplex, onStream: (stream: SpdyStream) => void) {
    this.#transport = transport;
    this.#onStream = onStream;
    this.#inflate = createInflate({
      dictionary: headerDictionary,
      flush: zlib.Z_SYNC_FLUSH,
      finishFlush: zlib.Z_SYNC_FLUSH,
    });
    this.#inflate.on('error', () => this.close());
    let markClosed: () => void = () => {};
    this.closed = new Promise((resolve) => {
      markClosed = resolve;
    });
    transport.on('data', (data: Buffer) => {
      this.#rest = this.#rest.length ? Buffer.concat([this.#rest, data]) : data;
      void this.#parse();
    });
    transport.on('drain', () => {
      for (const done of this.#drained.splice(0)) done();
    });
    transport.on('error', () => transport.destroy());
    transport.on('end', () => transport.destroy());
    transport.on('close', () => {
      this.#closed = true;
      for (const done of this.#drained.splice(0)) done(new Error('connection closed'));
      for (const stream of [...this.#streams.values()]) {
        stream.remoteEnded = true;
        stream.destroy();
      }
      this.#inflate.close();
      markClosed();
    });
  }

  send(frame: Buffer): boolean {
    if (this.#closed || this.#transport.destroyed || !this.#transport.writable) return true;
    return this.#transport.write(frame);
  }

  onceDrained(done: (error?: Error | null) => void): void {
    this.#drained.push(done);
  }

  resume(): void {
    if (!this.#closed && this.#transport.isPaused() && !this.#busy) this.#transport.resume();
  }

  forget(id: number): void {
    this.#streams.delete(id);
  }

  /** Whether the next header block we send is the first, which carries the start of the compressed stream. */
  firstHeaders(): boolean {
    const first = this.#first;
    this.#first = false;
    return first;
  }

  /** Says goodbye and ends the transport once everything written is out. */
  close(): void {
    if (this.#closed) return;
    const frame = control(type.goAway, 0, Buffer.alloc(8));
    this.send(frame);
    this.#transport.end(() => this.#transport.destroy());
  }

  async #parse(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#rest.length >= 8 && !this.#closed) {
        const length = this.#rest.readUInt32BE(4) & 0xffffff;
        if (length > longestFrame) return this.close();
        if (this.#rest.length < 8 + length) break;
        const head = this.#rest.readUInt32BE(0);
        const flags = this.#rest[4]!;
        const body = this.#rest.subarray(8, 8 + length);
        this.#rest = this.#rest.subarray(8 + length);
        if (head & 0x80000000) await this.#control(head & 0xffff, flags, body);
        else this.#data(head & 0x7fffffff, flags, body);
      }
    } catch {
      this.close();
    } finally {
      this.#busy = false;
    }
    if (![...this.#streams.values()].some((stream) => stream.unread >= unreadLimit)) this.resume();
  }

  #data(id: number, flags: number, body: Buffer): void {
    const stream = this.#streams.get(id);
    if (!stream) return;
    if (body.length > 0 && !stream.receive(body)) this.#transport.pause();
    if (flags & fin) this.#ended(stream);
  }

  #ended(stream: SpdyStream): void {
    if (stream.remoteEnded) return;
    stream.remoteEnded = true;
    stream.push(null);
    if (stream.writableFinished) this.forget(stream.id);
  }

  async #control(kind: number, flags: number, body: Buffer): Promise<void> {
    if (kind === type.synStream) {
      const id = body.readUInt32BE(0) & 0x7fffffff;
      const headers = await this.#headers(body.subarray(10));
      const stream = new SpdyStream(this, id, headers);
      stream.on('error', () => {});
      this.#streams.set(id, stream);
      this.#onStream(stream);
      if (flags & fin) this.#ended(stream);
    } else if (kind === type.synReply || kind === type.headers) {
      // The compressed stream goes on through every header block, wanted or not.
      await this.#headers(body.subarray(4));
      const stream = this.#streams.get(body.readUInt32BE(0) & 0x7fffffff);
      if (stream && flags & fin) this.#ended(stream);
    } else if (kind === type.reset) {
      const stream = this.#streams.get(body.readUInt32BE(0) & 0x7fffffff);
      if (stream) {
        stream.remoteEnded = true;
        this.forget(stream.id);
        stream.destroy();
      }
    } else if (kind === type.ping) {
      this.send(control(type.ping, 0, body));
    } else if (kind === type.goAway) {
      this.#transport.end();
    }
  }

  async #headers(block: Buffer): Promise<Record<string, string>> {
    const plain = await this.#decompress(block);
    const headers: Record<string, string> = {};
    if (plain.length < 4) return headers;
    let at = 4;
    const text = () => {
      const length = plain.readUInt32BE(at);
      at += 4 + length;
      return plain.toString('utf8', at - length, at);
    };
    for (let left = plain.readUInt32BE(0); left > 0; left -= 1) {
      const name = text();
      headers[name.toLowerCase()] = text();
    }
    return headers;
  }

  #decompress(block: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      this.#inflate.write(block, (error) => {
        if (error) reject(error);
        else resolve((this.#inflate.read() as Buffer | null) ?? Buffer.alloc(0));
      });
    });
  }
}

function control(kind: number, flags: number, body: Buffer): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE((0x80030000 | kind) >>> 0, 0);
  head.writeUInt32BE(body.length, 4);
  head[4] = flags;
  return Buffer.concat([head, body]);
}

function dataFrame(id: number, data: Buffer, last: boolean): Buffer {
  const head = Buffer.alloc(8);
  head.writeUInt32BE(id, 0);
  head.writeUInt32BE(data.length, 4);
  if (last) head[4] = fin;
  return data.length ? Buffer.concat([head, data]) : head;
}

function reset(id: number, status: number): Buffer {
  const body = Buffer.alloc(8);
  body.writeUInt32BE(id, 0);
  body.writeUInt32BE(status, 4);
  return control(type.reset, 0, body);
}

/**
 * A reply without headers. Its block (a count of zero) is sent as a *stored* deflate block, which needs no compressor, and
 * an empty one, which tells a reader that it has everything; the first one begins the zlib stream and names the dictionary by its checksum (RFC 1950 and 1951).
 */
function synReply(id: number, first: boolean): Buffer {
  const stored = Buffer.from([0x00, 0x04, 0x00, 0xfb, 0xff, 0, 0, 0, 0, 0x00, 0x00, 0x00, 0xff, 0xff]);
  const body = Buffer.alloc(4);
  body.writeUInt32BE(id, 0);
  return control(type.synReply, 0, Buffer.concat(first ? [body, zlibStart, stored] : [body, stored]));
}

const zlibStart = (() => {
  let a = 1;
  let b = 0;
  for (const byte of headerDictionary) {
    a = (a + byte) % 65521;
    b = (b + a) % 65521;
  }
  const start = Buffer.alloc(6);
  start[0] = 0x78;
  // FDICT is set and the pair is a multiple of 31.
  start[1] = 0xbb;
  start.writeUInt32BE(((b << 16) | a) >>> 0, 2);
  return start;
})();
