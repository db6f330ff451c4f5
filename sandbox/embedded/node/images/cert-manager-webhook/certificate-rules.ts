import { isIP } from 'node:net';
import { formatDuration } from '../../../../../kubernetes/duration.ts';
import { dns1123Subdomain, labelValue, qualifiedName } from '../../../../../kubernetes/names.ts';
import type { Loose } from '../../../../../kubernetes/object.ts';
import { cronFault, isTimeZone } from './cron-rules.ts';
import { duplicate, forbidden, invalid, notSupported, required, tooLong } from './field-errors.ts';
import { readDuration } from './go-duration.ts';

const HOUR = 3_600_000_000_000;
const MINUTE = HOUR / 60;
/** https://cert-manager.io/docs/usage/certificate/#reissuance-triggered-by-expiry-renewal */
const LIFETIME = 2160 * HOUR;

const shown = (nanoseconds: number): string => formatDuration(nanoseconds / 1e6);

const signatures: Record<string, string[]> = {
  RSA: ['SHA256WithRSA', 'SHA384WithRSA', 'SHA512WithRSA'],
  ECDSA: ['ECDSAWithSHA256', 'ECDSAWithSHA384', 'ECDSAWithSHA512'],
  Ed25519: ['PureEd25519'],
};

/** Where durations stand: what is none is a fault of the whole object, before any rule. */
export function readDurations(spec: Loose): void {
  for (const name of ['duration', 'renewBefore']) if (spec?.[name] !== undefined) readDuration(spec[name]);
}

/** What is wrong with a Certificate's spec. */
export function certificateFaults(spec: Loose): string[] {
  const path = 'spec';
  const faults: string[] = [];
  if (!spec.secretName) faults.push(required(`${path}.secretName`, 'must be specified'));
  else
    faults.push(
      ...dns1123Subdomain(spec.secretName).map((fault) => invalid(`${path}.secretName`, spec.secretName, fault)),
    );
  faults.push(...issuerRefFaults(spec.issuerRef, path));
  faults.push(...subjectFaults(spec, path));
  faults.push(...addressFaults(spec, path));
  faults.push(...keyFaults(spec, path));
  if (spec.duration !== undefined || spec.renewBefore !== undefined) faults.push(...durationFaults(spec, path));
  if (spec.revisionHistoryLimit !== undefined && spec.revisionHistoryLimit < 1)
    faults.push(invalid(`${path}.revisionHistoryLimit`, spec.revisionHistoryLimit, 'must not be less than 1'));
  faults.push(...templateFaults(spec.secretTemplate, `${path}.secretTemplate`));
  faults.push(...constraintFaults(spec, path));
  const formats = new Set<string>();
  for (const { type } of spec.additionalOutputFormats ?? []) {
    if (formats.has(type)) faults.push(duplicate(`${path}.additionalOutputFormats[type]`, type));
    formats.add(type);
  }
  for (const [kind, name] of [
    ['jks', 'JKS'],
    ['pkcs12', 'PKCS#12'],
  ] as const)
    faults.push(...keystoreFaults(spec.keystores?.[kind], `${path}.keystores.${kind}`, name));
  if (spec.renewal) faults.push(...renewalFaults(spec.renewal, `${path}.renewal`));
  return faults;
}

export function issuerRefFaults(ref: Loose, path: string): string[] {
  const faults: string[] = [];
  if (!ref?.name) faults.push(required(`${path}.issuerRef.name`, 'must be specified'));
  const { kind = '', group = '' } = ref ?? {};
  if ((group === '' || group === 'cert-manager.io') && !['', 'Issuer', 'ClusterIssuer'].includes(kind)) {
    const forgotten = group === '' ? ` (did you forget to set ${path}.issuerRef.kind.group?)` : '';
    faults.push(invalid(`${path}.issuerRef.kind`, kind, `must be one of Issuer or ClusterIssuer${forgotten}`));
  }
  return faults;
}

