import * as http from 'node:http';
import * as https from 'node:https';
import type { JsonObject } from '../../cel/values.ts';

/** The answer of an address of the learner's. */
export interface ProbeResponse {
  url: string;
  status: number;
  headers: Record<string, string>;
  /** At most 256 kB. */
  body: string;
}

/** Asks an address once; throws an Error where nothing answers. `from` says on whose network. */
export type Probe = (url: string, from: 'server' | 'shell', signal: AbortSignal) => Promise<ProbeResponse>;

const MAX_BODY = 256 * 1024;

/** A GET without redirects or cookies. A certificate is taken as it is: what a lesson teaches about it, a check says. */
export function fetchOnce(url: string, signal: AbortSignal, proxy?: string): Promise<ProbeResponse> {
  return new Promise((resolve, reject) => {
    const { get, Agent } = url.startsWith('https:') ? https : http;
    const through = proxy ? { agent: new Agent({ proxyEnv: { HTTP_PROXY: proxy, HTTPS_PROXY: proxy } }) } : {};
    const request = get(
      url,
      { signal, ...through, rejectUnauthorized: false, headers: { 'user-agent': 'atelier-check' } },
      (response) => {
        let body = '';
        response.setEncoding('utf8');
        const finish = () => {
          const headers = Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [
              name,
              Array.isArray(value) ? value.join(', ') : (value ?? ''),
            ]),
          );
          resolve({ url, status: response.statusCode ?? 0, headers, body });
        };
        response.on('data', (chunk: string) => {
          body += chunk;
          if (body.length > MAX_BODY) {
            body = body.slice(0, MAX_BODY);
            finish();
            response.destroy();
          }
        });
        response.on('end', finish);
        response.on('error', reject);
      },
    );
    request.on('error', reject);
  });
}

/** The variable `response` of CEL. */
export function responseBinding(response: ProbeResponse): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(response.body);
  } catch {
    json = undefined;
  }
  return { ...response, ...(json === undefined ? {} : { json }) };
}
