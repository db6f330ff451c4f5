import { createPublicKey } from 'node:crypto';
import type { KubeObject } from '../../../../../../kubernetes/object.ts';
import { tellTime } from '../durations.ts';
import type { Manager } from '../manager.ts';
import { dataOf, issuerMatches, key, quote, unbase64 } from '../objects.ts';
import { readCertificate } from '../pki/certificate.ts';
import { decodeKey, keyViolations } from '../pki/keys.ts';
import { nameViolations, requestViolations, tellList } from '../pki/matching.ts';
import { readRequest } from '../pki/request.ts';
import { leftUntil, renewalTime } from './renewal.ts';

/** What a Certificate is judged by. */
export interface Input {
  certificate: KubeObject;
  secret: KubeObject | undefined;
  /** The request of the revision in the status, and that of the next. */
  current: KubeObject | undefined;
  next: KubeObject | undefined;
}

/** Why a Certificate is not as it should be. */
export interface Violation {
  reason: string;
  message: string;
}

type Policy = (input: Input & { secret: KubeObject }) => Violation | undefined;

const say = (reason: string, message: string): Violation => ({ reason, message });

/** Runs what may throw, and tells how it failed. */
function attempt<T>(make: () => T, failed: (why: string) => Violation): { value: T } | Violation {
  try {
    return { value: make() };
  } catch (error) {
    return failed((error as Error).message);
  }
}

const missingData: Policy = ({ secret }) => {
  const start = 'Issuing certificate as Secret does not contain';
  if (!secret.data) return say('MissingData', `${start} any data`);
  if (!secret.data['tls.key']) return say('MissingData', `${start} a private key`);
  if (!secret.data['tls.crt']) return say('MissingData', `${start} a certificate`);
  return undefined;
};

const privateKeyOf = (secret: KubeObject) =>
  attempt(
    () => decodeKey(dataOf(secret, 'tls.key') ?? ''),
    (why) => say('InvalidKeyPair', `Issuing certificate as Secret contains invalid private key data: ${why}`),
  );

const certificateOf = (secret: KubeObject) =>
  attempt(
    () => readCertificate(dataOf(secret, 'tls.crt') ?? ''),
    (why) => say('InvalidCertificate', `Issuing certificate as Secret contains an invalid certificate: ${why}`),
  );

const publicKeysDiffer: Policy = ({ secret }) => {
  const privateKey = privateKeyOf(secret);
  if (!('value' in privateKey)) return privateKey;
  const certificate = certificateOf(secret);
  if (!('value' in certificate)) return certificate;
  if (certificate.value.fast.publicKey.equals(createPublicKey(privateKey.value))) return undefined;
  return say(
    'InvalidKeyPair',
    'Issuing certificate as Secret contains a private key that does not match the certificate',
  );
};

const wrongIssuer: Policy = ({ secret, certificate }) => {
  if (issuerMatches(secret, certificate.spec.issuerRef)) return undefined;
  const has = secret.metadata.annotations ?? {};
  const by = `${has[key.issuerKind] || 'Issuer'}.${has[key.issuerGroup] || 'cert-manager.io'}/${has[key.issuerName] ?? ''}`;
  return say('IncorrectIssuer', `Issuing certificate as Secret was previously issued by ${quote(by)}`);
};

const wrongCertificate: Policy = ({ secret, certificate }) => {
  const name = secret.metadata.annotations?.[key.name];
  if (name === undefined || name === certificate.metadata.name) return undefined;
  return say(
    'IncorrectCertificate',
    `Secret was issued for ${quote(name)}. If this message is not transient, you might have two conflicting Certificates pointing to the same secret.`,
  );
};

const keyMismatch: Policy = ({ secret, certificate }) => {
  const privateKey = privateKeyOf(secret);
  if (!('value' in privateKey)) return privateKey;
  const violations = keyViolations(privateKey.value, certificate.spec);
  if (violations.length === 0) return undefined;
  return say('SecretMismatch', `Existing private key is not up to date for spec: ${tellList(violations)}`);
};

const keyOfOtherRequest: Policy = ({ secret, current }) => {
  if (!current) return undefined;
  const privateKey = privateKeyOf(secret);
  if (!('value' in privateKey)) return privateKey;
  const request = attempt(
    () => readRequest(unbase64(current.spec.request ?? '')),
    (why) => say('InvalidCertificateRequest', `Failed to decode current CertificateRequest: ${why}`),
  );
  if (!('value' in request)) return request;
  if (request.value.publicKey.equals(createPublicKey(privateKey.value))) return undefined;
  return say('SecretMismatch', 'Secret contains a private key that does not match the current CertificateRequest');
};

const requestMismatch: Policy = ({ secret, certificate, current }) => {
  if (current) {
    const violations = attempt(
      () => requestViolations(current, certificate.spec),
      () => say('', ''),
    );
    if (!('value' in violations) || violations.value.length === 0) return undefined;
    return say(
      'RequestChanged',
      `Fields on existing CertificateRequest resource not up to date: ${tellList(violations.value)}`,
    );
  }
  const issued = certificateOf(secret);
  if (!('value' in issued)) return issued;
  const violations = nameViolations(issued.value, certificate.spec);
  if (violations.length === 0) return undefined;
  return say(
    'SecretMismatch',
    `Issuing certificate as Existing issued Secret is not up to date for spec: ${tellList(violations)}`,
  );
};

const nearingExpiry =
  (manager: Manager): Policy =>
  ({ secret, certificate }) => {
    const issued = certificateOf(secret);
    if (!('value' in issued)) return issued;
    const due = renewalTime(issued.value, certificate.spec);
    if (due === undefined || leftUntil(manager, secret, due) > 0) return undefined;
    return say(
      'Renewing',
      `Renewing certificate as renewal was scheduled at ${tellTime(certificate.status?.renewalTime)}`,
    );
  };

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

// Clients go by the real time, so this does, too: a skip makes no certificate bad.
const expired =
  (manager: Manager): Policy =>
  ({ secret }) => {
    const issued = certificateOf(secret);
    if (!('value' in issued)) return issued;
    const { notAfter } = issued.value;
    if (manager.clock.now() <= notAfter) return undefined;
    const told = notAfter
      .toUTCString()
      .replace(/^\w+/, days[notAfter.getUTCDay()] ?? '')
      .replace('GMT', 'UTC');
    return say('Expired', `Certificate expired on ${told}`);
  };

const common: Policy[] = [
  missingData,
  publicKeysDiffer,
  wrongIssuer,
  wrongCertificate,
  keyMismatch,
  keyOfOtherRequest,
  requestMismatch,
];

function judge(policies: Policy[], input: Input): Violation | undefined {
  const { secret } = input;
  if (!secret) return say('DoesNotExist', 'Issuing certificate as Secret does not exist');
  for (const policy of policies) {
    const violation = policy({ ...input, secret });
    if (violation) return violation;
  }
  return undefined;
}

/** Why the certificate must be issued anew. */
export const whyIssue = (manager: Manager, input: Input): Violation | undefined =>
  judge([...common, nearingExpiry(manager)], input);

/** Why the certificate is not ready. */
export const whyNotReady = (manager: Manager, input: Input): Violation | undefined =>
  judge([...common, expired(manager)], input);

/** Whether what the Secret holds is no pair of key and certificate at all. */
export const isNoPair = (secret: KubeObject | undefined, certificate: KubeObject): boolean =>
  judge([missingData, publicKeysDiffer], { certificate, secret, current: undefined, next: undefined }) !== undefined;
