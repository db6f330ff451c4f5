import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import WebSocket from 'ws';
import { PROTOCOL } from '../../../../src/gateway/frames.ts';
import { createTerminal, type ShellProcess } from '../../../../src/gateway/terminal.ts';
import { createIdentity, type Identity } from '../../../../src/server/identity.ts';
import { type AtelierServer, listen } from '../../../../src/server/server.ts';
import type { LearnerSession } from '../../../../src/sessions/session.ts';

const shell: ShellProcess = {
  write: () => undefined,
  resize: () => undefined,
  pause: () => undefined,
  resume: () => undefined,
  onData: () => undefined,
  onExit: () => undefined,
  close: async () => undefined,
};
const size = { columns: 80, rows: 24 };
const authority = { pem: '-----BEGIN CERTIFICATE-----\n', fingerprint: 'AB:CD' };
const session = {
  learner: 'alice',
  sandbox: {
    namespace: 'alice',
    download: () => 'kind: Config\n',
    ownsCluster: () => true,
    authority: () => authority,
  },
  ready: Promise.resolve(),
  record: () => ({ lessons: {} }),
  variables: () => ({ namespace: 'alice' }),
  terminal: async () => createTerminal(shell, size, { onCommand: () => undefined, onExit: () => undefined }),
} as unknown as LearnerSession;

let home: string;
let server: AtelierServer;
let identity: Identity;

beforeEach(async () => {
  home = mkdtempSync(path.join(tmpdir(), 'atelier-server-'));
  server = await listen('127.0.0.1', 0, () => undefined);
  identity = createIdentity(home, 'alice', () => server.port);
  server.begin(
    {
      assets: home,
      charts: home,
      pages: (_, response, __, { atelier }) =>
        void response.end(atelier ? `for ${atelier.learner.name}` : 'for nobody'),
    },
    {
      identity,
      session,
      tracks: [],
      cluster: { kind: 'embedded', name: 'main', simulated: true },
      trouble: () => undefined,
    },
  );
});
afterEach(async () => {
  await server.close();
  rmSync(home, { recursive: true, force: true });
});

interface Asked {
  method?: string;
  headers?: Record<string, string>;
  body?: string;
}

/** fetch sets Host by itself; an attacker's browser does not. */
function ask(target: string, { method = 'GET', headers = {}, body }: Asked = {}) {
  return new Promise<{ status: number; text: string; headers: Record<string, unknown> }>((resolve, reject) => {
    const asking = httpRequest({ host: '127.0.0.1', port: server.port, path: target, method, headers }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, text, headers: answer.headers }));
    });
    asking.on('error', reject).end(body);
  });
}

async function signIn(): Promise<string> {
  const answer = await ask('/session', { method: 'POST', body: `token=${identity.token}` });
  return String(answer.headers['set-cookie']).split(';')[0] ?? '';
}

test('the token buys a cookie that scripts cannot read and other sites cannot use', async () => {
  const answer = await ask('/session', { method: 'POST', body: `token=${identity.token}&next=/fr/` });
  expect(answer.status).toBe(303);
  expect(answer.headers.location).toBe('/fr/');
  expect(String(answer.headers['set-cookie'])).toMatch(/HttpOnly; SameSite=Strict$/);
  expect((await ask('/', { headers: { cookie: await signIn() } })).text).toBe('for alice');
  expect((await ask('/')).text).toBe('for nobody');
});

test.each(['wrong', ''])('a wrong token (%j) buys nothing but the page that says so', async (token) => {
  const answer = await ask('/session', { method: 'POST', body: `token=${token}` });
  expect(answer.status).toBe(303);
  expect(answer.headers.location).toBe('/sign-in/?refused');
  expect(answer.headers['set-cookie']).toBeUndefined();
});

test('a cookie that was tampered with is nobody’s', async () => {
  const cookie = await signIn();
  const forged = cookie.replace('alice', 'admin');
  expect((await ask('/api/kubeconfig', { headers: { cookie } })).status).toBe(200);
  expect((await ask('/api/kubeconfig', { headers: { cookie: forged } })).status).toBe(401);
  expect((await ask('/api/kubeconfig')).status).toBe(401);
  const certificate = await ask('/api/authority', { headers: { cookie } });
  expect([certificate.status, certificate.text]).toEqual([200, authority.pem]);
  expect((await ask('/api/authority')).status).toBe(401);
});

test('never sends the next page to another site', async () => {
  for (const next of ['//evil.example', 'https://evil.example', '/\\evil.example']) {
    const body = `token=${identity.token}&next=${encodeURIComponent(next)}`;
    expect((await ask('/session', { method: 'POST', body })).headers.location).toBe('/');
  }
});

