import { authorizationFor } from './authorizations.ts';
import { replaced } from './certificates.ts';
import { type Call, type Environment, isOver, lasting, type Reply, urlOf } from './environment.ts';
import { checkRequest, issueCertificate, PROFILES, readRequest } from './issuance.ts';
import { AcmeProblem, type Identifier, malformed, notFound, within } from './problem.ts';
import type { Order } from './state.ts';

const DAYS = 7;
const MOST = 100;
/** By which serial numbers of the two authorities are told apart. */
const PREFIXES = { production: '05', staging: '2c' };

/** https://datatracker.ietf.org/doc/html/rfc8555#section-7.4 */
export async function newOrder({ environment, base, signed }: Call): Promise<Reply> {
  const { state, policy, limits, clock } = environment;
  const { payload = {}, account } = signed!;
  const identifiers = identifiersOf(payload);
  await within('Invalid identifiers requested', () => policy.check(identifiers));
  const names = identifiers.map(({ value }) => value);
  const { profile, replaces } = payload as { profile?: string; replaces?: string };
  if (profile && !PROFILES[profile])
    throw new AcmeProblem('invalidProfile', `profile name "${profile}" not recognized`);
  const old = replaces
    ? await within("Could not validate ARI 'replaces' field", () => replaced(environment, account!.id, names, replaces))
    : undefined;
  if (names.length > MOST)
    throw malformed(`Error creating new order :: Order cannot contain more than ${MOST} identifiers`);
  const isRenewal = wasIssued(environment, names);
  if (!old) checkLimits(environment, account!.id, names, isRenewal);
  const known = state
    .all('order')
    .find(
      (one) =>
        one.account === account!.id &&
        setOf(one.identifiers.map(({ value }) => value)) === setOf(names) &&
        one.profile === profile &&
        ['pending', 'ready'].includes(statusOf(environment, one)),
    );
  if (known) return shown(environment, base, known, 201);
  if (!old && !isRenewal) limits.spend('orders', String(account!.id));
  const order: Order = {
    id: state.next('order'),
    account: account!.id,
    identifiers,
    authorizations: names.map((name) => authorizationFor(environment, account!, name).id),
    ...lasting(clock, DAYS),
    ...(profile && { profile }),
    ...(replaces && { replaces }),
  };
  state.put('order', order.id, order);
  environment.log(`order ${order.id} for ${names.join(', ')}`);
  return shown(environment, base, order, 201);
}

function identifiersOf(payload: Record<string, unknown>): Identifier[] {
  const { identifiers, notBefore, notAfter } = payload as {
    identifiers?: Identifier[];
    notBefore?: string;
    notAfter?: string;
  };
  if (!Array.isArray(identifiers) || identifiers.length === 0)
    throw malformed('NewOrder request did not specify any identifiers');
  if (notBefore || notAfter) throw malformed('NotBefore and NotAfter are not supported');
  for (const { type, value } of identifiers) {
    if (type !== 'dns')
      throw new AcmeProblem(
        'unsupportedIdentifier',
        `NewOrder request included unsupported identifier: type "${type}", value "${value}"`,
      );
    if (!value) throw malformed('NewOrder request included empty identifier');
  }
  const names = [...new Set(identifiers.map(({ value }) => value.toLowerCase()))].sort();
  return names.map((value) => ({ type: 'dns', value }));
}

const setOf = (names: string[]): string => [...names].sort().join(' ');

/** Whether the exact set had a certificate already, from whichever account. */
const wasIssued = ({ state }: Environment, names: string[]): boolean =>
  state.all('certificate').some((one) => setOf(one.names) === setOf(names));

function domainsOf({ policy }: Environment, names: string[]): string[] {
  return [...new Set(names.map((name) => policy.registeredDomain(name)))];
}

function checkLimits(environment: Environment, account: number, names: string[], isRenewal: boolean): void {
  const { limits } = environment;
  limits.check('exact', setOf(names));
  if (!isRenewal) {
    for (const domain of domainsOf(environment, names)) limits.check('domain', domain);
    limits.check('orders', String(account));
  }
  for (const name of names) limits.check('failed', `${account} ${name}`, name);
}

