import 'reflect-metadata';
import { createPrivateKey } from 'node:crypto';
import { X509Certificate } from '@peculiar/x509';
import type { KubeObject, Loose } from '../../../kubernetes/object.ts';

const shown = ['issuers', 'certificates', 'certificaterequests', 'orders', 'challenges', 'secrets', 'events'] as const;

/** Asks kubectl, in the namespace of the scenario. */
export type Kubectl = (words: string[], input?: string) => Promise<string>;

const day = /\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z| \+0000 UTC)/g;

/** What stays the same from one run to the next: names made up by the server, times and hashes are left out. */
const plain = (text: string): string =>
  text
    .replace(day, 'TIME')
    .replace(/\b([a-z][a-z0-9-]*)-[a-z0-9]{5}(?=")/g, '$1-XXXXX')
    .replace(/\b([a-z][a-z-]*-\d)-\d{6,10}\b/g, '$1-HASH');

const seconds = (from: string, to: string): number => (Date.parse(to) - Date.parse(from)) / 1000;

function conditions(object: KubeObject): string[] {
  const all: Loose[] = object.status?.conditions ?? [];
  return all
    .map(({ type, status, reason, message, observedGeneration }) => {
      const generation = observedGeneration === undefined ? '' : ` (${observedGeneration})`;
      return `  ${type}=${status} ${reason}${generation}: ${plain(message ?? '')}`;
    })
    .sort();
}

function statusOf({ kind, status = {} }: KubeObject): string[] {
  if (kind === 'Certificate') {
    const { notBefore, notAfter, renewalTime, revision, failedIssuanceAttempts, lastFailureTime } = status;
    return [
      ...(revision ? [`  revision ${revision}`] : []),
      ...(notAfter ? [`  for ${seconds(notBefore, notAfter)} s`] : []),
      ...(renewalTime ? [`  renewed ${seconds(renewalTime, notAfter)} s before its end`] : []),
      ...(failedIssuanceAttempts ? [`  failed ${failedIssuanceAttempts}, at ${lastFailureTime ? 'TIME' : '-'}`] : []),
      ...(status.nextPrivateKeySecretName ? ['  has a next private key'] : []),
    ];
  }
  if (kind === 'CertificateRequest')
    return [
      ...(status.certificate ? chainOf(status.certificate, 'certificate') : []),
      ...(status.ca ? chainOf(status.ca, 'ca') : []),
      ...(status.failureTime ? ['  failed at TIME'] : []),
    ];
  if (status.acme) return [`  acme ${Object.keys(status.acme).sort().join(' ')}`];
  return [];
}

/** What certificates say, one a line. */
function chainOf(base64: string, name: string): string[] {
  const pem = Buffer.from(base64, 'base64').toString('utf8');
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g);
  if (!blocks) return [`  ${name}: no certificate`];
  return blocks.map((block) => {
    const certificate = new X509Certificate(block);
    const { subject, issuer, publicKey, signatureAlgorithm, serialNumber } = certificate;
    const algorithm = (one: Loose): string =>
      [one.name, one.namedCurve, one.modulusLength, one.hash?.name].filter(Boolean).join('/');
    const extensions = certificate.extensions.map((extension) => {
      const same = ['2.5.29.14', '2.5.29.35'].includes(extension.type);
      const value = same ? '…' : Buffer.from(extension.value).toString('hex');
      return `${extension.type}${extension.critical ? '!' : ''}=${value}`;
    });
    return `  ${name}: [${subject}] by [${issuer}] ${algorithm(publicKey.algorithm)} signed ${algorithm(signatureAlgorithm)} serial of ${serialNumber.length > 36 ? 'twenty' : 'few'} bytes ${extensions.join(' ')}`;
  });
}

function secretOf(secret: KubeObject): string[] {
  const { labels = {}, annotations = {} } = secret.metadata;
  const data: Record<string, string> = secret.data ?? {};
  const pairs = (all: Record<string, string>) =>
    Object.keys(all)
      .sort()
      .map((name) => `${name}=${all[name]}`);
  return [
    `  ${secret.type}`,
    ...pairs(labels).map((pair) => `  label ${pair}`),
    ...pairs(annotations)
      .filter((pair) => !pair.startsWith('kubectl.'))
      .map((pair) => `  annotation ${pair}`),
    ...Object.keys(data)
      .sort()
      .flatMap((name) => {
        if (/crt$/.test(name)) return chainOf(data[name] ?? '', name);
        const text = Buffer.from(data[name] ?? '', 'base64').toString('utf8');
        const label = /-----BEGIN ([A-Z ]+)-----/.exec(text)?.[1] ?? 'bytes';
        try {
          const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(text);
          const { namedCurve = '', modulusLength = '' } = asymmetricKeyDetails ?? {};
          return [`  ${name}: ${label} ${asymmetricKeyType} ${namedCurve}${modulusLength}`];
        } catch {
          return [`  ${name}: ${label}`];
        }
      }),
  ];
}

function specOf({ kind, spec, metadata }: KubeObject): string[] {
  const owner = metadata.ownerReferences?.map((one) => `${one.kind} ${one.name}`).join();
  const annotations = Object.entries(metadata.annotations ?? {})
    .filter(([name]) => !name.startsWith('kubectl.'))
    .map(([name, value]) => `  annotation ${name}=${plain(`${value}"`).slice(0, -1)}`)
    .sort();
  const rest = { ...spec };
  delete rest.request;
  return [
    ...(owner ? [`  of ${plain(`${owner}"`).slice(0, -1)}`] : []),
    ...annotations,
    ...(kind === 'Issuer' ? [] : [`  spec ${JSON.stringify(sorted(rest))}`]),
  ];
}

function sorted(value: Loose): Loose {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.keys(value)
      .sort()
      .map((name) => [name, sorted(value[name])]),
  );
}

/** The recording's controller has no loop for Venafi. */
const unrecorded = 'cert-manager-certificaterequests-issuer-venafi';
/** The real one meets its own write when its cache is late: sometimes. */
const byChance = /^Failed to create CertificateRequest: .* already exists$/;

/** What is new or other than before, and what is gone. */
export function changes(before: string, now: string): string {
  const parts = (text: string): string[] => text.split(/\n(?! )/).filter(Boolean);
  const head = (part: string): string => part.split('\n')[0] ?? '';
  const [old, next] = [parts(before), parts(now)];
  const gone = old.filter((part) => !next.some((other) => head(other) === head(part)));
  return [...next.filter((part) => !old.includes(part)), ...gone.map((part) => `gone: ${head(part)}`)]
    .map((part) => `${part}\n`)
    .join('');
}

/** What cert-manager has made of a namespace. */
export async function facts(kubectl: Kubectl): Promise<string> {
  const { items } = JSON.parse(await kubectl(['get', shown.join(), '-o', 'json'])) as { items: KubeObject[] };
  const lines: string[] = [];
  const events = new Set<string>();
  for (const item of items) {
    const { kind } = item;
    const name = plain(`${item.metadata.name}"`).slice(0, -1);
    if (kind === 'Event') {
      const { involvedObject: about, type, reason, message, source } = item;
      if (!/^cert-manager-/.test(source?.component ?? '') || source.component === unrecorded || byChance.test(message))
        continue;
      events.add(
        `${about.kind} ${plain(`${about.name}"`).slice(0, -1)}: ${type} ${reason} ${plain(message)} (${source.component})`,
      );
      continue;
    }
    const body = kind === 'Secret' ? secretOf(item) : [...specOf(item), ...conditions(item), ...statusOf(item)];
    lines.push([`${kind} ${name}`, ...body].join('\n'));
  }
  return `${[...lines.sort(), ...[...events].sort()].join('\n')}\n`;
}

/** Does what a step says. Answers with what is to be compared. */
export async function act(kubectl: Kubectl, command: string, input: string): Promise<string | undefined> {
  const [verb = '', ...words] = command.split(' ');
  if (verb === 'facts') return undefined;
  if (verb === 'apply') return kubectl(['apply', '-f', '-'], input);
  if (verb === 'create') return kubectl(['create', '-f', '-'], input);
  const [kind = '', name = '', ...rest] = words;
  if (verb === 'deny') {
    const condition = { type: 'Denied', status: 'True', reason: 'Policy', message: 'not in this house' };
    const patch = JSON.stringify({ status: { conditions: [condition] } });
    return kubectl(['patch', 'certificaterequest', kind, '--subresource=status', '--type=merge', '-p', patch]);
  }
  if (verb === 'patch') return kubectl(['patch', kind, name, '--type=merge', '-p', rest.join(' ')]);
  return kubectl([verb, ...words]);
}
