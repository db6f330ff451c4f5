import type { ServerResponse } from 'node:http';
import { createClusterMap } from '../checks/map.ts';
import { follow, openEventStream } from '../checks/stream.ts';
import type { LearnerSession } from '../sessions/session.ts';

/** Streams a lesson's life to one tab: all of it first, then what changes. Rejects when there is no such lesson. */
export async function streamEvents(response: ServerResponse, session: LearnerSession, key: string): Promise<void> {
  const opened = await session.open(key);
  const stream = openEventStream(response);
  const map = createClusterMap(session.cluster, session.sandbox.namespace);
  follow(stream, opened.run, { state: 'lesson', change: 'change' });
  follow(stream, map, { state: 'map', change: 'map-change' });
  for (const { file } of opened.files.filter(({ outcome }) => outcome === 'kept')) {
    stream.send('notice', { level: 'info', text: 'file-kept', facts: { file } });
  }
  const unsubscribe = session.onActivity((activity) => stream.send('activity', activity));
  await stream.closed;
  unsubscribe();
  map.close();
  opened.release();
}
