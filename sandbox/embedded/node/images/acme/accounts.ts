import { type Call, type Reply, urlOf } from './environment.ts';
import { verifyKeyChange } from './jws.ts';
import { checkContacts } from './policy.ts';
import { AcmeProblem, malformed, unauthorized, within } from './problem.ts';
import type { Account } from './state.ts';

/** https://datatracker.ietf.org/doc/html/rfc8555#section-7.3 */
export async function newAccount({ environment, base, signed, address }: Call): Promise<Reply> {
  const { state, limits, clock } = environment;
  const { payload = {}, key, thumbprint } = signed!;
  const known = accountWith(state.all('account'), thumbprint);
  if (known) {
    if (known.status !== 'valid')
      throw unauthorized(`An account with the provided public key exists but is ${known.status}`);
    return shown(base, known, 200);
  }
  if (payload.onlyReturnExisting === true)
    throw new AcmeProblem('accountDoesNotExist', 'No account exists with the provided key');
  if (payload.termsOfServiceAgreed !== true) throw malformed('must agree to terms of service');
  const contact = await within('Error creating new account', () => checkContacts(payload.contact));
  limits.check('registrations', address);
  limits.spend('registrations', address);
  const account: Account = {
    id: state.next('account'),
    key,
    thumbprint,
    contact,
    status: 'valid',
    createdAt: clock.now().toISOString(),
  };
  state.put('account', account.id, account);
  environment.log(`account ${account.id} created${contact.length > 0 ? ` for ${contact.join(', ')}` : ''}`);
  return shown(base, account, 201);
}

/** An account's own address: shows it, changes its contacts, ends it. */
export async function account({ environment, base, rest, signed }: Call): Promise<Reply> {
  const { state } = environment;
  const { payload, account: own } = signed!;
  if (!/^\d+$/.test(rest[0] ?? '')) throw malformed(`Account ID must be an integer, was "${rest[0] ?? ''}"`);
  if (String(own!.id) !== rest[0]) throw unauthorized('Request signing key did not match account key');
  if (!payload) return shown(base, own!, 200);
  let changed = own!;
  if (payload.status !== undefined) {
    if (payload.status !== 'deactivated')
      throw malformed('Unable to update account :: invalid value provided for status field');
    changed = { ...changed, status: 'deactivated', contact: [] };
    environment.log(`account ${changed.id} deactivated`);
  } else if (payload.contact !== undefined) {
    const contact = await within('Unable to update account', () => checkContacts(payload.contact));
    changed = { ...changed, contact };
  }
  state.put('account', changed.id, changed);
  return shown(base, changed, 200);
}

/** https://datatracker.ietf.org/doc/html/rfc8555#section-7.3.5 */
export async function keyChange({ environment, base, signed }: Call): Promise<Reply> {
  const { state } = environment;
  const { payload, header, account: own } = signed!;
  const inner = await within('Unable to validate JWS', () => verifyKeyChange(payload, header.url));
  const wanted = inner.payload as { account?: string; oldKey?: Record<string, string> } | undefined;
  if (!wanted) throw malformed('Unable to validate JWS :: Inner JWS payload did not parse as JSON key rollover object');
  const old = own!.key as unknown as Record<string, string>;
  const isOld = Object.keys(old).every((member) => wanted.oldKey?.[member] === old[member]);
  if (!isOld)
    throw malformed('Unable to validate JWS :: Inner JWS does not contain old key field matching current account key');
  if (wanted.account !== header.kid)
    throw malformed(
      `Inner key rollover request specified Account "${wanted.account ?? ''}", but outer JWS has Key ID "${header.kid}"`,
    );
  if (inner.thumbprint === own!.thumbprint)
    throw malformed('New key specified by rollover request is the same as the old key');
  const other = accountWith(state.all('account'), inner.thumbprint);
  if (other)
    throw new AcmeProblem('conflict', 'New key is already in use for a different account', {
      location: urlOf(base, 'acct', other.id),
    });
  const changed = { ...own!, key: inner.key, thumbprint: inner.thumbprint };
  state.put('account', changed.id, changed);
  environment.log(`account ${changed.id} has a new key`);
  return shown(base, changed, 200);
}

const accountWith = (accounts: Account[], thumbprint: string): Account | undefined =>
  accounts.find((one) => one.thumbprint === thumbprint);

function shown(base: string, { id, key, contact, status, createdAt }: Account, code: number): Reply {
  return {
    status: code,
    headers: {
      location: urlOf(base, 'acct', id),
      'boulder-requester': String(id),
      link: [`<${base}/terms>;rel="terms-of-service"`],
    },
    json: { key, ...(contact.length > 0 && { contact }), createdAt, status },
  };
}
