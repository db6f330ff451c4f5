import { X509Certificate } from '@peculiar/x509';
import { type Call, type Environment, isOver, type Reply, urlOf } from './environment.ts';
import { renewalId, thumbprintOf } from './issuance.ts';
import { AcmeProblem, malformed, notFound, unauthorized, within } from './problem.ts';
import type { IssuedCertificate } from './state.ts';

/** What a holder may give as a reason: https://datatracker.ietf.org/doc/html/rfc5280#section-5.3.1 */
const REASONS = [0, 1, 3, 4, 5];
const KEY_COMPROMISE = 1;
const HOUR = 3_600_000;

/** A certificate and its chain, or the longer one up to the root. https://datatracker.ietf.org/doc/html/rfc8555#section-7.4.2 */
export async function certificate({ environment, base, rest, signed }: Call): Promise<Reply> {
  const [serial = '', chain = '0'] = rest;
  const found = environment.state.get('certificate', serial);
  if (!/^\d+$/.test(chain)) throw malformed('Chain ID must be a non-negative integer');
  if (!found || rest.length > 2) throw notFound('Certificate not found');
  if (signed && signed.account?.id !== found.account)
    throw unauthorized('Account in use did not issue specified certificate');
  const { cert, root } = environment.issuer;
  const chains = [found.pem + cert, found.pem + cert + root];
  const pem = chains[Number(chain)];
  if (!pem) throw notFound('Unknown issuance chain');
  const others = chains.map((_, index) => index).filter((index) => index !== Number(chain));
  return {
    status: 200,
    headers: { link: others.map((index) => `<${urlOf(base, 'cert', serial, index)}>;rel="alternate"`) },
    pem,
  };
}

/** https://datatracker.ietf.org/doc/html/rfc8555#section-7.6 */
export async function revoke({ environment, signed }: Call): Promise<Reply> {
  return within('Unable to revoke', async () => {
    const { state, clock } = environment;
    const { payload = {}, account, thumbprint } = signed!;
    const given = parse(payload.certificate);
    const found = state.get('certificate', given.serialNumber);
    if (!found || Buffer.compare(Buffer.from(new X509Certificate(found.pem).rawData), Buffer.from(given.rawData)) !== 0)
      throw notFound('Certificate from unrecognized issuer');
    if (clock.now() > new Date(found.notAfter)) throw unauthorized('Certificate is expired');
    const reason = payload.reason === undefined ? 0 : Number(payload.reason);
    if (!REASONS.includes(reason)) {
      throw new AcmeProblem(
        'badRevocationReason',
        `disallowed revocation reason: ${reason} must be one of ${REASONS.join(', ')}`,
      );
    }
    const byKey = !account;
    if (byKey && (await thumbprintOf(given)) !== thumbprint)
      throw unauthorized('JWK embedded in revocation request must be the same public key as the cert to be revoked');
    if (account && account.id !== found.account && !controls(environment, account.id, found.names))
      throw unauthorized(`requester does not control all identifiers in cert with serial "${found.serial}"`);
    if (found.revokedAt && !(byKey && found.reason !== KEY_COMPROMISE)) {
      throw new AcmeProblem('alreadyRevoked', `certificate with serial "${found.serial}" is already revoked`);
    }
    state.put('certificate', found.serial, {
      ...found,
      revokedAt: clock.now().toISOString(),
      // Whoever has the key and says so has shown that others may have it.
      reason: byKey ? KEY_COMPROMISE : reason,
    });
    environment.log(`certificate ${found.serial} revoked`);
    return { status: 200 };
  });
}

function parse(encoded: unknown): X509Certificate {
  if (typeof encoded !== 'string') throw malformed('Unable to JSON parse revoke request');
  try {
    return new X509Certificate(Buffer.from(encoded, 'base64url'));
  } catch {
    throw malformed('Unable to parse certificate DER');
  }
}

/** Whether an account has shown, not long ago, that each of the names is its own. */
function controls({ state, clock }: Environment, account: number, names: string[]): boolean {
  const own = state
    .all('authorization')
    .filter((one) => one.account === account && one.status === 'valid' && !isOver(clock, one));
  return names.every((name) => own.some((one) => one.name === name));
}

/** When to renew. https://datatracker.ietf.org/doc/html/rfc9773 */
export async function renewalInfo({ environment, rest }: Call): Promise<Reply> {
  if (rest.length === 0) throw notFound('Must specify a request path');
  const found = byRenewalId(environment, rest[0]!);
  if (!found) throw notFound('Requested certificate was not found');
  const [from, to] = [Date.parse(found.notBefore), Date.parse(found.notAfter)];
  const second = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;
  const past = environment.clock.now().getTime() - 3 * HOUR;
  const center = from + ((to - from) * 2) / 3;
  const half = (to - from) / 100;
  const window = found.revokedAt ? [past, past + 2 * HOUR] : [center - half, center + half];
  return {
    status: 200,
    headers: { 'retry-after': '21600' },
    json: { suggestedWindow: { start: second(window[0]!), end: second(window[1]!) } },
  };
}

function byRenewalId({ state }: Environment, id: string): IssuedCertificate | undefined {
  const parts = id.split('.');
  if (parts.length !== 2) throw malformed('While parsing ARI CertID an error occurred :: Invalid path');
  const written = Buffer.from(parts[1]!, 'base64url').toString('hex');
  const found = state.get('certificate', written) ?? state.get('certificate', written.replace(/^00/, ''));
  return found && renewalId(new X509Certificate(found.pem)) === id ? found : undefined;
}

/** The certificate an order says it takes the place of. Throws where it may not. */
export function replaced(
  environment: Environment,
  account: number,
  names: string[],
  id: string,
): IssuedCertificate | undefined {
  const found = byRenewalId(environment, id);
  if (!found) throw notFound('path contained an Authority Key Identifier that did not match a known issuer');
  if (found.account !== account)
    throw unauthorized('requester account did not request the certificate being replaced by this order');
  if (!found.names.some((name) => names.includes(name)))
    throw malformed('identifiers in this order do not match any identifiers in the certificate being replaced');
  if (found.replacedBy)
    throw new AcmeProblem(
      'alreadyReplaced',
      `cannot indicate an order replaces certificate with serial "${found.serial}", which already has a replacement order`,
    );
  return found;
}
