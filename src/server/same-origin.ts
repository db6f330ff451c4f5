import type { IncomingMessage } from 'node:http';

/** Names of this server that a browser may use; anything else is a rebinding attack or a tunnel nobody announced. */
export function isOwnHost(host: string | undefined, port: number): boolean {
  return host !== undefined && ['127.0.0.1', 'localhost', '[::1]'].some((name) => host === `${name}:${port}`);
}

/**
 * Whether a request that changes something comes from one of our own pages. Under `no-referrer` a browser says
 * `Origin: null` for our own forms, and Sec-Fetch-Site, which no page can forge, tells the truth.
 * @param required for upgrades, which carry a browser's cookies whatever page opens them; scripts send no Origin elsewhere
 */
export function isOwnOrigin(request: IncomingMessage, required: boolean): boolean {
  const { origin, host } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (origin === undefined) return !required && (site === undefined || site === 'same-origin' || site === 'none');
  if (origin === 'null') return !required && site === 'same-origin';
  return origin === `http://${host}`;
}
