import type { IncomingMessage, ServerResponse } from 'node:http';
import { readBody } from '../http/server.ts';
import { account, keyChange, newAccount } from './accounts.ts';
import { authorization, challenge } from './authorizations.ts';
import { certificate, renewalInfo, revoke } from './certificates.ts';
import { type Call, type Environment, type EnvironmentName, type Reply, urlOf } from './environment.ts';
import { PROFILES } from './issuance.ts';
import { type Signed, verifyRequest } from './jws.ts';
import { finalize, newOrder, order } from './orders.ts';
import { AcmeProblem, notFound, within } from './problem.ts';

interface Endpoint {
  /** By whom requests are signed. */
  by: 'account' | 'key' | 'either';
  answer(call: Call): Promise<Reply>;
  /** Whether it may be read without a signature. */
  readable?: boolean;
}

/** Behind `/production/acme/` and `/staging/acme/`. */
const ENDPOINTS: Record<string, Endpoint> = {
  'new-acct': { by: 'key', answer: newAccount },
  acct: { by: 'account', answer: account },
  'key-change': { by: 'account', answer: keyChange },
  'new-order': { by: 'account', answer: newOrder },
  order: { by: 'account', answer: order, readable: true },
  finalize: { by: 'account', answer: finalize },
  authz: { by: 'account', answer: authorization, readable: true },
  chall: { by: 'account', answer: challenge, readable: true },
  cert: { by: 'account', answer: certificate, readable: true },
  'revoke-cert': { by: 'either', answer: revoke },
  'renewal-info': { by: 'account', answer: renewalInfo, readable: true },
};

/** Who this is, for whoever looks with a browser. */
const ABOUT = `This ACME server is simulated by Atelier: it stands for a public certificate authority.
Directories: /production/directory and /staging/directory
`;
const TERMS = `There are no terms: this certificate authority is simulated by Atelier, and its certificates
are good in this workshop alone.
`;

export type Environments = Record<EnvironmentName, Environment>;

/** Answers one request of either authority. */
export async function handle(
  environments: Environments,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const url = new URL(request.url ?? '/', `https://${request.headers.host ?? 'localhost'}`);
  const [, name = '', area = '', endpoint = '', ...rest] = url.pathname.split('/');
  const environment = name === 'production' || name === 'staging' ? environments[name] : undefined;
  if (!environment)
    return text(response, url.pathname === '/' ? 200 : 404, url.pathname === '/' ? ABOUT : '404 page not found\n');
  const base = `${url.origin}/${name}`;
  if (area === 'terms') return text(response, 200, TERMS);
  const headers: Record<string, string | string[]> = {
    'cache-control': 'public, max-age=0, no-cache',
    link: [`<${base}/directory>;rel="index"`],
  };
  try {
    if (area === 'directory' && !endpoint) {
      allow(request, ['GET', 'HEAD']);
      return json(response, 200, { 'cache-control': headers['cache-control']! }, directory(base));
    }
    if (area !== 'acme') throw notFound('Resource not found');
    if (endpoint === 'new-nonce') {
      allow(request, ['GET', 'HEAD']);
      headers['replay-nonce'] = environment.nonces.make();
      headers['cache-control'] = 'no-store';
      response.writeHead(request.method === 'HEAD' ? 200 : 204, headers);
      response.end();
      return;
    }
    const known = ENDPOINTS[endpoint];
    if (!known) throw notFound('Resource not found');
    allow(request, known.readable ? ['GET', 'HEAD', 'POST'] : ['POST']);
    if (request.method === 'POST') headers['replay-nonce'] = environment.nonces.make();
    const signed = request.method === 'POST' ? await signedOf(environment, request, base, url, known.by) : undefined;
    const address = request.socket.remoteAddress ?? '';
    const reply = await known.answer({ environment, request, base, rest, signed, address });
    const { link = [], ...own } = reply.headers ?? {};
    Object.assign(headers, own, { link: [...(headers.link as string[]), ...(Array.isArray(link) ? link : [link])] });
    if (reply.pem !== undefined) {
      response.writeHead(reply.status, { ...headers, 'content-type': 'application/pem-certificate-chain' });
      response.end(reply.pem);
    } else if (reply.json === undefined) {
      response.writeHead(reply.status, { ...headers, 'content-length': '0' });
      response.end();
    } else json(response, reply.status, headers, reply.json);
  } catch (error) {
    refuse(environment, request, response, headers, error);
  }
}

