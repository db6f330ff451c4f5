import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';
import type { Store } from '../store/store.ts';
import type { User } from './call.ts';

export const issuer = 'https://kubernetes.default.svc.cluster.local';

/** What a token is bound to, besides its ServiceAccount: it dies with it. */
export interface BoundObject {
  kind: 'Pod' | 'Secret' | 'Node';
  name: string;
  uid: string;
}

export interface TokenRequest {
  account: KubeObject;
  audiences: string[];
  seconds: number;
  bound?: BoundObject;
  /** The node of a pod the token is bound to. */
  node?: { name: string; uid?: string };
}

/** https://kubernetes.io/docs/reference/access-authn-authz/service-accounts-admin/#bound-service-account-tokens */
export class ServiceAccountTokens {
  readonly #private: KeyObject;
  readonly #public: KeyObject;
  readonly #keyId: string;
  readonly #store: Store;
  readonly #clock: Clock;

  /** `key` is a P-256 private key in PEM. */
  constructor(key: string, store: Store, clock: Clock) {
    this.#private = createPrivateKey(key);
    this.#public = createPublicKey(key);
    const der = this.#public.export({ type: 'spki', format: 'der' });
    this.#keyId = createHash('sha256').update(der).digest('base64url');
    this.#store = store;
    this.#clock = clock;
  }

  /** The public half, as `/openid/v1/jwks` shows it. */
  jwks(): object {
    return { keys: [{ ...this.#public.export({ format: 'jwk' }), use: 'sig', kid: this.#keyId, alg: 'ES256' }] };
  }

  async issue({ account, audiences, seconds, bound, node }: TokenRequest): Promise<{ token: string; expires: Date }> {
    const { namespace = '', name = '', uid } = account.metadata;
    const now = Math.floor(this.#clock.now().getTime() / 1000);
    const claims: Record<string, unknown> = { namespace, serviceaccount: { name, uid } };
    if (bound) claims[bound.kind.toLowerCase()] = { name: bound.name, uid: bound.uid };
    if (node) claims.node = node;
    // In the order of their names, as Go writes a map.
    const token = await new SignJWT({
      aud: audiences.length > 0 ? audiences : [issuer],
      exp: now + seconds,
      iat: now,
      iss: issuer,
      jti: crypto.randomUUID(),
      'kubernetes.io': claims,
      nbf: now,
      sub: `system:serviceaccount:${namespace}:${name}`,
    })
      .setProtectedHeader({ alg: 'ES256', kid: this.#keyId })
      .sign(this.#private);
    return { token, expires: new Date((now + seconds) * 1000) };
  }

  /** The long-lived form, for Secrets of type `kubernetes.io/service-account-token`. */
  async issueForSecret(account: KubeObject, secret: KubeObject): Promise<string> {
    const { namespace = '', name = '', uid = '' } = account.metadata;
    return new SignJWT({
      'kubernetes.io/serviceaccount/namespace': namespace,
      'kubernetes.io/serviceaccount/secret.name': secret.metadata.name,
      'kubernetes.io/serviceaccount/service-account.name': name,
      'kubernetes.io/serviceaccount/service-account.uid': uid,
    })
      .setProtectedHeader({ alg: 'ES256', kid: this.#keyId })
      .setIssuer('kubernetes/serviceaccount')
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .sign(this.#private);
  }

  /** Who a token belongs to; undefined if it is not ours, has expired, or what it is bound to is gone. */
  async authenticate(token: string, audiences: string[] = [issuer]): Promise<User | undefined> {
    try {
      const { payload } = await jwtVerify(token, this.#public, { currentDate: this.#clock.now() });
      if (payload.iss === 'kubernetes/serviceaccount') return this.#legacyUser(payload);
      const given = Array.isArray(payload.aud) ? payload.aud : [payload.aud];
      if (payload.iss !== issuer || !given.some((one) => one !== undefined && audiences.includes(one)))
        return undefined;
      return this.#boundUser(payload);
    } catch {
      return undefined;
    }
  }

  #account(namespace: string, name: string, uid: string): boolean {
    return this.#isThere('/serviceaccounts', namespace, name, uid);
  }

  #isThere(collection: string, namespace: string, name: string, uid: string): boolean {
    const object = this.#store.get(collection, namespace, name)?.object;
    if (!object || object.metadata.uid !== uid) return false;
    // A minute is what a terminating pod still gets.
    const gone = object.metadata.deletionTimestamp;
    return !gone || Date.parse(gone) + 60_000 > this.#clock.now().getTime();
  }

  #boundUser(payload: Record<string, unknown>): User | undefined {
    const claims = payload['kubernetes.io'] as Record<string, { name: string; uid: string }> & { namespace: string };
    const { namespace, serviceaccount, pod, secret, node } = claims;
    if (!serviceaccount || !this.#account(namespace, serviceaccount.name, serviceaccount.uid)) return undefined;
    if (pod && !this.#isThere('/pods', namespace, pod.name, pod.uid)) return undefined;
    if (secret && !this.#isThere('/secrets', namespace, secret.name, secret.uid)) return undefined;
    const extra: Record<string, string[]> = {
      'authentication.kubernetes.io/credential-id': [`JTI=${payload.jti}`],
      ...(node && { 'authentication.kubernetes.io/node-name': [node.name] }),
      ...(node?.uid && { 'authentication.kubernetes.io/node-uid': [node.uid] }),
      ...(pod && {
        'authentication.kubernetes.io/pod-name': [pod.name],
        'authentication.kubernetes.io/pod-uid': [pod.uid],
      }),
    };
    return { ...userOf(namespace, serviceaccount), extra };
  }

  #legacyUser(payload: Record<string, unknown>): User | undefined {
    const claim = (name: string): string => String(payload[`kubernetes.io/serviceaccount/${name}`] ?? '');
    const namespace = claim('namespace');
    const account = { name: claim('service-account.name'), uid: claim('service-account.uid') };
    if (!this.#account(namespace, account.name, account.uid)) return undefined;
    if (!this.#store.get('/secrets', namespace, claim('secret.name'))) return undefined;
    return userOf(namespace, account);
  }
}

function userOf(namespace: string, { name, uid }: { name: string; uid: string }): User {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: ['system:serviceaccounts', `system:serviceaccounts:${namespace}`, 'system:authenticated'],
  };
}
