import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Loose } from '../../../../kubernetes/object.ts';
import type { Change } from '../store/entry.ts';

/** JSON and object of one thing; whoever answers needs only one of them. A stored entry is one. */
export interface Content {
  readonly json: string;
  readonly object: Loose;
}

export function contentOf(object: Loose): Content {
  let json: string | undefined;
  return {
    object,
    get json() {
      json ??= JSON.stringify(object);
      return json;
    },
  };
}

/** One event of a watch; of a change its line is encoded once for all who watch. */
export interface WireEvent {
  readonly type: string;
  readonly line: Buffer;
  readonly entry: { readonly object: Loose };
}

export interface WatchSink {
  /** False when the reader is gone, or so slow that it was dropped. */
  send(event: WireEvent | Change): boolean;
  end(): void;
  onClose(run: () => void): void;
}

export interface Reply {
  code: number;
  content?: Content;
  /** Not JSON: text or bytes as they are. */
  raw?: string | Buffer;
  contentType?: string;
  headers?: Record<string, string>;
  /** Instead of content: called with where the events go. */
  watch?: (sink: WatchSink) => void;
  /** Instead of content: answers over the network itself, as a proxy does. */
  stream?: (request: IncomingMessage, response: ServerResponse) => void;
}

/** No resource has the path: not even a Status comes back. */
export const nobody: Reply = {
  code: 404,
  raw: '404 page not found\n',
  contentType: 'text/plain; charset=utf-8',
  headers: { 'x-content-type-options': 'nosniff' },
};
