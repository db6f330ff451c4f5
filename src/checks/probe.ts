import * as http from 'node:http';
import * as https from 'node:https';
import { type SecureContext, TLSSocket } from 'node:tls';
import type { JsonObject } from '../../cel/values.ts';
import type { DnsQuestion, HttpQuestion } from '../lessons/schema.ts';
import type { DnsReply } from './resolve.ts';
import { type TlsFacts, tlsFacts } from './tls-facts.ts';

/** The answer of an address of the learner's. */
export interface ProbeResponse {
  url: string;
  status: number;
  headers: Record<string, string>;
  /** At most 256 kB. */
  body: string;
  /** Of https alone. */
  tls?: TlsFacts;
}

/** Asks the world around the cluster; both throw an Error where nothing answers. */
export interface Probe {
  /** One address of the question's, once. */
  http(url: string, question: Pick<HttpQuestion, 'from' | 'headers'>, signal: AbortSignal): Promise<ProbeResponse>;
  dns(question: DnsQuestion, signal: AbortSignal): Promise<DnsReply>;
}

export interface FetchOptions {
  /** An HTTP proxy to go through. */
  proxy?: string | undefined;
  headers?: Record<string, string> | undefined;
  /** Whom to trust; without it, whom Node trusts. */
  trust?: SecureContext | undefined;
}

const MAX_BODY = 256 * 1024;

/** A GET without redirects or cookies. A certificate is taken as it is: what a lesson teaches about it, a check says. */
export function fetchOnce(url: string, signal: AbortSignal, options: FetchOptions = {}): Promise<ProbeResponse> {
  const { proxy, headers = {}, trust } = options;
  return new Promise((resolve, reject) => {
    const secure = url.startsWith('https:');
    const { get, Agent } = secure ? https : http;
    // Nothing is kept between two questions: a resumed session has no certificates to look at.
    const agent = new Agent({ maxCachedSessions: 0, ...(proxy && secure ? { proxyEnv: { HTTPS_PROXY: proxy } } : {}) });
    const request = get(
      proxy && !secure ? proxy : url,
      {
        // Plain HTTP asks the proxy itself for the whole address. Node's own agent does so too, but would not let `Host` say another name.
        ...(proxy && !secure ? { path: url } : {}),
        signal,
        agent,
        rejectUnauthorized: false,
        ...(trust ? { secureContext: trust } : {}),
        headers: { host: new URL(url).host, 'user-agent': 'atelier-check', ...lowered(headers) },
      },
      (response) => {
        const tls = response.socket instanceof TLSSocket ? tlsFacts(response.socket) : undefined;
        let body = '';
        response.setEncoding('utf8');
        const finish = () => {
          const received = Object.fromEntries(
            Object.entries(response.headers).map(([name, value]) => [
              name,
              Array.isArray(value) ? value.join(', ') : (value ?? ''),
            ]),
          );
          resolve({ url, status: response.statusCode ?? 0, headers: received, body, ...(tls ? { tls } : {}) });
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
    request.on('close', () => agent.destroy());
  });
}

/** Names of headers are of any case: `Host` takes the place of `host`. */
function lowered(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
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
