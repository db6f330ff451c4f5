import { dns1035Label, dns1123Label, dns1123Subdomain, labelValue, qualifiedName } from '../../kubernetes/names.ts';
import {
  compareQuantities,
  formatQuantity,
  parseQuantity,
  type Quantity,
  quantityValue,
} from '../../kubernetes/quantity.ts';
import type { Library } from './signatures.ts';
import { EvaluationError, Opaque, Optional, timestampOf } from './values.ts';

class Amount extends Opaque {
  readonly typeName = 'kubernetes.Quantity';
  readonly value: Quantity;
  constructor(value: Quantity) {
    super();
    this.value = value;
  }
  same(other: Amount): boolean {
    return compareQuantities(this.value, other.value) === 0;
  }
  override toString(): string {
    return formatQuantity(this.value);
  }
}

class Address extends Opaque {
  readonly typeName = 'kubernetes.URL';
  readonly value: URL;
  constructor(value: URL) {
    super();
    this.value = value;
  }
  same(other: Address): boolean {
    return other.value.href === this.value.href;
  }
}

class Version extends Opaque {
  readonly typeName = 'kubernetes.Semver';
  readonly numbers: bigint[];
  readonly pre: string[];
  constructor(numbers: bigint[], pre: string[]) {
    super();
    this.numbers = numbers;
    this.pre = pre;
  }
  same(other: Version): boolean {
    return this.compare(other) === 0;
  }
  compare(other: Version): number {
    for (const [index, one] of this.numbers.entries()) {
      const two = other.numbers[index] ?? 0n;
      if (one !== two) return one < two ? -1 : 1;
    }
    if (this.pre.length === 0 || other.pre.length === 0) return Math.sign(other.pre.length - this.pre.length);
    for (let index = 0; index < Math.max(this.pre.length, other.pre.length); index++) {
      const [one, two] = [this.pre[index], other.pre[index]];
      if (one === undefined || two === undefined) return one === undefined ? -1 : 1;
      if (one === two) continue;
      const [first, second] = [/^\d+$/.test(one), /^\d+$/.test(two)];
      if (first && second) return BigInt(one) < BigInt(two) ? -1 : 1;
      if (first !== second) return first ? -1 : 1;
      return one < two ? -1 : 1;
    }
    return 0;
  }
}

class Format extends Opaque {
  readonly typeName = 'kubernetes.NamedFormat';
  readonly name: string;
  readonly validate: (text: string) => string[];
  constructor(name: string, validate: (text: string) => string[]) {
    super();
    this.name = name;
    this.validate = validate;
  }
  same(other: Format): boolean {
    return other.name === this.name;
  }
}

function amount(text: unknown): Amount {
  try {
    return new Amount(parseQuantity(text as string));
  } catch (error) {
    throw new EvaluationError((error as Error).message);
  }
}

function url(text: unknown): Address {
  const value = text as string;
  const rooted = value.startsWith('/');
  const fault = `URL parse error during conversion from string: parse ${JSON.stringify(value)}: invalid URI for request`;
  if (!rooted && !/^[a-zA-Z][a-zA-Z0-9+.-]*:/.test(value)) throw new EvaluationError(fault);
  if (!URL.canParse(value, rooted ? 'relative://x' : undefined)) throw new EvaluationError(fault);
  return new Address(new URL(value, rooted ? 'relative://x' : undefined));
}

const part = (value: unknown): URL => (value as Address).value;
const isRelative = (value: unknown): boolean => part(value).protocol === 'relative:';

function semver(text: unknown, normalise: unknown): Version {
  let value = text as string;
  if (normalise === true) {
    value = value.trim().replace(/^v/, '');
    const [core = '', rest = ''] = /^([^+-]*)(.*)$/.exec(value)?.slice(1) ?? [];
    const numbers = core.split('.').map((one) => one.replace(/^0+(?=\d)/, ''));
    while (numbers.length < 3) numbers.push('0');
    value = `${numbers.join('.')}${rest}`;
  }
  const found =
    /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+[0-9A-Za-z-.]+)?$/.exec(
      value,
    );
  if (!found) throw new EvaluationError(semverFault(value));
  return new Version(found.slice(1, 4).map(BigInt), found[4]?.split('.') ?? []);
}

function semverFault(text: string): string {
  if (text === '') return 'Version string empty';
  if (text.split('.').length < 3) return 'No Major.Minor.Patch elements found';
  return `Invalid character(s) found in version ${JSON.stringify(text)}`;
}

const holds = (run: () => unknown): boolean => {
  try {
    run();
    return true;
  } catch {
    return false;
  }
};

const prefixed =
  (check: (text: string) => string[]) =>
  (text: string): string[] =>
    check(text.endsWith('-') ? `${text.slice(0, -1)}a` : text);
const matching =
  (holdsFor: (text: string) => boolean, message: string) =>
  (text: string): string[] =>
    holdsFor(text) ? [] : [message];