function subjectFaults(spec: Loose, path: string): string[] {
  const faults: string[] = [];
  let name: string = spec.commonName ?? '';
  if (spec.literalSubject) {
    if (name)
      faults.push(
        invalid(`${path}.commonName`, name, 'When providing a `LiteralSubject` no `commonName` may be provided.'),
      );
    if (Object.values(spec.subject ?? {}).some((value) => (value as { length: number }).length > 0))
      faults.push(
        invalid(
          `${path}.subject`,
          subjectAsGo(spec.subject),
          'When providing a `LiteralSubject` no `Subject` properties may be provided.',
        ),
      );
    name = /(?:^|,)\s*CN=([^,]*)/i.exec(spec.literalSubject)?.[1] ?? name;
  }
  const lists = ['dnsNames', 'uris', 'emailAddresses', 'ipAddresses', 'otherNames'];
  if (!name && lists.every((list) => !spec[list]?.length))
    faults.push(
      invalid(
        path,
        '',
        'at least one of commonName (from the commonName field or from a literalSubject), dnsNames, emailSANs, ipAddresses, otherNames, or uriSANs must be set',
      ),
    );
  if (Buffer.byteLength(name) > 64) faults.push(tooLong(`${path}.commonName`, 64));
  return faults;
}

/** As Go prints the struct: every field, in its order. */
function subjectAsGo(subject: Loose): Loose {
  const fields = 'Organizations Countries OrganizationalUnits Localities Provinces StreetAddresses PostalCodes'.split(
    ' ',
  );
  const named = fields.map((field) => [field, subject[`${field[0]!.toLowerCase()}${field.slice(1)}`] ?? null]);
  return { ...Object.fromEntries(named), SerialNumber: subject.serialNumber ?? '' };
}

function addressFaults(spec: Loose, path: string): string[] {
  const faults: string[] = [];
  for (const [at, address] of (spec.ipAddresses ?? []).entries())
    if (!isIP(address)) faults.push(invalid(`${path}.ipAddresses[${at}]`, address, 'invalid IP address'));
  for (const [at, address] of (spec.emailAddresses ?? []).entries()) {
    const why = mailFault(address);
    if (why) faults.push(invalid(`${path}.emailAddresses[${at}]`, address, `invalid email address: ${why}`));
  }
  for (const [at, { oid = '', utf8Value = '' }] of (spec.otherNames ?? []).entries()) {
    const own = `${path}.otherNames[${at}]`;
    if (!oid) faults.push(required(`${own}.oid`, 'must be specified'));
    if (!/^\d+(\.\d+)+$/.test(oid)) faults.push(invalid(`${own}.oid`, oid, 'invalid oid syntax'));
    if (!utf8Value) faults.push(required(`${own}.utf8Value`, 'must be set to a valid non-empty UTF8 string'));
  }
  return faults;
}

/** https://pkg.go.dev/net/mail#ParseAddress */
function mailFault(address: string): string | undefined {
  if (/^[^\s<>@,;:"]+@[^\s<>@,;:"]+$/.test(address)) return undefined;
  if (/<[^<>@]+@[^<>@]+>\s*$/.test(address))
    return 'make sure the supplied value only contains the email address itself';
  if (address === '') return 'mail: no address';
  return "mail: missing '@' or angle-addr";
}

function keyFaults(spec: Loose, path: string): string[] {
  const faults: string[] = [];
  const { algorithm = 'RSA', size = 0 } = spec.privateKey ?? {};
  if (algorithm === 'RSA' && size > 0 && (size < 2048 || size > 8192))
    faults.push(invalid(`${path}.privateKey.size`, size, 'must be between 2048 and 8192 for rsa keyAlgorithm'));
  if (algorithm === 'ECDSA' && size > 0 && ![256, 384, 521].includes(size))
    faults.push(notSupported(`${path}.privateKey.size`, size, ['256', '384', '521']));
  const allowed = signatures[algorithm];
  if (spec.signatureAlgorithm && allowed && !allowed.includes(spec.signatureAlgorithm))
    faults.push(
      invalid(
        `${path}.signatureAlgorithm`,
        spec.signatureAlgorithm,
        `for key algorithm ${algorithm} the allowed signature algorithms are [${allowed.join(' ')}]`,
      ),
    );
  return faults;
}

