import type { KubeObject } from '../../../../../kubernetes/object.ts';
import { ApiError, type Client } from '../../../client/client.ts';
import { createInformer } from '../../../client/informer.ts';
import type { Clock, Timer } from '../../../clock.ts';
import type { Logger } from '../in-cluster/klog.ts';
import { authorityFault, makeAuthority, type Pair, renewalOf, signServer } from './certificates.ts';

const secrets = { group: '', version: 'v1', resource: 'secrets' };

/** How often it looks whether the Secret is still what it was. */
const CHECK = 10_000;

export interface AuthorityOptions {
  client: Client;
  clock: Clock;
  log: Logger;
  signal: AbortSignal;
  /** Where the authority is kept. */
  secret: { namespace: string; name: string };
  /** Whom it serves as. */
  names: string[];
  onCertificate(pair: Pair): void;
}

/**
 * Keeps an authority in a Secret, made when it is not there, and gets itself a server certificate from it: anew when the authority
 * changes or a third of its time is left.
 */
export function keepServing({ client, clock, log, signal, secret, names, onCertificate }: AuthorityOptions): void {
  let authority: Pair | undefined;
  let renewal = Number.POSITIVE_INFINITY;
  let alarm: Timer | undefined;
  let chain: Promise<void> = Promise.resolve();
  const informer = createInformer({
    client,
    resource: secrets,
    clock,
    signal,
    namespace: secret.namespace,
    fieldSelector: `metadata.name=${secret.name}`,
    log: (message) => log.error('reflector.go:204', message.replace(/^secrets: /, ''), 'Failed to watch', reflector),
  });
  const reflector = {
    reflector: 'k8s.io/client-go@v0.36.2/tools/cache/reflector.go:343',
    type: '*v1.Secret',
  };
  const next = (): void => {
    chain = chain.then(ensure).catch((error: Error) => {
      if (!signal.aborted) log.error('authority.go:236', error.message, 'error ensuring CA');
    });
  };

  async function ensure(): Promise<void> {
    if (signal.aborted) return;
    const held = informer.get(secret.name, secret.namespace);
    const stored = held && contentOf(held);
    const fault = stored ? authorityFault(stored, clock.calendar()) : 'CA secret not found';
    if (fault) {
      log.info('authority.go:267', 'Will regenerate CA', { reason: fault });
      await regenerate(held);
    } else if (stored?.cert !== authority?.cert) {
      log.info(
        'authority.go:287',
        'Detected change in CA secret data, update current CA data and notify watches',
        {},
        2,
      );
      if (authority)
        log.info('dynamic_source.go:177', 'Detected root CA rotation - regenerating serving certificates', {}, 2);
      authority = stored as Pair;
      await serve();
    } else if (clock.calendar().getTime() >= renewal) {
      log.info('dynamic_source.go:161', 'Certificate needs renewal', { reason: 'certificateAboutToExpire' }, 2);
      await serve();
    }
  }

  async function serve(): Promise<void> {
    log.info('dynamic_source.go:225', 'try to generate a serving certificate');
    if (!authority) return;
    const pair = await signServer(authority, names, clock.calendar());
    renewal = renewalOf(pair);
    alarm?.cancel();
    alarm = clock.after(renewal - clock.calendar().getTime(), next);
    onCertificate(pair);
    log.info('dynamic_source.go:299', 'Updated cert-manager TLS certificate', { DNSNames: names }, 2);
    log.info('dynamic_source.go:234', 'Serving certificate generated successfully');
  }

  async function regenerate(held: KubeObject | undefined): Promise<void> {
    const { cert, key } = await makeAuthority('cert-manager-webhook-ca', clock.calendar());
    const encode = (text: string): string => Buffer.from(text).toString('base64');
    const data = { 'tls.crt': encode(cert), 'tls.key': encode(key), 'ca.crt': encode(cert) };
    if (held) {
      informer.observe(await client.update(secrets, { ...held, data: { ...held.data, ...data } }));
      log.info('authority.go:419', 'Updated existing root CA Secret', {}, 2);
      return next();
    }
    const { namespace, name } = secret;
    try {
      informer.observe(
        await client.create(secrets, {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: {
            namespace,
            name,
            labels: { 'app.kubernetes.io/managed-by': 'cert-manager-webhook' },
            annotations: { 'cert-manager.io/allow-direct-injection': 'true' },
          },
          data,
        }),
      );
      log.info('authority.go:405', 'Created new root CA Secret', {}, 2);
    } catch (error) {
      // Another replica was first: its Secret comes by the watch.
      if (!(error instanceof ApiError && error.code === 409)) throw error;
    }
    next();
  }

  function check(): void {
    if (signal.aborted) return;
    const again = (): void => {
      next();
      check();
    };
    // In real time: a skip of months is no reason to look a million times.
    const timer = clock.after(CHECK, again, CHECK);
    signal.addEventListener('abort', () => timer.cancel(), { once: true });
  }

  signal.addEventListener('abort', () => alarm?.cancel(), { once: true });
  log.info('dynamic_source.go:225', 'try to generate a serving certificate');
  log.info('dynamic_source.go:228', 'Certificate is not yet created, retrying...', { interval: '1s' });
  void informer.synced.then(() => {
    if (signal.aborted) return;
    log.info('reflector.go:507', 'Caches populated', { type: reflector.type, reflector: reflector.reflector }, 2);
    informer.on(next);
    next();
    check();
  });
}

function contentOf({ data = {} }: KubeObject): Partial<Pair> & { ca?: string } {
  const text = (key: string): string => Buffer.from(data[key] ?? '', 'base64').toString('utf8');
  return { ca: text('ca.crt'), cert: text('tls.crt'), key: text('tls.key') };
}
