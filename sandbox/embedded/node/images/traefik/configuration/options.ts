import { readFileSync } from 'node:fs';
import { parse, YAMLParseError } from 'yaml';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import type { ContainerProcess } from '../../image.ts';

/** Says what is wrong with the configuration as Traefik does. */
export class OptionError extends Error {}

interface Known {
  children: Map<string, Known>;
  /** As `traefik --help` tells it; undefined for what only has children. */
  fallback: string | undefined;
}

let known: Known | undefined;

/** Every option of Traefik 3.6 and its default. */
function options(): Known {
  if (known) return known;
  const flags = JSON.parse(readFileSync(new URL('flags.json', import.meta.url), 'utf8')) as Record<string, string>;
  const root: Known = { children: new Map(), fallback: undefined };
  for (const [name, fallback] of Object.entries(flags)) {
    let node = root;
    for (const part of partsOf(name)) {
      let child = node.children.get(part);
      if (!child) {
        child = { children: new Map(), fallback: undefined };
        node.children.set(part, child);
      }
      node = child;
    }
    node.fallback = fallback;
  }
  known = root;
  return root;
}

/** `domains[0].main` is `domains`, `[n]`, `main`. */
function partsOf(name: string): string[] {
  return name.replaceAll(/\[(?:\d+|n)\]/g, '.[n]').split('.');
}

const durations = /(?:timeout|duration|time|interval)$/;

/** What the options were set to: by flags, by the environment, or by a file, never mixed. */
export class Options {
  readonly #values = new Map<string, string>();
  /** Names as they were given, of what a user names: `entrypoints` → web, websecure. */
  readonly #names = new Map<string, Set<string>>();

  /** Takes one value. Throws {@link OptionError} where there is no such option, or the value does not fit. */
  set(name: string, value: string): void {
    let node = options();
    let path = '';
    for (const part of partsOf(name)) {
      const plain = part.toLowerCase();
      const child = node.children.get(plain) ?? node.children.get('<name>');
      if (!child) throw new OptionError(`field not found, node: ${part}`);
      if (!node.children.has(plain)) {
        const names = this.#names.get(path) ?? new Set();
        this.#names.set(path, names.add(part));
      }
      path += `${path && '.'}${node.children.has(plain) ? plain : part}`;
      node = child;
    }
    const { fallback } = node;
    const leaf = node.children.size === 0;
    if (
      leaf &&
      (fallback === 'true' || fallback === 'false') &&
      !/^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value)
    )
      throw new OptionError(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
    if (leaf && /^\d+$/.test(fallback ?? '') && !/^-?\d+$/.test(value)) {
      if (!durations.test(path))
        throw new OptionError(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
      if (milliseconds(value) === undefined) throw new OptionError(`time: invalid duration ${JSON.stringify(value)}`);
    }
    const before = this.#values.get(path);
    this.#values.set(path, before !== undefined && leaf && fallback === '' ? `${before},${value}` : value);
  }

  /** Whether the option, or one below it, was set (to anything but false). */
  has(name: string): boolean {
    const own = this.#values.get(name);
    if (own !== undefined) return own !== 'false';
    for (const path of this.#values.keys()) if (path.startsWith(`${name}.`) || path.startsWith(`${name}[`)) return true;
    return false;
  }

  text(name: string): string {
    const value = this.#values.get(name);
    if (value !== undefined) return value;
    let node: Known | undefined = options();
    for (const part of partsOf(name)) node = node?.children.get(part) ?? node?.children.get('<name>');
    return node?.fallback ?? '';
  }

  flag(name: string): boolean {
    return /^(?:1|t|true)$/i.test(this.text(name));
  }

  list(name: string): string[] {
    return this.text(name)
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean);
  }

  /** Milliseconds. */
  duration(name: string): number {
    return milliseconds(this.text(name)) ?? 0;
  }

  names(name: string): string[] {
    return [...(this.#names.get(name) ?? [])];
  }
}

/** `10` is seconds, `1m30s` what it says; undefined for nonsense. */
export function milliseconds(text: string): number | undefined {
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  if (!/^(?:\d+(?:\.\d+)?(?:ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  const unit: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
  let sum = 0;
  for (const [, number, name] of text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g))
    sum += Number(number) * unit[name!]!;
  return sum;
}

/**
 * The first of file, flags and environment that says anything counts alone.
 * https://doc.traefik.io/traefik/getting-started/configuration-overview/
 */
export function loadOptions(process: ContainerProcess, args: string[]): Options {
  const given = parseFlags(args);
  const file = findFile(process, given.find(([name]) => name.toLowerCase() === 'configfile')?.[1]);
  const loaded = new Options();
  if (file !== undefined) {
    for (const [name, value] of flatten(readYaml(file), '')) loaded.set(name, value);
    return loaded;
  }
  if (given.length > 0) return within('flags', loaded, given);
  const variables = Object.entries(process.env).flatMap(([name, value]): [string, string][] => {
    const path = /^TRAEFIK_(.+)$/
      .exec(name)?.[1]
      ?.toLowerCase()
      .replaceAll(/_(\d+)(?=_|$)/g, '[$1]')
      .replaceAll('_', '.');
    // A variable of something else that only begins alike says nothing.
    return path && options().children.has(path.split('.')[0]!) ? [[path, value]] : [];
  });
  return within('environment variables', loaded, variables);
}

function within(source: string, loaded: Options, pairs: [string, string][]): Options {
  try {
    for (const [name, value] of pairs) loaded.set(name, value);
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    throw new OptionError(`failed to decode configuration from ${source}: ${error.message}`);
  }
  return loaded;
}

function parseFlags(args: string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < args.length; index += 1) {
    const match = /^--?([^=]*)(?:=(.*))?$/s.exec(args[index]!);
    if (!match) continue;
    const [, name = '', value] = match;
    if (name === '' || name.startsWith('-'))
      throw new OptionError(`failed to decode configuration from flags: bad flag syntax: ${args[index]}`);
    if (value !== undefined) {
      pairs.push([name, value]);
      continue;
    }
    const next = args[index + 1];
    if (next !== undefined && !next.startsWith('-')) {
      pairs.push([name, next]);
      index += 1;
    } else pairs.push([name, 'true']);
  }
  return pairs;
}

function findFile(process: ContainerProcess, named: string | undefined): string | undefined {
  const home = process.env.HOME;
  const bases = ['/etc/traefik/traefik', ...(home ? [`${home}/.config/traefik`] : []), './traefik'];
  for (const path of [...(named ? [named] : []), ...bases.flatMap((base) => [`${base}.yaml`, `${base}.yml`])]) {
    try {
      return Buffer.from(process.fs.read(path)).toString();
    } catch {
      // The next may be there.
    }
  }
  return undefined;
}

function readYaml(text: string): Loose {
  try {
    return parse(text) ?? {};
  } catch (error) {
    if (!(error instanceof YAMLParseError)) throw error;
    throw new OptionError(`yaml: line ${error.linePos?.[0].line ?? 1}: did not find expected node content`);
  }
}

function* flatten(value: Loose, path: string): Generator<[string, string]> {
  if (Array.isArray(value)) {
    if (value.every((one) => typeof one !== 'object')) yield [path, value.join(',')];
    else for (const [index, one] of value.entries()) yield* flatten(one, `${path}[${index}]`);
  } else if (value && typeof value === 'object') {
    const entries = Object.entries(value);
    if (entries.length === 0 && path) yield [path, 'true'];
    for (const [name, one] of entries) yield* flatten(one, `${path}${path && '.'}${name}`);
  } else yield [path, value === null ? 'true' : String(value)];
}
