import { flagTable } from './flag-table.ts';

type Kind =
  | 'Bool'
  | 'String'
  | 'Strings'
  | 'Int'
  | 'Int64'
  | 'Duration'
  | 'Enum'
  | 'Enums'
  | 'Regexp'
  | 'StringMap'
  | '-';

interface Flag {
  name: string;
  kind: Kind;
  field: string;
  /** As the configuration is printed. */
  text: string;
  allowed: string[];
}

/** What was asked for, by the names of flags. */
export interface Flags {
  text(name: string): string;
  is(name: string): boolean;
  /** Without empty ones. */
  list(name: string): string[];
  /** Milliseconds. */
  duration(name: string): number;
  /** As the real program logs it: `{APIServerURL: KubeConfig: …}`. */
  toString(): string;
}

const secret =
  /^(?:AWSAssumeRoleExternalID|PDNSAPIKey|TXTEncryptAESKey|ExoscaleAPIKey|ExoscaleAPISecret|RFC2136KerberosPassword|RFC2136TSIGSecret|GoDaddyAPIKey|GoDaddySecretKey|PiholePassword)$/;

function table(): Flag[] {
  return flagTable
    .trim()
    .split('\n')
    .map((line) => {
      const [name = '', kinds = '', field = '', ...text] = line.split(' ');
      const [kind = '', allowed] = kinds.split(':');
      return { name, kind: kind as Kind, field, text: text.join(' '), allowed: allowed?.split(',') ?? [] };
    });
}

/** Reads words as kingpin does, which the real program uses. Throws its error. https://github.com/alecthomas/kingpin */
export function parseFlags(words: string[], env: Record<string, string>): Flags {
  const known = table();
  const given = new Map<string, string[]>();
  const byName = new Map(known.map((flag) => [flag.name, flag]));
  const put = (flag: Flag, value: string) => {
    const values = given.get(flag.name);
    const many = flag.kind === 'Strings' || flag.kind === 'Enums' || flag.kind === 'StringMap';
    if (values && !many) throw new Error(`flag '${flag.name}' cannot be repeated`);
    given.set(flag.name, [...(values ?? []), checked(flag, value)]);
  };
  for (let at = 0; at < words.length; at += 1) {
    const word = words[at]!;
    if (!word.startsWith('-') || word === '-') throw new Error(`unexpected ${word}`);
    if (!word.startsWith('--')) throw new Error(`unknown short flag '${word.slice(0, 2)}'`);
    const [, name = '', , value] = /^--([^=]*)(=([\s\S]*))?$/.exec(word) ?? [];
    const negated = name.startsWith('no-') ? byName.get(name.slice(3)) : undefined;
    const flag = byName.get(name) ?? (negated?.kind === 'Bool' ? negated : undefined);
    if (!flag || flag.name === '-') throw new Error(`unknown long flag '--${name}'`);
    if (flag.kind === 'Bool') {
      put(flag, flag.name === name ? 'true' : 'false');
      if (value !== undefined) throw new Error(`unexpected ${value}`);
      continue;
    }
    if (value !== undefined) put(flag, value);
    else {
      at += 1;
      if (at >= words.length || /^-./.test(words[at]!)) throw new Error(`expected argument for flag '--${name}'`);
      put(flag, words[at]!);
    }
  }
  for (const flag of known) {
    const value = env[`EXTERNAL_DNS_${flag.name.toUpperCase().replaceAll('-', '_')}`];
    if (value === undefined || given.has(flag.name)) continue;
    for (const line of flag.kind === 'Strings' || flag.kind === 'Enums' ? value.split('\n') : [value])
      put(flag, flag.kind === 'Bool' ? String(/^(?:1|t|true)$/i.test(line)) : line);
  }
  const missing = ['source', 'provider'].filter((name) => !given.has(name)).map((name) => `'--${name}'`);
  if (missing.length > 0) throw new Error(`required flag(s) ${missing.join(', ')} not provided`);

  const plain = (text: string): string[] => text.replace(/^(?:map)?\[|\]$/g, '').split(' ');
  const valuesOf = (name: string): string[] => given.get(name) ?? plain(byName.get(name)?.text ?? '');
  return {
    text: (name) => given.get(name)?.[0] ?? byName.get(name)?.text ?? '',
    is: (name) => (given.get(name)?.[0] ?? byName.get(name)?.text) === 'true',
    list: (name) => valuesOf(name).filter(Boolean),
    duration: (name) => milliseconds(given.get(name)?.[0] ?? byName.get(name)?.text ?? '0s', longUnits),
    toString() {
      const fields = known.map((flag) => `${flag.field}:${shown(flag, given.get(flag.name))}`);
      return `{${fields.join(' ')}}`;
    },
  };
}

function shown(flag: Flag, values: string[] | undefined): string {
  if (!values) return flag.text;
  if (flag.kind === 'Duration') return durationText(milliseconds(values[0]!, longUnits));
  if (flag.kind === 'Strings' || flag.kind === 'Enums') return `[${values.join(' ')}]`;
  if (flag.kind === 'StringMap') return `map[${values.map((value) => value.replace('=', ':')).join(' ')}]`;
  return secret.test(flag.field) && values[0] ? '******' : values[0]!;
}

function checked(flag: Flag, value: string): string {
  if ((flag.kind === 'Enum' || flag.kind === 'Enums') && !flag.allowed.includes(value))
    throw new Error(`enum value must be one of ${flag.allowed.join(',')}, got '${value}'`);
  if (flag.kind === 'Duration') milliseconds(value, longUnits);
  if ((flag.kind === 'Int' || flag.kind === 'Int64') && !/^[+-]?\d+$/.test(value))
    throw new Error(`strconv.ParseFloat: parsing ${JSON.stringify(value)}: invalid syntax`);
  return value;
}

const units: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
/** What kingpin knows beside them. */
const longUnits = { ...units, d: 86_400_000, w: 604_800_000 };

/** A duration as Go reads it. Throws Go's error. https://pkg.go.dev/time#ParseDuration */
export function milliseconds(text: string, known: Record<string, number> = units): number {
  const sign = text.startsWith('-') ? -1 : 1;
  let rest = text.replace(/^[+-]/, '');
  if (rest === '0') return 0;
  if (rest === '') throw new Error(`time: invalid duration ${JSON.stringify(text)}`);
  let total = 0;
  while (rest) {
    const [all = '', number = '', unit = ''] = /^(\d*\.?\d*)([^\d.]*)/.exec(rest) ?? [];
    if (number === '' || number === '.') throw new Error(`time: invalid duration ${JSON.stringify(text)}`);
    if (unit === '') throw new Error(`time: missing unit in duration ${JSON.stringify(text)}`);
    const factor = known[unit];
    if (!factor) throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${JSON.stringify(text)}`);
    total += Number(number) * factor;
    rest = rest.slice(all.length);
  }
  return sign * total;
}

/** As Go prints it: `1m0s`. */
function durationText(value: number): string {
  if (value === 0) return '0s';
  if (Math.abs(value) < 1000) return `${value}ms`;
  const seconds = Math.abs(value) / 1000;
  const [hours, minutes] = [Math.floor(seconds / 3600), Math.floor((seconds % 3600) / 60)];
  const rest = Number((seconds % 60).toFixed(3));
  return `${value < 0 ? '-' : ''}${hours > 0 ? `${hours}h` : ''}${seconds >= 60 ? `${minutes}m` : ''}${rest}s`;
}
