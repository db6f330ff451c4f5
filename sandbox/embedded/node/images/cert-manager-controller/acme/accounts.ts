import type { KeyObject } from 'node:crypto';
import type { KubeObject } from '../../../../../../kubernetes/object.ts';
import type { Manager } from '../manager.ts';
import { unbase64 } from '../objects.ts';
import { AcmeClient } from './client.ts';

/** The clients of issuers whose account is known, by the issuer's uid. */
export class Accounts {
  #manager: Manager;
  #clients = new Map<string, AcmeClient>();

  constructor(manager: Manager) {
    this.#manager = manager;
  }

  make(issuer: KubeObject, key: KeyObject): AcmeClient {
    const { process, metrics } = this.#manager;
    const { server, caBundle, skipTLSVerify } = issuer.spec.acme;
    return new AcmeClient({
      process,
      server,
      key,
      insecure: skipTLSVerify,
      ca: caBundle && unbase64(caBundle),
      onRequest: (method, url, status) =>
        metrics.request({ scheme: url.protocol.slice(0, -1), host: url.host, action: actionOf(url), method, status }),
    });
  }

  set(issuer: KubeObject, client: AcmeClient): void {
    this.#clients.set(issuer.metadata.uid ?? '', client);
  }

  remove(issuer: KubeObject): void {
    this.#clients.delete(issuer.metadata.uid ?? '');
  }

  /** Throws where the issuer is not set up. */
  of(issuer: KubeObject): AcmeClient {
    const client = this.#clients.get(issuer.metadata.uid ?? '');
    if (!client) throw new Error('ACME client for issuer not initialised/available');
    return client;
  }
}

/** The part of an address that says what it is for. */
const actionOf = (url: URL): string => url.pathname.split('/').find((part) => /^[a-z-]{4,}$/i.test(part)) ?? '';
