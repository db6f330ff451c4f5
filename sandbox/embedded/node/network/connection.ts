import { Duplex } from 'node:stream';

export interface Address {
  address: string;
  port: number;
}

/** One end of a connection between two pods: a socket without a machine's socket. */
export class Connection extends Duplex {
  readonly localAddress: string;
  readonly localPort: number;
  readonly remoteAddress: string;
  readonly remotePort: number;
  readonly remoteFamily = 'IPv4';
  #peer: Connection | undefined;
  /** The peer's write that waits until this end is read. */
  #waiting: ((error?: Error | null) => void) | undefined;

  constructor(local: Address, remote: Address) {
    super({ allowHalfOpen: true });
    this.localAddress = local.address;
    this.localPort = local.port;
    this.remoteAddress = remote.address;
    this.remotePort = remote.port;
  }

  static pair(client: Address, server: Address): { client: Connection; server: Connection } {
    const near = new Connection(client, server);
    const far = new Connection(server, client);
    near.#peer = far;
    far.#peer = near;
    return { client: near, server: far };
  }

  override _read(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.();
  }

  override _write(data: Buffer, _encoding: string, done: (error?: Error | null) => void): void {
    const peer = this.#peer;
    if (!peer || peer.destroyed) done(failure('EPIPE', 'write EPIPE'));
    else if (peer.push(data)) process.nextTick(done);
    else peer.#waiting = done;
  }

  override _final(done: (error?: Error | null) => void): void {
    if (this.#peer && !this.#peer.destroyed) this.#peer.push(null);
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    const peer = this.#peer;
    this.#peer = undefined;
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(failure('ECONNRESET', 'read ECONNRESET'));
    if (peer && !peer.destroyed) {
      if (error) peer.destroy(failure('ECONNRESET', 'read ECONNRESET'));
      else if (!this.writableFinished) peer.push(null);
    }
    done(error);
  }

  // What node:http asks of a socket.
  setTimeout(): this {
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }
  destroySoon(): void {
    if (this.writable) this.end();
    if (this.writableFinished) this.destroy();
    else this.once('finish', () => this.destroy());
  }
}

/** An error as node:net gives it. */
export function failure(code: string, message: string): NodeJS.ErrnoException {
  const error: NodeJS.ErrnoException = new Error(message);
  error.code = code;
  return error;
}