/** Proves who asks. Refusals are said to be of the signature, but for a nonce that is old: clients look for that. */
async function signedOf(
  { state, nonces }: Environment,
  request: IncomingMessage,
  base: string,
  url: URL,
  by: Endpoint['by'],
): Promise<Signed> {
  const body = await readBody(request);
  const verification = { state, nonces, url: url.href, accounts: urlOf(base, 'acct', ''), by };
  try {
    return await within('Unable to validate JWS', () => verifyRequest(request, body, verification));
  } catch (error) {
    if (error instanceof AcmeProblem && error.type === 'badNonce')
      throw new AcmeProblem('badNonce', 'JWS has an invalid anti-replay nonce');
    throw error;
  }
}

function allow(request: IncomingMessage, methods: string[]): void {
  if (methods.includes(request.method ?? '')) return;
  throw Object.assign(new AcmeProblem('malformed', 'Method not allowed', { status: 405 }), {
    allow: methods.join(', '),
  });
}

function directory(base: string): object {
  return {
    keyChange: urlOf(base, 'key-change'),
    meta: {
      profiles: Object.fromEntries(
        Object.keys(PROFILES).map((name) => [name, `https://letsencrypt.org/docs/profiles#${name}`]),
      ),
      termsOfService: `${base}/terms`,
      website: new URL('/', base).href,
    },
    newAccount: urlOf(base, 'new-acct'),
    newNonce: urlOf(base, 'new-nonce'),
    newOrder: urlOf(base, 'new-order'),
    renewalInfo: urlOf(base, 'renewal-info'),
    revokeCert: urlOf(base, 'revoke-cert'),
  };
}

function refuse(
  environment: Environment,
  request: IncomingMessage,
  response: ServerResponse,
  headers: Record<string, string | string[]>,
  error: unknown,
): void {
  const known = error instanceof AcmeProblem;
  const problem = known ? error : new AcmeProblem('serverInternal', 'Error handling request');
  const said = known ? problem.message : error instanceof Error ? error.message : String(error);
  environment.log(`${request.method} ${request.url}: ${problem.status} ${problem.type}: ${said}`);
  const links = headers.link as string[];
  json(
    response,
    problem.status,
    {
      ...headers,
      'content-type': 'application/problem+json',
      ...(problem.location && { location: problem.location }),
      ...('allow' in problem && { allow: String(problem.allow) }),
      ...(problem.retryAfter !== undefined && { 'retry-after': String(problem.retryAfter) }),
      ...(problem.type === 'rateLimited' && {
        link: [...links, '<https://letsencrypt.org/docs/rate-limits>;rel="help"'],
      }),
    },
    problem.document(),
  );
}

function json(
  response: ServerResponse,
  status: number,
  headers: Record<string, string | string[]>,
  body: unknown,
): void {
  const written = `${JSON.stringify(body, undefined, 2)}\n`;
  const length = String(Buffer.byteLength(written));
  response.writeHead(status, { 'content-type': 'application/json', ...headers, 'content-length': length });
  response.end(response.req.method === 'HEAD' ? undefined : written);
}

function text(response: ServerResponse, status: number, body: string): void {
  response.writeHead(status, {
    'content-type': 'text/plain; charset=utf-8',
    'content-length': Buffer.byteLength(body),
  });
  response.end(response.req.method === 'HEAD' ? undefined : body);
}
