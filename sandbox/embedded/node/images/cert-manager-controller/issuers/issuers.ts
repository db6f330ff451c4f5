import type { Gvr, Loose } from '../../../../../../kubernetes/object.ts';
import { about } from '../log.ts';
import type { Manager } from '../manager.ts';
import { dataOf, issuers, quote, split } from '../objects.ts';
import { readCertificates } from '../pki/certificate.ts';
import { decodeKey } from '../pki/keys.ts';
import { typeOf } from '../requests/issuer-loop.ts';
import type { SetUp } from './set-up.ts';

const keyPair = 'Error getting keypair for CA issuer: ';

/** Looks whether a CA issuer's Secret holds an authority. */
export function createAuthoritySetUp(manager: Manager): SetUp {
  return async (issuer, recorder, log) => {
    const { secretName } = issuer.spec.ca;
    const namespace = manager.namespaceFor(issuer);
    const where = `secret '${namespace}/${secretName}'`;
    const refuse = (source: string, what: string, error: string): Loose => {
      log.named('setup').error(source, error, what);
      const message = keyPair + error;
      void recorder.event(issuer, 'Warning', 'ErrGetKeyPair', message);
      return {
        conditions: manager.withCondition(issuer, 'Ready', 'False', 'ErrGetKeyPair', message),
        error,
      };
    };
    const secret = manager.secret(namespace, secretName);
    const noCertificate = 'error getting signing CA TLS certificate';
    if (!secret) return refuse('setup.go:50', noCertificate, `secrets ${quote(secretName)} not found`);
    let isAuthority: boolean;
    try {
      const pem = dataOf(secret, 'tls.crt');
      if (!pem) return refuse('setup.go:50', noCertificate, `no data for "tls.crt" in ${where}`);
      isAuthority = readCertificates(pem)[0]?.fast.ca ?? false;
    } catch (error) {
      return refuse('setup.go:50', noCertificate, (error as Error).message);
    }
    const noKey = 'error getting signing CA private key';
    try {
      const bytes = dataOf(secret, 'tls.key');
      if (!bytes) return refuse('setup.go:59', noKey, `no data for "tls.key" in ${where}`);
      decodeKey(bytes);
    } catch (error) {
      return refuse('setup.go:59', noKey, (error as Error).message);
    }
    if (!isAuthority) {
      const message = `${keyPair}certificate is not a CA`;
      log.named('setup').error('setup.go:69', undefined, 'signing certificate is not a CA');
      void recorder.event(issuer, 'Warning', 'ErrInvalidKeyPair', message);
      return { conditions: manager.withCondition(issuer, 'Ready', 'False', 'ErrInvalidKeyPair', message) };
    }
    void recorder.event(issuer, 'Normal', 'KeyPairVerified', 'Signing CA verified');
    return { conditions: manager.withCondition(issuer, 'Ready', 'True', 'KeyPairVerified', 'Signing CA verified') };
  };
}

/** There is nothing to look at. */
export function createSelfSignedSetUp(manager: Manager): SetUp {
  return async (issuer) => ({ conditions: manager.withCondition(issuer, 'Ready', 'True', 'IsReady', '') });
}

/** Issuers that the real program knows and nobody plays here. */
export function createUnplayedSetUp(manager: Manager): SetUp {
  return async (issuer, recorder) => {
    const message = `simulated by Atelier: issuers of type ${typeOf(issuer)} are not played; use selfSigned, ca or acme`;
    void recorder.event(issuer, 'Warning', 'NotSimulated', message);
    return { conditions: manager.withCondition(issuer, 'Ready', 'False', 'NotSimulated', message) };
  };
}

/** The loop over Issuers or ClusterIssuers. */
export function createIssuers(manager: Manager, resource: Gvr, setUps: Record<string, SetUp>) {
  const recorder = manager.recorder(resource.resource);
  return async (key: string): Promise<void> => {
    const [namespace, name] = split(key);
    const issuer = manager.informer(resource).get(name, namespace);
    if (!issuer || issuer.metadata.deletionTimestamp) return;
    const log = manager.log.with(about(issuer));
    const type = typeOf(issuer) ?? '';
    const setUp = setUps[type];
    if (!setUp) throw new Error(`no issuer specified for Issuer '${namespace}/${name}'`);
    const { error, ...changes } = await setUp(issuer, recorder, log);
    await manager.writeStatus(resource, issuer, { ...issuer.status, ...changes });
    if (error === undefined) return;
    const message = `Error initializing issuer: ${error}`;
    if (resource === issuers) log.info('sync.go:61', message, {}, 1);
    else log.error('sync.go:62', error, 'error setting up issuer');
    void recorder.event(issuer, 'Warning', 'ErrInitIssuer', message);
    throw new Error(error);
  };
}
