import { createRequire } from 'node:module';
import type { Loose } from '../../../../kubernetes/object.ts';

const require = createRequire(import.meta.url);

/** The parser is loaded with the first YAML body: most servers never see one before they are up. */
const yaml = (): typeof import('yaml') => require('yaml');

/** Throws an Error in the words of Go's parser, where they are known. Of keys that stand twice the last counts. */
export function readYaml(text: string, { uniqueKeys = true }: { uniqueKeys?: boolean } = {}): Loose {
  let value: Loose;
  try {
    value = yaml().parse(text, { maxAliasCount: -1, uniqueKeys });
  } catch (error) {
    const message = goWords(text, error as Error) ?? (error as Error).message.split('\n')[0] ?? '';
    const [, line] = /^Maximum call stack size exceeded(?: at line (\d+))?/.exec(message) ?? [];
    if (line === undefined) throw new Error(message);
    throw new Error(`${Number(line) > 1 ? `line ${line}: ` : ''}exceeded max depth of 10000`);
  }
  if (aliasesTooMuch(value)) throw new Error('document contains excessive aliasing');
  return value;
}

/** Keys that stand twice in one map, as Go's strict parser tells of them; undefined for none. `text` must be valid YAML. */
export function doubledKeys(text: string): string | undefined {
  const { errors } = yaml().parseDocument(text);
  const doubled = errors.filter(({ code }) => code === 'DUPLICATE_KEY').sort((one, other) => one.pos[0] - other.pos[0]);
  if (doubled.length === 0) return undefined;
  const told = doubled.map(({ pos: [start] }) => {
    const key = yaml().parse(/^(?:"(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^:\n]*)/.exec(text.slice(start))?.[0] ?? '');
    return `  line ${lineOf(text, start) + 1}: key ${JSON.stringify(key)} already set in map`;
  });
  return `unmarshal errors:\n${told.join('\n')}`;
}

/** Counted from 0. */
const lineOf = (text: string, position: number): number => text.slice(0, position).split('\n').length - 1;

/** Go counts lines from 0 where its parser finds the fault and from 1 where its scanner does, and says nothing of line 0. */
const atLine = (line: number, why: string): string => (line > 0 ? `line ${line}: ${why}` : why);

/** What our parser says, as Go's does (go.yaml.in/yaml, parserc.go and scannerc.go). */
function goWords(text: string, error: Error): string | undefined {
  const { code = '', pos: [start = 0] = [] } = error as { code?: string; pos?: number[] };
  const closing = /^Flow (?:sequence|map) .* end with a (.)/.exec(error.message)?.[1];
  if (closing) {
    const end = text.trimEnd();
    if (start < end.length - 1) return undefined;
    const last = lineOf(end, end.length) + 1;
    if (/[[{,]$/.test(end)) return atLine(last, 'did not find expected node content');
    return atLine(last, `did not find expected ',' or '${closing}'`);
  }
  if (code === 'BLOCK_AS_IMPLICIT_KEY') {
    const line = lineOf(text, start);
    if (text.split('\n')[line]?.trimStart().startsWith(':')) return atLine(line, 'did not find expected key');
    // The fault is at the second colon, which may stand on a later line than what our parser points at.
    const place = lineOf(text, start + Math.max(0, text.slice(start).search(/:(?=\s|$)/)));
    return atLine(place && place + 1, 'mapping values are not allowed in this context');
  }
  return undefined;
}

/**
 * Anchors must not blow a value up: what aliases add has a bound, which is lower the larger the whole is
 * (go.yaml.in/yaml, decode.go).
 */
function aliasesTooMuch(value: Loose): boolean {
  const sizes = new Map<object, number>();
  const sizeOf = (one: Loose): number => {
    if (typeof one !== 'object' || one === null) return 1;
    const known = sizes.get(one);
    if (known !== undefined) return known;
    let size = 1;
    own++;
    for (const inner of Object.values(one)) {
      if (typeof inner !== 'object' || inner === null) own++;
      size += sizeOf(inner);
    }
    sizes.set(one, size);
    return size;
  };
  let own = 0;
  const whole = sizeOf(value);
  const added = whole - own;
  if (added <= 100 || whole <= 1000) return false;
  const [low, high] = [400_000, 4_000_000];
  const allowed = whole <= low ? 0.99 : whole >= high ? 0.1 : 0.99 - (0.89 * (whole - low)) / (high - low);
  return added / whole > allowed;
}

/** As Go's writer does: keys sorted, nothing wrapped, and in quotes what YAML 1.1 would read as something else than text. */
export const writeYaml = (value: Loose): string =>
  yaml().stringify(value, {
    aliasDuplicateObjects: false,
    version: '1.1',
    indentSeq: false,
    lineWidth: 0,
    sortMapEntries: ({ key: one }, { key: other }) => compareKeys(textOf(one), textOf(other)),
    // The point alone, which managed fields have everywhere, is no number to Go.
    customTags: (tags) =>
      tags.map((tag) =>
        typeof tag === 'object' && 'test' in tag && tag.test?.test('.') ? { ...tag, test: decimal } : tag,
      ),
  });

const decimal = /^[-+]?(?:\d[\d_]*\.[\d_]*|\.\d[\d_]*)$/;

const textOf = (key: Loose): string => String(key?.value ?? key);

/** Numbers within keys count as numbers, and other signs come before letters (go.yaml.in/yaml, sorter.go). */
function compareKeys(one: string, other: string): number {
  const [first, second] = [partsOf(one), partsOf(other)];
  for (const [index, part] of first.entries()) {
    const against = second[index];
    if (against === undefined) return 1;
    if (part === against) continue;
    const [digits, alsoDigits] = [/^\d/.test(part), /^\d/.test(against)];
    if (digits && alsoDigits && Number(part) !== Number(against)) return Number(part) - Number(against);
    const [letter, alsoLetter] = [/^\p{L}/u.test(part), /^\p{L}/u.test(against)];
    if (letter !== alsoLetter) return letter === /^\d/.test(first[index - 1] ?? '') ? -1 : 1;
    return part < against ? -1 : 1;
  }
  return first.length - second.length;
}

const partsOf = (key: string): string[] => key.match(/\d+|\D/gu) ?? [];