const formats: Record<string, Format> = Object.fromEntries(
  Object.entries({
    dns1123Label,
    dns1123Subdomain,
    dns1035Label,
    qualifiedName,
    dns1123LabelPrefix: prefixed(dns1123Label),
    dns1123SubdomainPrefix: prefixed(dns1123Subdomain),
    dns1035LabelPrefix: prefixed(dns1035Label),
    labelValue,
    uri: matching((text) => holds(() => url(text)), 'does not match any of the supported URI formats'),
    uuid: matching(
      (text) => /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i.test(text),
      'does not match the UUID format',
    ),
    byte: matching((text) => /^[A-Za-z0-9+/]*={0,2}$/.test(text), 'invalid base64'),
    date: matching((text) => /^\d{4}-\d\d-\d\d$/.test(text) && holds(() => timestampOf(text)), 'invalid date'),
    datetime: matching((text) => text.includes('T') && holds(() => timestampOf(text)), 'invalid datetime'),
  }).map(([name, validate]) => [name, new Format(name, validate)]),
);

const versions = (args: unknown[]): number => (args[0] as Version).compare(args[1] as Version);
const amounts = (args: unknown[]): number => compareQuantities((args[0] as Amount).value, (args[1] as Amount).value);
const giga = 1_000_000_000n;
const nanoOf = (value: unknown): bigint => (typeof value === 'bigint' ? value * giga : (value as Amount).value.nano);
const sum = ([one, other]: unknown[], sign: bigint): Amount =>
  new Amount({ ...(one as Amount).value, nano: nanoOf(one) + sign * nanoOf(other) });

/** https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-quantity-library, url, format and semver libraries */
export const kubernetesValues: Library = {
  'quantity(string) Quantity': ([text]) => amount(text),
  'isQuantity(string) bool': ([text]) => holds(() => amount(text)),
  'Quantity.sign() int': ([a]) => (nanoOf(a) > 0n ? 1n : nanoOf(a) < 0n ? -1n : 0n),
  'Quantity.isInteger() bool': ([a]) => nanoOf(a) % giga === 0n,
  'Quantity.asInteger() int': ([a]) => {
    if (nanoOf(a) % giga !== 0n) throw new EvaluationError('cannot convert value to integer');
    return nanoOf(a) / giga;
  },
  'Quantity.asApproximateFloat() double': ([a]) => quantityValue((a as Amount).value),
  'Quantity.add(Quantity) Quantity': (args) => sum(args, 1n),
  'Quantity.add(int) Quantity': (args) => sum(args, 1n),
  'Quantity.sub(Quantity) Quantity': (args) => sum(args, -1n),
  'Quantity.sub(int) Quantity': (args) => sum(args, -1n),
  'Quantity.isLessThan(Quantity) bool': (args) => amounts(args) < 0,
  'Quantity.isGreaterThan(Quantity) bool': (args) => amounts(args) > 0,
  'Quantity.compareTo(Quantity) int': (args) => BigInt(Math.sign(amounts(args))),

  'url(string) URL': ([text]) => url(text),
  'isURL(string) bool': ([text]) => holds(() => url(text)),
  'URL.getScheme() string': ([a]) => (isRelative(a) ? '' : part(a).protocol.slice(0, -1)),
  'URL.getHost() string': ([a]) => (isRelative(a) ? '' : part(a).host),
  'URL.getHostname() string': ([a]) => (isRelative(a) ? '' : part(a).hostname.replace(/^\[|\]$/g, '')),
  'URL.getPort() string': ([a]) => part(a).port,
  'URL.getEscapedPath() string': ([a]) => part(a).pathname,
  'URL.getQuery() map(string, list(string))': ([a]) => {
    const query: Record<string, string[]> = {};
    for (const [name, value] of part(a).searchParams) query[name] = [...(query[name] ?? []), value];
    return query;
  },

  'format:named(string) optional(Format)': ([name]) => new Optional(formats[name as string]),
  ...Object.fromEntries(Object.keys(formats).map((name) => [`format:${name}() Format`, () => formats[name]])),
  'Format.validate(string) optional(list(string))': ([format, text]) => {
    const faults = (format as Format).validate(text as string);
    return new Optional(faults.length > 0 ? faults : undefined);
  },

  'semver(string) Semver': ([text]) => semver(text, false),
  'semver(string, bool) Semver': ([text, normalise]) => semver(text, normalise),
  'isSemver(string) bool': ([text]) => holds(() => semver(text, false)),
  'isSemver(string, bool) bool': ([text, normalise]) => holds(() => semver(text, normalise)),
  'Semver.isLessThan(Semver) bool': (args) => versions(args) < 0,
  'Semver.isGreaterThan(Semver) bool': (args) => versions(args) > 0,
  'Semver.compareTo(Semver) int': (args) => BigInt(versions(args)),
  'Semver.major() int': ([a]) => (a as Version).numbers[0],
  'Semver.minor() int': ([a]) => (a as Version).numbers[1],
  'Semver.patch() int': ([a]) => (a as Version).numbers[2],
};
