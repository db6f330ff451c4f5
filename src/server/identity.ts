import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import path from 'node:path';

const COOKIE = 'atelier';
/** Seconds a browser stays signed in. */
const COOKIE_LIFE = 30 * 24 * 3600;

/** Who a browser is: a printed token buys a cookie, the cookie is signed with a key of the home and outlives a restart. */
export interface Identity {
  /** The token of the printed link, valid until this server ends. */
  readonly token: string;
  /** The Set-Cookie value for the bearer of the token, or undefined for a wrong one. */
  signIn(token: string): string | undefined;
  viewerOf(request: IncomingMessage): string | undefined;
}

export function createIdentity(home: string, learner: string, port: () => number): Identity {
  const key = homeKey(path.join(home, 'session.key'));
  const token = randomBytes(24).toString('base64url');
  const sign = (text: string) => createHmac('sha256', key).update(text).digest('base64url');
  // Cookies ignore ports: two ateliers on one machine need two names.
  const name = () => `${COOKIE}-${port()}`;
  return {
    token,
    signIn(offered) {
      if (!same(offered, token)) return undefined;
      const payload = `${learner}.${Math.floor(Date.now() / 1000) + COOKIE_LIFE}`;
      return `${name()}=${payload}.${sign(payload)}; Path=/; Max-Age=${COOKIE_LIFE}; HttpOnly; SameSite=Strict`;
    },
    viewerOf(request) {
      const value = cookies(request)[name()];
      const match = /^(([a-z0-9-]+)\.(\d+))\.([\w-]+)$/.exec(value ?? '');
      if (!match) return undefined;
      const [, payload = '', viewer, until, signature = ''] = match;
      const valid = same(signature, sign(payload)) && Number(until) * 1000 > Date.now();
      return valid ? viewer : undefined;
    },
  };
}

function homeKey(file: string): Buffer {
  if (!existsSync(file)) writeFileSync(file, randomBytes(32), { mode: 0o600 });
  return readFileSync(file);
}

function same(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

function cookies(request: IncomingMessage): Record<string, string> {
  const pairs = (request.headers.cookie ?? '').split(';').map((pair) => pair.trim().split('='));
  return Object.fromEntries(pairs.map(([name = '', ...value]) => [name, value.join('=')]));
}
