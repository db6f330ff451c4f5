import type { ServerResponse } from 'node:http';
import { createMapFeed } from '../checks/map.ts';
import type { LearnerSession } from '../sessions/session.ts';

/** Milliseconds between comments that keep a silent stream alive and show a dead one. */
const HEARTBEAT = 15_000;
/** Bytes that may wait for a slow reader before it is cut off; it comes back and gets the whole state. */
const BACKLOG = 1024 * 1024;

/** Streams a lesson's life to one tab: all of it first, then what changes. */
export async function streamEvents(response: ServerResponse, session: LearnerSession, key: string): Promise<void> {
  const opened = await session.open(key);
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-store',
    'x-accel-buffering': 'no',
  });
  const send = (event: string, data: unknown) => {
    if (response.writableLength > BACKLOG) response.destroy();
    else response.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
  };
  send('lesson', opened.run.state());
  const map = createMapFeed(session.cluster, session.sandbox.namespace);
  send('map', map.whole());
  for (const { file } of opened.files.filter(({ outcome }) => outcome === 'kept')) {
    send('notice', { level: 'info', text: 'file-kept', facts: { file } });
  }
  const ends = [
    opened.run.subscribe((change) => send('change', change)),
    map.subscribe((change) => send('map-change', change)),
    session.onActivity((activity) => send('activity', activity)),
    () => map.close(),
    opened.release,
  ];
  const heartbeat = setInterval(() => response.write(': still here\n\n'), HEARTBEAT);
  response.on('error', () => response.destroy());
  response.on('close', () => {
    clearInterval(heartbeat);
    for (const end of ends) end();
  });
}
