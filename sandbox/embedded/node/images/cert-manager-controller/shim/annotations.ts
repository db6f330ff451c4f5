import type { Loose } from '../../../../../../kubernetes/object.ts';
import { formatDuration, parseDuration } from '../durations.ts';
import { quote } from '../objects.ts';
import { isUsage } from '../pki/usages.ts';

const prefix = 'cert-manager.io/';

const subjectFields: Record<string, string> = {
  organizations: 'organizations',
  organizationalunits: 'organizationalUnits',
  countries: 'countries',
  provinces: 'provinces',
  localities: 'localities',
  postalcodes: 'postalCodes',
  streetaddresses: 'streetAddresses',
};

const sizes: Record<string, (size: number) => boolean> = {
  RSA: (size) => size >= 2048 && size <= 8192,
  ECDSA: (size) => [256, 384, 521].includes(size),
  Ed25519: () => true,
};

/** A whole number as Go's strconv reads it. Throws in its words. */
function numberOf(text: string, call: string): number {
  if (!/^[+-]?\d+$/.test(text)) throw new Error(`strconv.${call}: parsing ${quote(text)}: invalid syntax`);
  return Number(text);
}

/** Values between commas; those in quotes may hold commas. */
function csv(text: string): string[] {
  const values: string[] = [];
  for (const [, quoted, plain = ''] of text.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^",]*))/g))
    values.push(quoted === undefined ? plain : quoted.replaceAll('""', '"'));
  return values;
}

/** A Certificate's spec with what the annotations of its Ingress add. Throws in the real program's words. https://cert-manager.io/docs/reference/annotations/ */
export function specFromAnnotations(spec: Loose, annotations: Record<string, string>): Loose {
  const next: Loose = { ...spec };
  /** Reads an annotation that is there; an empty one is not where `filled` is. */
  function read(name: string, apply: (value: string) => void, filled = false): void {
    const value = annotations[prefix + name];
    if (value === undefined || (filled && !value)) return;
    try {
      apply(value);
    } catch (error) {
      throw new Error(`invalid ingress annotation ${quote(prefix + name)}: ${(error as Error).message}`);
    }
  }
  const keyField = (field: string, value: unknown): void => {
    next.privateKey = { ...next.privateKey, [field]: value };
  };
  const oneOf = (what: string, value: string, allowed: string[]): string => {
    if (!allowed.includes(value)) throw new Error(`invalid private key ${what} ${quote(value)}`);
    return value;
  };

  read('common-name', (value) => Object.assign(next, value && { commonName: value }));
  read(
    'alt-names',
    (value) => Object.assign(next, { dnsNames: [...(next.dnsNames ?? []), ...value.split(',')] }),
    true,
  );
  read(
    'ip-sans',
    (value) => Object.assign(next, { ipAddresses: [...(next.ipAddresses ?? []), ...value.split(',')] }),
    true,
  );
  read('email-sans', (value) => Object.assign(next, { emailAddresses: value.split(',') }));
  for (const [name, field] of Object.entries(subjectFields))
    read(`subject-${name}`, (value) => Object.assign(next, { subject: { ...next.subject, [field]: csv(value) } }));
  read('subject-serialnumber', (value) => Object.assign(next, { subject: { ...next.subject, serialNumber: value } }));
  read('duration', (value) => Object.assign(next, { duration: formatDuration(parseDuration(value)) }));
  read('renew-before', (value) => Object.assign(next, { renewBefore: formatDuration(parseDuration(value)) }));
  read('renew-before-percentage', (value) =>
    Object.assign(next, { renewBeforePercentage: numberOf(value, 'ParseInt') }),
  );
  read('usages', (value) => {
    next.usages = value.split(',').map((name) => {
      if (!isUsage(name.trim())) throw new Error(`invalid key usage name ${quote(name)}`);
      return name.trim();
    });
  });
  read('revision-history-limit', (value) => {
    const limit = numberOf(value, 'ParseInt');
    if (limit < 1) throw new Error(`revision history limit must be a positive number ${quote(value)}`);
    next.revisionHistoryLimit = limit;
  });
  read('private-key-algorithm', (value) => keyField('algorithm', oneOf('algorithm', value, Object.keys(sizes))));
  read('private-key-encoding', (value) => keyField('encoding', oneOf('encoding', value, ['PKCS1', 'PKCS8'])));
  read('private-key-size', (value) => {
    const size = numberOf(value, 'Atoi');
    const algorithm = next.privateKey?.algorithm || 'RSA';
    if (!sizes[algorithm]?.(size))
      throw new Error(`invalid private key size for ${algorithm} algorithm ${quote(value)}`);
    keyField('size', size);
  });
  read('private-key-rotation-policy', (value) =>
    keyField('rotationPolicy', oneOf('rotation policy', value, ['Never', 'Always'])),
  );
  read('secret-template', (value) => {
    let template: Loose;
    try {
      template = JSON.parse(value);
    } catch (error) {
      throw new Error(`error parsing secret template JSON: ${(error as Error).message}`);
    }
    for (const name of Object.keys(template.annotations ?? {}))
      if (name.startsWith(prefix))
        throw new Error(`secretTemplate must not have cert-manager.io/ annotations: ${quote(name)}`);
    next.secretTemplate = template;
  });
  return next;
}
