import { createHash, type KeyObject } from 'node:crypto';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { ApiError } from '../../../../client/client.ts';
import type { Recorder } from '../../../../client/recorder.ts';
import type { Accounts } from '../acme/accounts.ts';
import type { Account, AcmeClient } from '../acme/client.ts';
import { AcmeProblem, isFinal } from '../acme/problem.ts';
import type { Logger } from '../log.ts';
import { isNotFound, type Manager } from '../manager.ts';
import { base64, dataOf, isTrue, quote, secrets } from '../objects.ts';
import { decodeKey, encodeKey, generateKey, InvalidData } from '../pki/keys.ts';
import type { SetUp } from './set-up.ts';

const registration = 'Failed to register ACME account: ';
const verification = 'Failed to verify ACME account: ';
const registered = 'The ACME account was registered with the ACME server';

const retired: Record<string, string> = {
  'https://acme-v01.api.letsencrypt.org/directory': 'https://acme-v02.api.letsencrypt.org/directory',
  'https://acme-staging.api.letsencrypt.org/directory': 'https://acme-staging-v02.api.letsencrypt.org/directory',
};

/** Registers the account of an ACME issuer. https://cert-manager.io/docs/configuration/acme/ */
export function createAcmeSetUp(manager: Manager, accounts: Accounts): SetUp {
  /** Not ready, and why; with `again` it is tried later. */
  const refuse = (issuer: KubeObject, reason: string, message: string, again?: string): Loose => ({
    conditions: manager.withCondition(issuer, 'Ready', 'False', reason, message),
    ...(again !== undefined && { error: again }),
  });

  async function keyOf(issuer: KubeObject, log: Logger): Promise<{ key: KeyObject; made: boolean } | Loose> {
    const { privateKeySecretRef, disableAccountKeyGeneration } = issuer.spec.acme;
    const namespace = manager.namespaceFor(issuer);
    const { name } = privateKeySecretRef;
    const field = privateKeySecretRef.key || 'tls.key';
    const secret = manager.secret(namespace, name);
    if (!secret) {
      const missing = `secrets ${quote(name)} not found`;
      if (disableAccountKeyGeneration) {
        const message = `${verification}the ACME issuer config has 'disableAccountKeyGeneration' set to true, but the secret was not found: ${missing}`;
        return refuse(issuer, 'ErrVerifyACMEAccount', message, message);
      }
      log.info('setup.go:114', 'generating acme account private key', {}, 2);
      try {
        const key = await generateKey({ algorithm: 'RSA' });
        await manager.create(secrets, {
          apiVersion: 'v1',
          kind: 'Secret',
          metadata: { name, namespace, labels: { 'app.kubernetes.io/managed-by': 'cert-manager' } },
          data: { [field]: base64(encodeKey(key, 'PKCS1')) },
        });
        return { key, made: true };
      } catch (error) {
        const message = registration + (error as Error).message;
        return refuse(issuer, 'ErrRegisterACMEAccount', message, message);
      }
    }
    try {
      const bytes = dataOf(secret, field);
      if (!bytes) throw new InvalidData(`no data for ${quote(field)} in secret '${namespace}/${name}'`);
      const key = decodeKey(bytes);
      if (key.asymmetricKeyType === 'rsa') return { key, made: false };
      return refuse(issuer, 'ErrVerifyACMEAccount', `ACME private key in ${quote(name)} is not of type RSA`);
    } catch (error) {
      return refuse(issuer, 'ErrVerifyACMEAccount', `Account private key is invalid: ${(error as Error).message}`);
    }
  }

  /** The key that binds the account to a customer's; undefined when none is asked for. Throws when it is missing. */
  async function bindingOf(issuer: KubeObject): Promise<{ id: string; key: Buffer } | undefined> {
    const wanted = issuer.spec.acme.externalAccountBinding;
    if (!wanted) return undefined;
    const { name, key } = wanted.keySecretRef;
    const secret = await manager.client.get(secrets, name, manager.namespaceFor(issuer));
    const bytes = dataOf(secret, key);
    if (!bytes)
      throw new InvalidData(
        `failed to find external account binding key data in Secret ${quote(name)} at index ${quote(key)}`,
      );
    return { id: wanted.keyID, key: Buffer.from(bytes.toString('utf8'), 'base64url') };
  }

  /** The status after a refusal by the server; what was wrong with the request is not tried again. */
  function failed(issuer: KubeObject, reason: string, prefix: string, error: Error): Loose {
    const message = prefix + safe(error);
    return refuse(
      issuer,
      reason,
      message,
      isFinal(error) ? undefined : error instanceof AcmeProblem ? message : error.message,
    );
  }

  async function register(
    issuer: KubeObject,
    client: AcmeClient,
    recorder: Recorder,
    log: Logger,
  ): Promise<Account | Loose> {
    const { email } = issuer.spec.acme;
    const contact = email ? [`mailto:${email.toLowerCase()}`] : [];
    let account: Account;
    try {
      account = await client.register(contact, await bindingOf(issuer));
    } catch (error) {
      const missing = error instanceof InvalidData || isNotFound(error);
      if (missing) {
        const message = registration + (error as Error).message;
        log.error('setup.go:303', (error as Error).message, 'failed to verify ACME account');
        void recorder.event(issuer, 'Warning', 'ErrRegisterACMEAccount', message);
        return refuse(issuer, 'ErrRegisterACMEAccount', message);
      }
      log.error('setup.go:331', (error as Error).message, 'failed to register an ACME account');
      if (isFinal(error))
        log.error(
          'setup.go:345',
          error.message,
          'skipping retrying account registration as a BadRequest response was returned from the ACME server',
        );
      return failed(issuer, 'ErrRegisterACMEAccount', registration, error as Error);
    }
    if ((account.contact[0] ?? '').replace('mailto:', '') === (email ?? '').toLowerCase()) return account;
    try {
      return await client.updateContact(account, contact);
    } catch (error) {
      log.error('setup.go:373', (error as Error).message, 'failed to update ACME account');
      const prefix = 'Failed to update ACME account:';
      void recorder.event(issuer, 'Warning', 'ErrUpdateACMEAccount', prefix + safe(error as Error));
      return failed(issuer, 'ErrUpdateACMEAccount', prefix, error as Error);
    }
  }

  return async (issuer, recorder, log) => {
    const { server, email, solvers = [] } = issuer.spec.acme;
    const newer = retired[server.replace(/\/$/, '')];
    if (newer) {
      const message = `Your ACME server URL is set to a v1 endpoint (${server}). You should update the spec.acme.server field to ${quote(newer)}`;
      return refuse(issuer, 'InvalidConfig', message);
    }
    const found = await keyOf(issuer, log);
    if (!('key' in found)) return found;
    const status = issuer.status?.acme ?? {};
    const { uri: _, ...unregistered } = status;
    const warnings = await missingSecrets(manager, issuer, solvers);
    if (warnings.length > 0)
      return { ...refuse(issuer, 'InvalidSolver', warnings.join('; ')), ...(found.made && { acme: unregistered }) };
    const hash = createHash('sha256')
      .update((found.key as KeyObject).export({ type: 'pkcs1', format: 'der' }))
      .digest('base64');
    accounts.remove(issuer);
    const client = accounts.make(issuer, found.key);
    const ready = (acme: Loose): Loose => {
      accounts.set(issuer, client);
      return { acme, conditions: manager.withCondition(issuer, 'Ready', 'True', 'ACMEAccountRegistered', registered) };
    };
    const sameHost = isOf(server, status.uri);
    const known = sameHost && status.lastRegisteredEmail === email && status.lastPrivateKeyHash === hash;
    if (isTrue(issuer, 'Ready') && status.uri && known && !found.made) {
      log.info(
        'setup.go:257',
        'skipping re-verifying ACME account as cached registration details look sufficient',
        {},
        2,
      );
      return ready(status);
    }
    if (!sameHost)
      log.info(
        'setup.go:283',
        'ACME server URL host and ACME private key registration host differ. Re-checking ACME account registration',
        {},
        2,
      );
    const account = await register(issuer, client, recorder, log);
    // A refusal forgets the account of another server, or of a key that is gone.
    if (!('uri' in account)) return { ...account, acme: sameHost && !found.made ? status : unregistered };
    log.info('setup.go:411', 'verified existing registration with ACME server', {}, 2);
    return ready({
      uri: account.uri,
      ...(email && { lastRegisteredEmail: email }),
      lastPrivateKeyHash: hash,
    });
  };
}

