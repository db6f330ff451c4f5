import { createHash } from 'node:crypto';
import { type Call, type Environment, isOver, lasting, type Reply, urlOf } from './environment.ts';
import { AcmeProblem, malformed, notFound, unauthorized } from './problem.ts';
import type { Account, Authorization, Challenge, ValidationRecord } from './state.ts';
import { validate } from './validation.ts';

/** Days an authorization waits to be met, and days it then serves further orders. */
const PENDING = 7;
const VALID = 30;

/** The account's authorization for a name: one it has, or another. */
export function authorizationFor(environment: Environment, account: Account, name: string): Authorization {
  const { state, clock } = environment;
  const usable = state
    .all('authorization')
    .filter((one) => one.account === account.id && one.name === name && !isOver(clock, one));
  const known = usable.find(({ status }) => status === 'valid') ?? usable.find(({ status }) => status === 'pending');
  if (known) return known;
  const token = environment.random();
  const sorts = name.startsWith('*.') ? (['dns-01'] as const) : (['http-01', 'dns-01'] as const);
  const made: Authorization = {
    id: state.next('authorization'),
    account: account.id,
    name,
    status: 'pending',
    ...lasting(clock, PENDING),
    challenges: sorts.map((type) => ({ type, status: 'pending', token })),
  };
  state.put('authorization', made.id, made);
  return made;
}

/** https://datatracker.ietf.org/doc/html/rfc8555#section-7.5 */
export async function authorization(call: Call): Promise<Reply> {
  const { environment, base, signed } = call;
  const found = find(call, 'authorization');
  const { payload } = signed ?? {};
  if (!payload) return { status: 200, json: document(base, found) };
  if (payload.status !== 'deactivated') throw malformed('Invalid status value');
  const changed: Authorization = { ...found, status: 'deactivated' };
  environment.state.put('authorization', found.id, changed);
  return { status: 200, json: document(base, changed) };
}

/** Says that a challenge is met, or asks how it stands. https://datatracker.ietf.org/doc/html/rfc8555#section-7.5.1 */
export async function challenge(call: Call): Promise<Reply> {
  const { environment, base, rest, signed } = call;
  const found = find(call, 'challenge');
  const chosen = found.challenges.find((one) => slug(one) === rest[2]);
  if (!chosen) throw notFound('No such challenge');
  if (signed?.payload && found.status === 'pending' && chosen.status === 'pending') {
    const accepted = change(environment, found, chosen, { status: 'processing' });
    look(environment, accepted, chosen.type);
  }
  return {
    status: 200,
    headers: {
      location: urlOf(base, 'chall', found.account, found.id, slug(chosen)),
      link: [`<${urlOf(base, 'authz', found.account, found.id)}>;rel="up"`],
    },
    json: challengeDocument(base, found, chosen),
  };
}

/** Goes on with challenges that were being looked at when the process ended. */
export function resume(environment: Environment): void {
  for (const one of environment.state.all('authorization')) {
    const left = one.challenges.find(({ status }) => status === 'processing');
    if (left && one.status === 'pending') look(environment, one, left.type);
  }
}

function find({ environment, rest, signed }: Call, what: 'authorization' | 'challenge'): Authorization {
  const [account = '', id = ''] = rest;
  if (!/^\d+$/.test(id)) throw malformed('Invalid authorization ID');
  const found = environment.state.get('authorization', id);
  if (!found || String(found.account) !== account) throw notFound(`No such ${what}`);
  if (isOver(environment.clock, found)) throw notFound('Expired authorization');
  if (signed && signed.account?.id !== found.account)
    throw unauthorized(
      what === 'challenge'
        ? "User account ID doesn't match account ID in authorization"
        : "Account ID doesn't match ID for authorization",
    );
  return found;
}

/** Sees to a challenge in its own time, and writes down how it went. */
function look(environment: Environment, { id, account, name }: Authorization, type: Challenge['type']): void {
  const { state, reach, clock, limits, log, validating } = environment;
  if (validating.has(id)) return;
  validating.add(id);
  const now = () => state.get('authorization', id)!;
  const chosen = () => now().challenges.find((one) => one.type === type)!;
  const { token } = chosen();
  const keyAuthorization = `${token}.${state.get('account', account)!.thumbprint}`;
  log(`${type} of ${name}: looking`);
  validate(reach, chosen(), name, keyAuthorization)
    .then(
      (records) => {
        const validated = `${clock.now().toISOString().slice(0, 19)}Z`;
        change(environment, now(), chosen(), { status: 'valid', validated, records });
        state.put('authorization', id, { ...now(), status: 'valid', ...lasting(clock, VALID) });
        log(`${type} of ${name}: valid`);
      },
      (error: unknown) => {
        const problem =
          error instanceof AcmeProblem ? error : new AcmeProblem('serverInternal', 'Could not communicate with VA');
        const { records } = problem as { records?: ValidationRecord[] };
        change(environment, now(), chosen(), {
          status: 'invalid',
          validated: `${clock.now().toISOString().slice(0, 19)}Z`,
          error: problem.document(),
          ...(records && { records }),
        });
        state.put('authorization', id, { ...now(), status: 'invalid' });
        limits.spend('failed', `${account} ${name}`);
        log(`${type} of ${name}: ${problem.type}: ${problem.message}`);
      },
    )
    .catch((error: Error) => log(`${type} of ${name}: ${error.message}`))
    .finally(() => validating.delete(id));
}

function change(
  { state }: Environment,
  authorization: Authorization,
  { type }: Challenge,
  change: Partial<Challenge>,
): Authorization {
  const challenges = authorization.challenges.map((one) => (one.type === type ? { ...one, ...change } : one));
  const changed = { ...authorization, challenges };
  state.put('authorization', changed.id, changed);
  return changed;
}

/** Part of a challenge's address. */
const slug = ({ token, type }: Challenge): string =>
  createHash('sha256').update(token).update(type).digest('base64url').slice(0, 6);

function document(base: string, authorization: Authorization): object {
  const { name, status, expires, challenges } = authorization;
  const isWildcard = name.startsWith('*.');
  // Once it is settled, only what settled it is of interest.
  const telling = challenges.filter((one) => status === 'pending' || /valid/.test(one.status));
  return {
    identifier: { type: 'dns', value: isWildcard ? name.slice(2) : name },
    status,
    expires,
    challenges: (telling.length > 0 ? telling : challenges).map((one) => challengeDocument(base, authorization, one)),
    ...(isWildcard && { wildcard: true }),
  };
}

function challengeDocument(base: string, { account, id, status }: Authorization, challenge: Challenge): object {
  const { type, token, validated, error, records } = challenge;
  const shown = challenge.status === 'processing' ? 'pending' : challenge.status;
  return {
    type,
    url: urlOf(base, 'chall', account, id, slug(challenge)),
    status: status === 'invalid' ? 'invalid' : shown,
    ...(validated && { validated }),
    ...(error && { error }),
    token,
    ...(records && { validationRecord: records }),
  };
}
