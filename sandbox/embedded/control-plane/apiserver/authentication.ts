import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';
import type { TLSSocket } from 'node:tls';
import type { User } from './call.ts';
import { unauthorized } from './errors.ts';

/** Tells who a bearer token belongs to; undefined if it is not valid (any more). */
export type TokenAuthenticator = (token: string) => Promise<User | undefined>;

export interface Authenticator {
  /** Throws 401. */
  authenticate(request: IncomingMessage): Promise<User>;
  token: TokenAuthenticator;
  /** Whoever speaks on this connection is this user. */
  trust(socket: Socket, user: User): void;
}

const anonymous: User = { name: 'system:anonymous', groups: ['system:unauthenticated'] };

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/ */
export function createAuthenticator(token: TokenAuthenticator): Authenticator {
  // A connection's certificate cannot change: it is read once.
  const known = new WeakMap<Socket, User | null>();
  return {
    token,
    trust: (socket, user) => void known.set(socket, user),
    async authenticate(request) {
      const socket = request.socket as TLSSocket;
      let user = known.get(socket);
      if (user === undefined) {
        user = certificateUser(socket);
        known.set(socket, user);
      }
      if (user) return user;
      const header = request.headers.authorization;
      if (!header) return anonymous;
      const [scheme = '', value = ''] = header.trim().split(/\s+/, 2);
      // Nobody reads anything else.
      if (scheme.toLowerCase() !== 'bearer' || !value) return anonymous;
      const found = await token(value);
      if (!found) throw unauthorized();
      return found;
    },
  };
}

/** Null without a certificate. Throws 401 for one that our CA did not sign, or that has expired. */
function certificateUser(socket: TLSSocket): User | null {
  if (typeof socket.getPeerCertificate !== 'function') return null;
  const certificate = socket.getPeerCertificate(false);
  if (!certificate || Object.keys(certificate).length === 0) return null;
  if (!socket.authorized) throw unauthorized();
  const { CN, O } = certificate.subject as { CN?: string | string[]; O?: string | string[] };
  const name = Array.isArray(CN) ? (CN.at(-1) ?? '') : (CN ?? '');
  if (!name) throw unauthorized();
  const groups = O === undefined ? [] : Array.isArray(O) ? O : [O];
  const print = certificate.fingerprint256.replaceAll(':', '').toLowerCase();
  const extra = { 'authentication.kubernetes.io/credential-id': [`X509SHA256=${print}`] };
  return { name, groups: [...groups, 'system:authenticated'], extra };
}
