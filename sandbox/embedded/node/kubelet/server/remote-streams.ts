import type { Loose, Status } from '../../../../../kubernetes/object.ts';

/** What one exec or attach is carried by, whatever the protocol below. */
export interface RemoteStreams {
  stdin?: AsyncIterable<Uint8Array>;
  stdout?: (data: Uint8Array) => Promise<void>;
  stderr?: (data: Uint8Array) => Promise<void>;
  /** The client's terminal says its size. */
  onResize(listener: (columns: number, rows: number) => void): void;
  /** Sends the outcome and ends the connection. */
  finish(status: Loose): Promise<void>;
  /** Resolves when the client is gone. */
  closed: Promise<void>;
}

export interface RemoteOptions {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
  tty: boolean;
  command: string[];
}

/** Reads both the kubelet's own names (`input=1`) and those of the API (`stdin=true`). */
export function remoteOptions(query: URLSearchParams): RemoteOptions {
  const set = (...names: string[]) => names.some((name) => /^(1|t|true)$/i.test(query.get(name) ?? ''));
  const tty = set('tty');
  return {
    stdin: set('input', 'stdin'),
    stdout: set('output', 'stdout'),
    stderr: set('error', 'stderr') && !tty,
    tty,
    command: query.getAll('command'),
  };
}

export const success = { metadata: {}, status: 'Success' };

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/status/ */
export function exitStatus(code: number): Loose {
  if (code === 0) return success;
  return {
    metadata: {},
    status: 'Failure',
    message: `command terminated with non-zero exit code: exit status ${code}`,
    reason: 'NonZeroExitCode',
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}

export function internalError(message: string): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `Internal error occurred: ${message}`,
    reason: 'InternalError',
    details: { causes: [{ message }] },
    code: 500,
  };
}

/** Bytes pushed by one side and read by the other; `push` resolves when they are taken, or nobody will. */
export class ByteQueue implements AsyncIterable<Uint8Array> {
  readonly #chunks: { data: Uint8Array; taken: () => void }[] = [];
  #ended = false;
  #wake: (() => void) | undefined;

  push(data: Uint8Array): Promise<void> {
    if (this.#ended) return Promise.resolve();
    return new Promise((resolve) => {
      this.#chunks.push({ data, taken: resolve });
      this.#wake?.();
    });
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array> {
    for (;;) {
      const chunk = this.#chunks.shift();
      if (chunk) {
        chunk.taken();
        yield chunk.data;
      } else if (this.#ended) return;
      else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
        this.#wake = undefined;
      }
    }
  }
}
