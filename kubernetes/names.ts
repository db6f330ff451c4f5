/**
 * What names, keys and values may be. Each function answers the faults as the real server words them; none is an empty list.
 * https://kubernetes.io/docs/concepts/overview/working-with-objects/names/
 */
const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const subdomain = `${label}(\\.${label})*`;
const label1035 = '[a-z]([-a-z0-9]*[a-z0-9])?';
const wildcard = `\\*\\.${subdomain}`;
const key = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const environment = '[-._a-zA-Z][-._a-zA-Z0-9]*';
const configKey = '[-._a-zA-Z0-9]+';

const expressions = new Map(
  [label, subdomain, label1035, wildcard, key, `(${key})?`, environment, configKey, '[0-9]+%', '[-A-Za-z0-9]+'].map(
    (source) => [source, new RegExp(`^${source}$`)],
  ),
);
const matches = (value: string, source: string): boolean => expressions.get(source)!.test(value);

/** `SENTENCE (e.g. 'a',  or 'b', regex used for validation is '…')` */
function regexMessage(sentence: string, source: string, ...examples: string[]): string {
  const shown = examples.map((example) => `'${example}', `).join(' or ');
  return `${sentence} (${shown ? `e.g. ${shown}` : ''}regex used for validation is '${source}')`;
}

const tooLong = (length: number): string => `must be no more than ${length} bytes`;
const tooManyCharacters = (length: number): string => `must be no more than ${length} characters`;
const empty = 'must be non-empty';
export const outside = (low: number | string, high: number | string): string =>
  `must be between ${low} and ${high}, inclusive`;

const bytes = (value: string): number => Buffer.byteLength(value);

const labelMessage =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const subdomainMessage =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";

export function dns1123Label(value: string): string[] {
  const faults = bytes(value) > 63 ? [tooManyCharacters(63)] : [];
  if (!matches(value, label)) {
    faults.push(
      matches(value, subdomain) ? 'must not contain dots' : regexMessage(labelMessage, label, 'my-name', '123-abc'),
    );
  }
  return faults;
}

export function dns1123Subdomain(value: string): string[] {
  const faults = bytes(value) > 253 ? [tooLong(253)] : [];
  if (!matches(value, subdomain)) faults.push(regexMessage(subdomainMessage, subdomain, 'example.com'));
  return faults;
}

export function dns1035Label(value: string): string[] {
  const faults = bytes(value) > 63 ? [tooManyCharacters(63)] : [];
  if (!matches(value, label1035)) {
    const sentence =
      "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
    faults.push(regexMessage(sentence, label1035, 'my-name', 'abc-123'));
  }
  return faults;
}

/** `*.example.com` */
export function wildcardSubdomain(value: string): string[] {
  const faults = bytes(value) > 253 ? [tooManyCharacters(253)] : [];
  if (!matches(value, wildcard)) {
    const sentence =
      "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
    faults.push(regexMessage(sentence, wildcard, '*.example.com'));
  }
  return faults;
}

/** A key of labels, annotations, taints: an optional subdomain, `/`, a name. */
export function qualifiedName(value: string): string[] {
  const sentence =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
  const rule = regexMessage(sentence, key, 'MyName', 'my.name', '123-abc');
  const parts = value.split('/');
  if (parts.length > 2)
    return [`a valid label key ${rule} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`];
  const faults: string[] = [];
  const name = parts.at(-1)!;
  if (parts.length === 2) {
    const prefix = parts[0]!;
    if (prefix === '') faults.push(`prefix part ${empty}`);
    else faults.push(...dns1123Subdomain(prefix).map((fault) => `prefix part ${fault}`));
  }
  if (name === '') faults.push(`name part ${empty}`);
  else if (bytes(name) > 63) faults.push(`name part ${tooLong(63)}`);
  if (!matches(name, key)) faults.push(`name part ${rule}`);
  return faults;
}

export function labelValue(value: string): string[] {
  const faults = bytes(value) > 63 ? [tooLong(63)] : [];
  if (!matches(value, `(${key})?`)) {
    const sentence =
      "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
    faults.push(regexMessage(sentence, `(${key})?`, 'MyValue', 'my_value', '12345'));
  }
  return faults;
}

/** The relaxed rule, which is the default since 1.34: any printable ASCII but `=`. */
export function environmentName(value: string): string[] {
  if (value === '') return [`environment variable name ${empty}`];
  if (/^[\x20-\x3c\x3e-\x7e]+$/.test(value)) return [];
  return ["a valid environment variable name must consist only of printable ASCII characters other than '='"];
}

/** A key of a ConfigMap or a Secret. */
export function configMapKey(value: string): string[] {
  const faults = bytes(value) > 253 ? [tooManyCharacters(253)] : [];
  if (!matches(value, configKey)) {
    const sentence = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
    faults.push(regexMessage(sentence, configKey, 'key.name', 'KEY_NAME', 'key-name'));
  }
  return faults.concat(dotPrefix(value));
}

function dotPrefix(value: string): string[] {
  if (value === '.' || value === '..') return [`must not be '${value}'`];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}

export function portNumber(value: number): string[] {
  return value >= 1 && value <= 65535 ? [] : [outside(1, 65535)];
}

export function portName(value: string): string[] {
  const faults = value.length > 15 ? [tooManyCharacters(15)] : [];
  if (!/^[-a-z0-9]+$/.test(value))
    faults.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  if (!/[a-z]/.test(value)) faults.push('must contain at least one letter (a-z)');
  if (value.includes('--')) faults.push('must not contain consecutive hyphens');
  if (/^-|-$/.test(value)) faults.push('must not begin or end with a hyphen');
  return faults;
}

/** `25%` */
export function percent(value: string): string[] {
  if (matches(value, '[0-9]+%')) return [];
  const sentence = "a valid percent string must be a numeric string followed by an ending '%'";
  return [regexMessage(sentence, '[0-9]+%', '1%', '93%')];
}

export function httpHeaderName(value: string): string[] {
  if (matches(value, '[-A-Za-z0-9]+')) return [];
  return [
    regexMessage(
      "a valid HTTP header must consist of alphanumeric characters or '-'",
      '[-A-Za-z0-9]+',
      'X-Header-Name',
    ),
  ];
}

/** What may be a segment of a path, and so the name of a role or a binding. */
export function pathSegment(value: string): string[] {
  if (value === '.' || value === '..') return [`may not be '${value}'`];
  return ['/', '%'].filter((illegal) => value.includes(illegal)).map((illegal) => `may not contain '${illegal}'`);
}
