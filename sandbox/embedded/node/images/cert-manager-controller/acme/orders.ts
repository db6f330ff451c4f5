import { isIP } from 'node:net';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { formatDuration, parseDuration, stamp } from '../durations.ts';
import { about, type Logger } from '../log.ts';
import { isNotFound, type Manager } from '../manager.ts';
import { base64, challenges, isControlledBy, isFailure, isFinal, orders, quote, split, unbase64 } from '../objects.ts';
import { readRequest } from '../pki/request.ts';
import type { Accounts } from './accounts.ts';
import type { AcmeClient, AcmeOrder } from './client.ts';
import { isFinal as isRefused } from './problem.ts';
import { requiredChallenges } from './required-challenges.ts';

/** Milliseconds until a server is asked again that has not yet seen that all challenges are done. */
const again = 5000;
const hostName = /^(?=.{1,253}$)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$/;

/** Brings Orders from their creation over their challenges to a certificate. */
export function createOrders(manager: Manager, accounts: Accounts, after: (key: string, milliseconds: number) => void) {
  const recorder = manager.recorder('orders');

  /** What changes when the order is in another state. */
  const inState = (state: string): Loose => ({
    state,
    ...(isFailure(state) && { failureTime: stamp(manager.clock.now()) }),
  });

  /** Runs a call; a refusal fails the order for good. */
  async function attempt(log: Logger, told: string, call: () => Promise<Loose>, noted: string): Promise<Loose> {
    try {
      return await call();
    } catch (error) {
      if (!isRefused(error)) throw error;
      log.error('sync.go:137', error.message, noted);
      return { ...inState('errored'), reason: `${told}: ${error.message}` };
    }
  }

  async function create(order: KubeObject, client: AcmeClient, log: Logger): Promise<Loose> {
    const { commonName = '', dnsNames = [], ipAddresses = [], duration, profile } = order.spec;
    const names = new Set<string>(dnsNames);
    const addresses = new Set<string>(ipAddresses);
    if (isIP(commonName)) addresses.add(commonName);
    else if (hostName.test(commonName)) names.add(commonName);
    const identifiers = [
      ...[...names].sort().map((value) => ({ type: 'dns', value })),
      ...[...addresses].sort().map((value) => ({ type: 'ip', value })),
    ];
    const end = duration && stamp(new Date(manager.clock.now().getTime() + parseDuration(duration)));
    try {
      const made = await client.createOrder(identifiers, {
        ...(end && { notAfter: end }),
        ...(profile && { profile }),
      });
      return fromServer(made, true);
    } catch (error) {
      const message = (error as Error).message;
      if (!isRefused(error) && !/certificate authority does not/.test(message))
        throw new Error(`error creating new order: ${message}`);
      log.error('sync.go:330', message, 'failed to create Order resource due to bad request, marking Order as failed');
      return { ...inState('errored'), reason: `Failed to create Order: ${message}` };
    }
  }

  function fromServer(order: AcmeOrder, first: boolean): Loose {
    return {
      url: order.uri,
      finalizeURL: order.finalize,
      ...(first && { authorizations: order.authorizations.map((url) => ({ url })) }),
      ...inState(order.status),
    };
  }

  async function identified(order: KubeObject, client: AcmeClient): Promise<Loose> {
    const authorizations: Loose[] = [];
    for (const known of order.status.authorizations) {
      if (known.identifier) {
        authorizations.push(known);
        continue;
      }
      const { status, identifier, wildcard = false, challenges: offered } = await client.authorization(known.url);
      authorizations.push({
        ...known,
        initialState: status,
        identifier: identifier.value,
        wildcard,
        challenges: offered.map(({ url, token, type }) => ({ url, token, type })),
      });
    }
    return { authorizations };
  }

  async function finalize(order: KubeObject, client: AcmeClient): Promise<Loose> {
    const { url, finalizeURL } = order.status;
    const request = Buffer.from(readRequest(unbase64(order.spec.request)).parsed.rawData);
    let chain: string;
    try {
      chain = await client.finalize({ uri: url, finalize: finalizeURL }, request);
    } catch (error) {
      if (!isRefused(error)) {
        const now = await client.order(url);
        if (now.status !== order.status.state) return fromServer(now, false);
        throw new Error(`error finalizing order: ${(error as Error).message}`);
      }
      // It may have been finalized before, and nobody wrote it down.
      const now = await client.order(url);
      if (error.status !== 403 || now.status !== 'valid') throw error;
      chain = await client.certificate(now.certificate ?? '');
    }
    return complete(order, chain);
  }

  function complete(order: KubeObject, chain: string): Loose {
    void recorder.event(order, 'Normal', 'Complete', 'Order completed successfully');
    return { ...inState('valid'), certificate: base64(chain) };
  }

  const ownedBy = (order: KubeObject): KubeObject[] =>
    manager
      .informer(challenges)
      .list(order.metadata.namespace)
      .filter((challenge) => isControlledBy(challenge, order));

  /** What to write into the status, if anything. */
  async function advance(order: KubeObject, issuer: KubeObject, client: AcmeClient, log: Logger): Promise<Loose> {
    const status = order.status ?? {};
    const lookUp = 'Failed to retrieve Order resource';
    const noted = 'failed to update Order status due to a 4xx error, marking Order as failed';
    if (isFailure(status.state)) return undefined;
    if (!status.url) return create(order, client, log);
    if (!status.finalizeURL)
      return attempt(
        log,
        lookUp,
        async () => fromServer(await client.order(status.url), !status.authorizations),
        noted,
      );
    if (status.authorizations?.some(({ identifier }: Loose) => !identifier))
      return attempt(
        log,
        'Failed to fetch authorization',
        () => identified(order, client),
        'failed to fetch authorization metadata from acme server',
      );
    if (status.state === 'valid') {
      if (!status.certificate)
        return attempt(
          log,
          'Failed to retrieve signed certificate',
          async () => complete(order, await client.certificate((await client.order(status.url)).certificate ?? '')),
          'failed to retrieve issued certificate from ACME server',
        );
      for (const challenge of ownedBy(order)) await manager.remove(challenges, challenge, true);
      return undefined;
    }
    let required: KubeObject[];
    try {
      required = requiredChallenges(order, issuer);
    } catch (error) {
      const message = (error as Error).message;
      log.error('sync.go:170', message, 'Failed to determine the list of Challenge resources needed for the Order');
      const told = `Failed to determine a valid solver configuration for the set of domains on the Order: ${message}`;
      void recorder.event(order, 'Warning', 'Solver', told);
      return undefined;
    }
    const owned = ownedBy(order);
    const missing = required.filter((one) => !owned.some(({ metadata }) => metadata.name === one.metadata.name));
    if (missing.length > 0) {
      await createAll(order, missing, client);
      return undefined;
    }
    const leftover = owned.filter((one) => !required.some(({ metadata }) => metadata.name === one.metadata.name));
    if (leftover.length > 0) {
      for (const challenge of leftover) await manager.remove(challenges, challenge, true);
      return undefined;
    }
    if (status.state === 'ready')
      return attempt(
        log,
        'Failed to finalize Order',
        () => finalize(order, client),
        'failed to finalize Order resource due to bad request, marking Order as failed',
      );
    const failed = owned.some((challenge) => isFailure(challenge.status?.state));
    if (!failed && !owned.every((challenge) => isFinal(challenge.status?.state))) return undefined;
    return attempt(
      log,
      lookUp,
      async () => {
        const now = await client.order(status.url);
        if (failed || now.status !== 'pending') return fromServer(now, false);
        log.info(
          'sync.go:232',
          'All challenges in a final state, waiting for ACME server to update the status of the order...',
          {},
          2,
        );
        after(`${order.metadata.namespace}/${order.metadata.name}`, again);
        return inState('pending');
      },
      'failed to retrieve the ACME order (4xx error) marking Order as failed',
    );
  }

  async function createAll(order: KubeObject, missing: KubeObject[], client: AcmeClient): Promise<void> {
    for (const challenge of missing) {
      const { type, token, dnsName } = challenge.spec;
      const key = type === 'HTTP-01' ? client.keyAuthorization(token) : client.dnsRecord(token);
      await manager.create(challenges, { ...challenge, spec: { ...challenge.spec, key } });
      const told = `Created Challenge resource ${quote(challenge.metadata.name ?? '')} for domain ${quote(dnsName)}`;
      void recorder.event(order, 'Normal', 'Created', told);
    }
  }

  return async (key: string): Promise<void> => {
    const [namespace, name] = split(key);
    const order = manager.informer(orders).get(name, namespace);
    if (!order || order.metadata.deletionTimestamp) return;
    const reference = order.spec.issuerRef;
    const issuer = manager.issuerFor(reference, namespace);
    if (!issuer) {
      const kind = (reference.kind || 'Issuer').toLowerCase();
      throw new Error(
        `error reading (cluster)issuer ${quote(reference.name)}: ${kind}.cert-manager.io ${quote(reference.name)} not found`,
      );
    }
    const log = manager.log.with(about(order));
    const changes = await advance(order, issuer, accounts.of(issuer), log);
    if (!changes) return;
    try {
      await manager.writeStatus(orders, order, { ...order.status, ...changes });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
  };
}

/** The duration an Order asks for, as it is written. */
export const orderDuration = (text: string | undefined): string | undefined =>
  text && formatDuration(parseDuration(text));
