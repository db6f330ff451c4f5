import type { IncomingMessage, ServerResponse } from 'node:http';
import type { LogOptions } from '../container-log.ts';
import type { PodWorker } from '../pod-worker.ts';
import type { ContainerRecord } from '../records.ts';

/** What a client asked of a log cannot be given; `code` is of HTTP. */
export class LogError extends Error {
  readonly code: number;
  constructor(code: number, message: string) {
    super(message);
    this.code = code;
  }
}

/** The log a client means, or why there is none, in the kubelet's words. */
function pick(record: ContainerRecord, pod: string, previous: boolean) {
  const about = `container "${record.name}" in pod "${pod}"`;
  const { state, last, log, previousLog } = record;
  if (previous) {
    if (!last?.containerID) throw new LogError(400, `previous terminated ${about} not found`);
    return { id: last.containerID, log: last.containerID === record.containerID ? log : previousLog };
  }
  if ('waiting' in state && !last) {
    const { reason } = state.waiting;
    const why =
      reason === 'ErrImagePull'
        ? "image can't be pulled"
        : reason === 'ImagePullBackOff'
          ? 'trying and failing to pull image'
          : reason;
    throw new LogError(400, `${about} is waiting to start: ${why}`);
  }
  return { id: record.containerID ?? '', log };
}

/** `/containerLogs/NS/POD/CONTAINER` */
export async function serveLogs(
  worker: PodWorker | undefined,
  names: { pod: string; container: string },
  query: URLSearchParams,
  request: IncomingMessage,
  response: ServerResponse,
  now: Date,
): Promise<void> {
  if (!worker) throw new LogError(404, `pod "${names.pod}" does not exist`);
  const record = worker.record(names.container);
  if (!record) throw new LogError(404, `container "${names.container}" not found in pod "${names.pod}"`);
  const { id, log } = pick(record, names.pod, flag(query, 'previous'));
  const stop = new AbortController();
  response.on('close', () => stop.abort());
  request.on('error', () => stop.abort());
  response.writeHead(200, { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' });
  response.flushHeaders();
  if (log) {
    await log.read({ ...readOptions(query, now), follow: flag(query, 'follow'), signal: stop.signal }, async (data) => {
      if (!response.write(data)) {
        await new Promise<void>((resolve) => {
          response.once('drain', resolve);
          response.once('close', resolve);
        });
      }
    });
    response.end();
  } else response.end(`unable to retrieve container logs for ${id}`);
}

const flag = (query: URLSearchParams, name: string) => /^(1|t|true)$/i.test(query.get(name) ?? '');

function readOptions(query: URLSearchParams, now: Date): LogOptions {
  const number = (name: string) => (query.get(name) ? Number(query.get(name)) : undefined);
  const options: LogOptions = { timestamps: flag(query, 'timestamps') };
  const tail = number('tailLines');
  const limit = number('limitBytes');
  const seconds = number('sinceSeconds');
  const time = query.get('sinceTime');
  const stream = query.get('stream');
  if (tail !== undefined && tail >= 0) options.tailLines = tail;
  if (limit !== undefined) options.limitBytes = limit;
  if (seconds !== undefined) options.since = now.getTime() - seconds * 1000;
  else if (time) options.since = Date.parse(time);
  if (stream === 'Stdout') options.stream = 'stdout';
  if (stream === 'Stderr') options.stream = 'stderr';
  return options;
}
