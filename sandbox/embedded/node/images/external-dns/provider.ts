import { text } from 'node:stream/consumers';
import type { Loose } from '../../../../../kubernetes/object.ts';
import { callHttp } from '../http/client.ts';
import type { ContainerProcess } from '../image.ts';
import { dialError, requestError } from '../in-cluster/words.ts';
import type { DomainRules } from './domain-filter.ts';
import { type Endpoint, endpointOf, jsonOf } from './endpoint.ts';
import type { Flags } from './flags.ts';
import { Fatal, type Log } from './log.ts';
import type { Changes } from './plan.ts';

export interface Provider {
  /** The names it serves. */
  domains: DomainRules;
  records(): Promise<Endpoint[]>;
  adjust(endpoints: Endpoint[]): Promise<Endpoint[]>;
  apply(changes: Changes): Promise<void>;
}

/** A fault that passes: it is logged, and tried again. */
export class SoftError extends Error {
  constructor(message: string) {
    super(`soft error\n${message}`);
  }
}

const mediaType = 'application/external.dns.webhook+json;version=1';
const mostTries = 5;

/** Whoever has the zone, over HTTP. Throws what the real one ends with. https://kubernetes-sigs.github.io/external-dns/v0.20.0/docs/tutorials/webhook-provider/ */
export async function createProvider(process: ContainerProcess, flags: Flags, log: Log): Promise<Provider> {
  const kind = flags.text('provider');
  if (kind !== 'webhook') throw new Fatal(`provider ${kind} is not part of this simulated external-dns: use webhook`);
  const base = flags.text('webhook-provider-url').replace(/\/+$/, '');

  async function call(
    method: 'GET' | 'POST',
    url: string,
    body?: Loose,
  ): Promise<{ code: number; type: string; text: string }> {
    const [, scheme = '', authority = ''] = /^(?:([a-z][a-z\d+.-]*):)?(?:\/\/([^/]*))?/i.exec(url) ?? [];
    if (!/^https?$/i.test(scheme))
      throw requestError(method, url, `unsupported protocol scheme ${JSON.stringify(scheme)}`);
    if (authority === '') throw requestError(method, url, 'http: no Host in request URL');
    try {
      const response = await callHttp(process, {
        url: new URL(url),
        method,
        headers: { 'User-Agent': 'Go-http-client/1.1', Accept: mediaType, ...(body && { 'Content-Type': mediaType }) },
        body: body && `${JSON.stringify(body)}\n`,
      });
      return {
        code: response.statusCode ?? 0,
        type: response.headers['content-type'] ?? '',
        text: await text(response),
      };
    } catch (error) {
      const { host, port, hostname } = new URL(url);
      throw requestError(method, url, dialError(port ? host : `${hostname}:80`, error as NodeJS.ErrnoException));
    }
  }

  const expect = (code: number, wanted: number, message: string): void => {
    if (code === wanted) return;
    log.debug(message.replace(/^f/, 'F'));
    throw code >= 500 && code <= 510 ? new SoftError(message) : new Error(message);
  };

  async function negotiate(): Promise<DomainRules> {
    for (let tries = 1, wait = 500; ; tries += 1, wait *= 1.5) {
      const answer = await call('GET', base).catch((error: Error) => {
        log.debug(`Failed to connect to webhook: ${error.message}`);
        if (tries >= mostTries) throw new Fatal(`failed to connect to webhook: ${error.message}`);
      });
      if (answer) {
        if (answer.code >= 300 && answer.code < 500) throw new Fatal('failed to connect to webhook: status code < 500');
        if (answer.type !== mediaType) throw new Fatal(`wrong content type returned from server: ${answer.type}`);
        return domainsOf(answer.text);
      }
      await process.sleep(wait);
    }
  }

  return {
    domains: await negotiate(),
    async records() {
      const { code, text: body } = await call('GET', `${base}/records`);
      expect(code, 200, `failed to get records with code ${code}`);
      return (read(body) ?? []).map(endpointOf);
    },
    async adjust(endpoints) {
      const { code, text: body } = await call('POST', `${base}/adjustendpoints`, endpoints.map(jsonOf));
      expect(code, 200, `failed to AdjustEndpoints with code  ${code}`);
      return (read(body) ?? []).map(endpointOf);
    },
    async apply({ create, updateOld, updateNew, delete: gone }) {
      const lists = Object.entries({ create, updateOld, updateNew, delete: gone });
      const body = Object.fromEntries(
        lists.filter(([, list]) => list.length > 0).map(([name, list]) => [name, list.map(jsonOf)]),
      );
      const { code } = await call('POST', `${base}/records`, body);
      expect(code, 204, `failed to apply changes with code ${code}`);
    },
  };
}

function domainsOf(body: string): DomainRules {
  const head = 'failed to unmarshal response body of DomainFilter: ';
  let rules: Loose;
  try {
    rules = read(body);
  } catch (error) {
    throw new Fatal(`${head}${(error as Error).message}`);
  }
  const kind = Array.isArray(rules) ? 'array' : typeof rules;
  if (kind !== 'object')
    throw new Fatal(
      `${head}json: cannot unmarshal ${kind === 'boolean' ? 'bool' : kind} into Go value of type endpoint.domainFilterSerde`,
    );
  return rules ?? {};
}

/** Rejects as Go's decoder does, roughly. */
function read(body: string): Loose {
  try {
    return JSON.parse(body);
  } catch {
    throw new Error(`invalid character ${JSON.stringify(body.trim().charAt(0))} looking for beginning of value`);
  }
}