/** Nothing but what an ACME server says goes into a status; the rest of the world's pages do not. */
function safe(error: Error): string {
  if (error instanceof AcmeProblem && !/^urn:(ietf:params:)?acme:error:/i.test(error.type))
    return `the ACME server returned an HTTP ${error.status} response which is not an RFC 8555 problem document; the response body has been omitted and can be found in the cert-manager logs`;
  return error.message.slice(0, 1024);
}

/** Whether an account is of this server: on its host, and below where its directory lies, as one host may be several servers. */
function isOf(server: string, account: string | undefined): boolean {
  if (!account || !URL.canParse(account) || !URL.canParse(server)) return false;
  const [one, other] = [new URL(server), new URL(account)];
  return one.host === other.host && other.pathname.startsWith(one.pathname.replace(/[^/]*$/, ''));
}

/** Secrets that solvers name and nobody made. */
async function missingSecrets(manager: Manager, issuer: KubeObject, solvers: Loose[]): Promise<string[]> {
  const warnings: string[] = [];
  for (const { name, key } of solvers.flatMap(({ dns01 }) => secretsOf(dns01))) {
    try {
      const secret = await manager.client.get(secrets, name, manager.namespaceFor(issuer));
      if (key && secret.data?.[key] === undefined)
        warnings.push(`the secret ${quote(name)} does not have key ${quote(key)}`);
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      warnings.push(`failed to get secret ${quote(name)}: ${error.message}`);
    }
  }
  return warnings;
}

/** The references to Secrets in a solver's settings. */
function secretsOf(value: Loose, field = ''): { name: string; key?: string }[] {
  if (typeof value !== 'object' || value === null || field === 'config') return [];
  if (/SecretRef$/.test(field) && value.name) return [value];
  return Object.entries(value).flatMap(([name, inner]) => secretsOf(inner, name));
}
