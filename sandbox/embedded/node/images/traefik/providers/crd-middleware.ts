import { createHash } from 'node:crypto';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { type Middleware, normalize } from '../dynamic.ts';
import type { Log } from '../log.ts';
import type { CrdWorld } from './crd.ts';

/** A Middleware as Traefik uses it, what it names in Secrets filled in; undefined, and logged, where that cannot be. */
export function middlewareOf({ metadata, spec = {} }: KubeObject, world: CrdWorld, log: Log): Middleware | undefined {
  const { namespace = '' } = metadata;
  const { basicAuth, chain, ...others } = spec as Loose;
  const made: Middleware = { ...others };
  if (basicAuth) {
    try {
      const { secret, ...rest } = basicAuth;
      made.basicAuth = { ...rest, users: usersOf(namespace, secret, world) };
    } catch (error) {
      log.error('Error while reading basic auth middleware', { error: (error as Error).message });
      return undefined;
    }
  }
  if (chain)
    made.chain = {
      middlewares: (chain.middlewares ?? []).map(({ name, namespace: within }: Loose) =>
        name.includes('@') ? name : normalize(`${within || namespace}-${name}`),
      ),
    };
  return made;
}

/** Lines of htpasswd(1) in a Secret's only entry, or a Secret of type kubernetes.io/basic-auth. */
function usersOf(namespace: string, name: string | undefined, { secrets }: CrdWorld): string[] {
  if (!name) throw new Error('auth secret must be set');
  const where = `${namespace}/${name}`;
  const secret = secrets.get(name, namespace);
  if (!secret) throw new Error(`secret '${where}' not found`);
  const failed = (text: string): Error => new Error(`failed to load basic auth credentials: ${text}`);
  const text = (data: string): string => Buffer.from(data, 'base64').toString();
  const data: Record<string, string> = secret.data ?? {};
  if (secret.type === 'kubernetes.io/basic-auth') {
    if (data.username === undefined || data.password === undefined)
      throw failed(`secret '${where}' must contain both username and password keys`);
    return [`${text(data.username)}:{SHA}${createHash('sha1').update(text(data.password)).digest('base64')}`];
  }
  const entries = Object.values(data);
  if (entries.length !== 1)
    throw failed(`found ${entries.length} elements for secret '${where}', must be single element exactly`);
  const lines = text(entries[0]!).split(/\r?\n/).filter(Boolean);
  if (lines.length === 0) throw failed(`secret '${where}' does not contain any credentials`);
  return lines;
}
