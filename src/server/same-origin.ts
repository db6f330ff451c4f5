import type { IncomingMessage } from 'node:http';

/** Names of this server that a browser may use; anything else is a rebinding attack or a tunnel nobody announced. */
export function isOwnHost(host: string | undefined, port: number): boolean {
  return host !== undefined && ['127.0.0.1', 'localhost', '[::1]'].some((name) => host === `${name}:${port}`);
}

/** Whether a request that changes something comes from one of our own pages. Scripts without an Origin are let through: they carry no browser's cookies. */
export function isOwnOrigin(request: IncomingMessage, required: boolean): boolean {
  const origin = request.headers.origin;
  if (origin === undefined) return !required && request.headers['sec-fetch-site'] !== 'cross-site';
  return origin === `http://${request.headers.host}`;
}