/** Follows from its authorizations, so that nothing is told twice. */
function statusOf({ state, clock, finalizing }: Environment, order: Order): string {
  if (order.certificate) return 'valid';
  if (order.error || isOver(clock, order)) return 'invalid';
  if (finalizing.has(order.id)) return 'processing';
  const authorizations = order.authorizations.map((id) => state.get('authorization', id)!);
  if (authorizations.some((one) => !['pending', 'valid'].includes(one.status) || isOver(clock, one))) return 'invalid';
  return authorizations.every(({ status }) => status === 'valid') ? 'ready' : 'pending';
}

/** Shows an order. */
export async function order(call: Call): Promise<Reply> {
  return shown(call.environment, call.base, find(call), 200);
}

function find({ environment, rest, signed }: Call): Order {
  const [account = '', id = ''] = rest;
  if (rest.length !== 2) throw notFound('Invalid request path');
  if (!/^\d+$/.test(account)) throw malformed('Invalid account ID');
  if (!/^\d+$/.test(id)) throw malformed('Invalid order ID');
  const found = environment.state.get('order', id);
  if (!found) throw notFound(`No order for ID ${id}`);
  if (String(found.account) !== account || (signed && signed.account?.id !== found.account))
    throw notFound(`No order found for account ID ${account}`);
  return found;
}

/** https://datatracker.ietf.org/doc/html/rfc8555#section-7.4 */
export async function finalize(call: Call): Promise<Reply> {
  const { environment, base, signed } = call;
  const { state, policy, finalizing, issuer, clock } = environment;
  const found = find(call);
  const status = statusOf(environment, found);
  if (status !== 'ready')
    throw new AcmeProblem('orderNotReady', `Order's status ("${status}") is not acceptable for finalization`);
  const accepted = await readRequest(signed!.payload?.csr);
  const ordered = found.identifiers.map(({ value }) => value);
  await checkRequest(accepted, ordered, signed!.account!.thumbprint);
  await within('Error finalizing order', () => policy.check(found.identifiers));
  if (finalizing.has(found.id))
    throw new AcmeProblem('orderNotReady', 'Order\'s status ("processing") is not acceptable for finalization');
  finalizing.add(found.id);
  try {
    const profile = PROFILES[found.profile ?? 'classic']!;
    const prefix = PREFIXES[environment.name];
    const issued = await issueCertificate({ issuer, accepted, profile, prefix, now: clock.now() });
    spend(environment, found, ordered);
    state.put('certificate', issued.serial, {
      serial: issued.serial,
      account: found.account,
      names: ordered,
      pem: issued.pem,
      notBefore: issued.notBefore.toISOString(),
      notAfter: issued.notAfter.toISOString(),
      issuedAt: clock.now().toISOString(),
    });
    state.put('order', found.id, { ...found, certificate: issued.serial });
    environment.log(`certificate ${issued.serial} for ${ordered.join(', ')}`);
  } finally {
    finalizing.delete(found.id);
  }
  return shown(environment, base, state.get('order', found.id)!, 200);
}

/** What a certificate counts for, and what it takes the place of. */
function spend(environment: Environment, { account, replaces }: Order, names: string[]): void {
  const { limits, state } = environment;
  const old = replaces ? replaced(environment, account, names, replaces) : undefined;
  if (old) state.put('certificate', old.serial, { ...old, replacedBy: 'ordered' });
  else if (!wasIssued(environment, names))
    for (const domain of domainsOf(environment, names)) limits.spend('domain', domain);
  limits.spend('exact', setOf(names));
}

function shown(environment: Environment, base: string, order: Order, code: number): Reply {
  const { id, account, identifiers, authorizations, expires, profile, replaces, certificate, error } = order;
  return {
    status: code,
    headers: { location: urlOf(base, 'order', account, id), 'boulder-requester': String(account) },
    json: {
      status: statusOf(environment, order),
      expires,
      identifiers,
      ...(profile && { profile }),
      ...(replaces && { replaces }),
      authorizations: authorizations.map((one) => urlOf(base, 'authz', account, one)),
      finalize: urlOf(base, 'finalize', account, id),
      ...(certificate && { certificate: urlOf(base, 'cert', certificate) }),
      ...(error && { error }),
    },
  };
}
