import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import { ApiError } from '../../client/client.ts';
import { internalError, notImplemented } from './errors.ts';
import type { Incoming } from './handle.ts';
import type { Services } from './services.ts';

export interface Upgrade {
  services: Services;
  incoming: Incoming;
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

/** Authorises a request that wants to become a stream, and joins it with the kubelet. Rejects with the refusal. */
export async function pipeUpgrade(_upgrade: Upgrade): Promise<void> {
  throw notImplemented('upgrade');
}

/** Tells a client over the raw connection why its stream is refused. */
export function refuseUpgrade(services: Services, socket: Duplex, error: unknown): void {
  if (!(error instanceof ApiError))
    services.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const { status } =
    error instanceof ApiError ? error : internalError(error instanceof Error ? error.message : 'unknown');
  const body = `${JSON.stringify(status)}\n`;
  socket.end(
    `HTTP/1.1 ${status.code ?? 500} ${status.reason ?? 'Error'}\r\ncontent-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\nconnection: close\r\n\r\n${body}`,
  );
}