function durationFaults(spec: Loose, path: string): string[] {
  const faults: string[] = [];
  const duration = spec.duration === undefined ? LIFETIME : readDuration(spec.duration);
  const before = spec.renewBefore === undefined ? undefined : readDuration(spec.renewBefore);
  const percentage: number | undefined = spec.renewBeforePercentage;
  const at = `${path}.renewBefore`;
  if (duration < HOUR)
    faults.push(invalid(`${path}.duration`, duration, `certificate duration must be greater than ${shown(HOUR)}`));
  if (before !== undefined && percentage !== undefined) {
    const why = 'renewBefore and renewBeforePercentage are mutually exclusive and cannot both be set';
    faults.push(invalid(at, before, why), invalid(`${at}Percentage`, percentage, why));
  }
  if (before !== undefined && before < 5 * MINUTE)
    faults.push(invalid(at, before, `certificate renewBefore must be greater than ${shown(5 * MINUTE)}`));
  if (before !== undefined && before >= duration)
    faults.push(
      invalid(at, before, `certificate duration ${shown(duration)} must be greater than renewBefore ${shown(before)}`),
    );
  if (percentage !== undefined) {
    const rest = (duration * (100 - percentage)) / 100;
    const wanted = 'certificate renewBeforePercentage must result in a renewBefore';
    if (rest < 5 * MINUTE)
      faults.push(invalid(`${at}Percentage`, percentage, `${wanted} greater than ${shown(5 * MINUTE)}`));
    if (rest >= duration) faults.push(invalid(`${at}Percentage`, percentage, `${wanted} less than duration`));
  }
  return faults;
}

function templateFaults(template: Loose, path: string): string[] {
  const faults: string[] = [];
  for (const [key, value] of Object.entries<string>(template?.labels ?? {})) {
    faults.push(...qualifiedName(key).map((fault) => invalid(`${path}.labels`, key, fault)));
    faults.push(...labelValue(value).map((fault) => invalid(`${path}.labels`, value, fault)));
  }
  const annotations = Object.keys(template?.annotations ?? {});
  for (const key of annotations)
    if (key.startsWith('cert-manager.io/') && key !== 'cert-manager.io/allow-direct-injection')
      faults.push(invalid(`${path}.annotations`, key, 'cert-manager.io/* annotations are not allowed'));
  for (const key of annotations)
    faults.push(...qualifiedName(key.toLowerCase()).map((fault) => invalid(`${path}.annotations`, key, fault)));
  return faults;
}

function constraintFaults({ nameConstraints, isCA = false }: Loose, path: string): string[] {
  if (!nameConstraints) return [];
  const { critical = false, permitted, excluded } = nameConstraints;
  const side = (names: Loose): Loose =>
    names
      ? {
          DNSDomains: names.dnsDomains ?? null,
          IPRanges: names.ipRanges ?? null,
          EmailAddresses: names.emailAddresses ?? null,
          URIDomains: names.uriDomains ?? null,
        }
      : null;
  const value = { Critical: critical, Permitted: side(permitted), Excluded: side(excluded) };
  const at = `${path}.nameConstraints`;
  return [
    ...(isCA ? [] : [invalid(at, value, 'isCa should be true when nameConstraints is set')]),
    ...(permitted || excluded ? [] : [invalid(at, value, 'either permitted or excluded must be set')]),
  ];
}

function keystoreFaults(store: Loose, path: string, name: string): string[] {
  if (!store) return [];
  const faults: string[] = [];
  const { password, passwordSecretRef } = store;
  if (password !== undefined && passwordSecretRef?.name)
    faults.push(
      forbidden(
        path,
        `exactly one of passwordSecretRef and password must be provided for ${name} keystores; cannot set both`,
      ),
    );
  if (password === undefined && !passwordSecretRef?.name)
    faults.push(forbidden(path, `must set exactly one of passwordSecretRef and password must for ${name} keystores`));
  if (password === '')
    faults.push(forbidden(`${path}.password`, `literal password cannot be empty if set on ${name} keystores`));
  return faults;
}

function renewalFaults({ policy = '', windows = [] }: Loose, path: string): string[] {
  if (policy === 'Disabled')
    return windows.length > 0
      ? [forbidden(`${path}.windows`, 'windows cannot be set when `renewal.policy` is set to Disabled')]
      : [];
  const faults = policy === 'RenewBefore' ? [] : [notSupported(`${path}.policy`, policy, ['Disabled', 'RenewBefore'])];
  for (const [at, { cron, timezone }] of windows.entries()) {
    const own = `${path}.windows[${at}]`;
    if (timezone && !isTimeZone(timezone))
      faults.push(invalid(`${own}.timezone`, timezone, 'invalid value for timezone. timezone must be IANA compliant'));
    const why = cronFault(cron, timezone);
    if (why)
      faults.push(
        invalid(
          `${own}.cron`,
          cron,
          `invalid cron syntax: ${why}. cron needs to follow: cron.Minute | cron.Hour | cron.Dom | cron.Month | cron.Dow`,
        ),
      );
  }
  return faults;
}