test('a foreign Host is refused: DNS rebinding', async () => {
  const answer = await ask('/', { headers: { host: `evil.example:${server.port}`, cookie: await signIn() } });
  expect(answer.status).toBe(421);
});

test.each([
  { origin: 'http://evil.example' },
  { origin: 'http://127.0.0.1:1' },
  { origin: 'null' },
  { 'sec-fetch-site': 'cross-site' },
])('a change asked by another site is refused: %j', async (headers) => {
  const cookie = await signIn();
  const answer = await ask('/api/ticket', {
    method: 'POST',
    headers: { ...headers, cookie } as Record<string, string>,
  });
  expect(answer.status).toBe(403);
});

async function ticket(cookie: string): Promise<string> {
  return JSON.parse((await ask('/api/ticket', { method: 'POST', headers: { cookie } })).text).ticket;
}

function upgrade(headers: Record<string, string>, protocols: string[]): Promise<number> {
  return new Promise((resolve) => {
    const socket = new WebSocket(`ws://127.0.0.1:${server.port}/terminal/1`, protocols, { headers });
    socket.on('open', () => {
      socket.close();
      resolve(101);
    });
    socket.on('unexpected-response', (_, answer) => resolve(answer.statusCode ?? 0));
    socket.on('error', () => resolve(0));
  });
}

test('a terminal opens for cookie, origin and ticket together, and a ticket is used once', async () => {
  const cookie = await signIn();
  const origin = `http://127.0.0.1:${server.port}`;
  const pass = await ticket(cookie);
  expect(await upgrade({ cookie, origin }, [PROTOCOL, `ticket.${pass}`])).toBe(101);
  expect(await upgrade({ cookie, origin }, [PROTOCOL, `ticket.${pass}`])).toBe(403);
});

test('a terminal is refused to whoever lacks one of the three', async () => {
  const cookie = await signIn();
  const origin = `http://127.0.0.1:${server.port}`;
  expect(await upgrade({ origin }, [PROTOCOL, `ticket.${await ticket(cookie)}`])).toBe(403);
  expect(await upgrade({ cookie }, [PROTOCOL, `ticket.${await ticket(cookie)}`])).toBe(403);
  expect(await upgrade({ cookie, origin: 'http://evil.example' }, [PROTOCOL, `ticket.${await ticket(cookie)}`])).toBe(
    403,
  );
  expect(await upgrade({ cookie, origin }, [PROTOCOL, 'ticket.0000'])).toBe(403);
  expect(await upgrade({ cookie, origin }, [PROTOCOL])).toBe(403);
});

test('malformed frames and bodies cost nobody else anything', async () => {
  const cookie = await signIn();
  const origin = `http://127.0.0.1:${server.port}`;
  const headers = { cookie, origin };
  const socket = new WebSocket(
    `ws://127.0.0.1:${server.port}/terminal/1`,
    [PROTOCOL, `ticket.${await ticket(cookie)}`],
    { headers },
  );
  await new Promise((resolve) => socket.once('open', resolve));
  for (const frame of [[], [99], [1, 0], [2, 255, 255], [1, 0, 0, 0, 0]]) socket.send(Uint8Array.from(frame));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.send(Buffer.alloc(2 * 1024 * 1024));
  await closed;
  expect((await ask('/api/answer', { method: 'POST', headers: { cookie }, body: '{"track":' })).status).toBe(400);
  expect((await ask('/api/answer', { method: 'POST', headers: { cookie }, body: '{"track":"../x"}' })).status).toBe(
    400,
  );
  expect((await ask('/healthz')).status).toBe(200);
});

test('every answer carries the policies that keep pages apart', async () => {
  const { headers } = await ask('/');
  expect(headers['content-security-policy']).toContain("default-src 'self'");
  expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
  expect(headers['referrer-policy']).toBe('no-referrer');
});

test('a busy port is one sentence with a remedy', async () => {
  await expect(listen('127.0.0.1', server.port, () => undefined)).rejects.toThrow(/is busy: .* --port/);
});

test('the site may be built anew under a running server: files come and go', async () => {
  mkdirSync(path.join(home, '_astro'), { recursive: true });
  const file = path.join(home, '_astro', 'page.ab12.js');
  writeFileSync(file, 'built');
  const there = await ask('/_astro/page.ab12.js');
  expect([there.status, there.text]).toEqual([200, 'built']);
  expect(there.headers['cache-control']).toContain('immutable');
  rmSync(file);
  expect((await ask('/_astro/page.ab12.js')).text).not.toBe('built');
  expect((await ask('/')).status).toBe(200);
});
