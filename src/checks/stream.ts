import type { ServerResponse } from 'node:http';

/** Milliseconds between two comments that keep proxies and sleeping networks from closing a quiet stream. */
const HEARTBEAT = 15_000;

/** Server-sent events to one page. */
export interface EventStream {
  /** Sends an event; its data is JSON. Events that the page does not take in time end the stream: it comes back for all. */
  send(event: string, data: unknown): void;
  /** Resolves when the page is gone. */
  closed: Promise<void>;
  close(): void;
}

/** Bytes that may wait for a slow page. */
const MAX_WAITING = 1024 * 1024;

/**
 * Opens a stream of server-sent events (https://html.spec.whatwg.org/multipage/server-sent-events.html). There is no
 * Last-Event-ID: the first events of a stream are the whole state, so nothing can be missed between two streams.
 */
export function openEventStream(response: ServerResponse): EventStream {
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store, no-transform',
    'x-accel-buffering': 'no',
  });
  response.write('retry: 1000\n\n');
  const heartbeat = setInterval(() => write(': still here\n\n'), HEARTBEAT);
  heartbeat.unref();
  const closed = new Promise<void>((resolve) => {
    const end = () => {
      clearInterval(heartbeat);
      resolve();
    };
    // A page may leave while its lesson is being opened: then the event is past.
    if (response.destroyed) end();
    else response.on('close', end);
  });

  function write(text: string): void {
    if (response.destroyed || response.writableEnded) return;
    response.write(text);
    if (response.writableLength > MAX_WAITING) response.destroy();
  }

  return {
    send: (event, data) => write(formatEvent(event, data)),
    closed,
    close() {
      clearInterval(heartbeat);
      response.end();
    },
  };
}

/** One event on the wire; JSON has no line ends of its own. */
export function formatEvent(event: string, data: unknown): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** An object that tells its state and what changes of it, as a lesson's run and the map do. */
export interface Followed<State, Change> {
  state(): State;
  subscribe(listener: (change: Change) => void): () => void;
}

/** Sends the whole state as one event, then each change as another, until the page is gone. */
export function follow<State, Change>(
  stream: EventStream,
  followed: Followed<State, Change>,
  names: { state: string; change: string },
): void {
  const unsubscribe = followed.subscribe((change) => stream.send(names.change, change));
  stream.send(names.state, followed.state());
  void stream.closed.then(unsubscribe);
}
