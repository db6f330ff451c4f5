import { createHash } from 'node:crypto';
import type { StickyCookie } from '../dynamic.ts';
import { type Exchange, type Handler, replyError } from '../server/exchange.ts';

export interface Member {
  name: string;
  weight: number;
  fenced: boolean;
  handler: Handler;
}

/** Takes turns by weight; who has a cookie comes to the member it names. */
export function balance(members: Member[], sticky: StickyCookie | undefined, cookieName: string): Handler {
  const waiting = members.filter(({ weight }) => weight > 0).map((member) => ({ member, deadline: 1 / member.weight }));
  const open = waiting.filter(({ member }) => !member.fenced);
  const byMark = new Map(sticky ? waiting.map(({ member }) => [markOf(member.name), member]) : []);

  /** The one with the earliest deadline, which then waits for as long as its weight says. */
  function next(): Member | undefined {
    if (open.length === 1) return open[0]!.member;
    let first = open[0];
    for (const one of open) if (one.deadline < first!.deadline) first = one;
    if (first) first.deadline += 1 / first.member.weight;
    return first?.member;
  }

  return (exchange) => {
    if (sticky) {
      const kept = byMark.get(cookieOf(exchange, cookieName) ?? '');
      if (kept) return kept.handler(exchange);
    }
    const member = next();
    if (!member) return replyError(exchange, 503, 'no available server');
    if (sticky) {
      const cookie = setCookie(cookieName, markOf(member.name), sticky);
      exchange.heads.push(({ headers }) => {
        const before = headers['set-cookie'];
        headers['set-cookie'] = before === undefined ? cookie : [before, cookie].flat();
      });
    }
    member.handler(exchange);
  };
}

function markOf(name: string): string {
  return createHash('sha256').update(name).digest('hex').slice(0, 16);
}

/** The cookie's name: as it was asked for, or made from the service's. */
export function stickyName(sticky: StickyCookie, service: string): string {
  if (sticky.name) return sticky.name.replaceAll(/[^!#$%&'*+\-.^`|~a-zA-Z0-9]/g, '_');
  return `_${createHash('sha1').update(`_TRAEFIK_BACKEND_${service}`).digest('hex')}`.slice(0, 6);
}

function cookieOf({ req }: Exchange, name: string): string | undefined {
  for (const part of (req.headers.cookie ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at > 0 && part.slice(0, at).trim() === name) return part.slice(at + 1).trim();
  }
  return undefined;
}

function setCookie(
  name: string,
  value: string,
  { path, domain, maxAge, httpOnly, secure, sameSite }: StickyCookie,
): string {
  const sites: Record<string, string> = { none: 'None', lax: 'Lax', strict: 'Strict' };
  return [
    `${name}=${value}`,
    `Path=${path ?? '/'}`,
    ...(domain ? [`Domain=${domain}`] : []),
    ...(maxAge ? [`Max-Age=${Math.max(0, maxAge)}`] : []),
    ...(httpOnly ? ['HttpOnly'] : []),
    ...(secure ? ['Secure'] : []),
    ...(sites[sameSite ?? ''] ? [`SameSite=${sites[sameSite!]}`] : []),
  ].join('; ');
}
