import { isMap, isNode, isScalar, LineCounter, type Node, parseDocument } from 'yaml';
import type { z } from 'zod';
import { closest } from '../../cel/suggest.ts';
import type { LessonProblem } from './problem.ts';

type Path = readonly PropertyKey[];

/** A YAML file that knows where each of its values stands. */
export interface YamlSource {
  file: string;
  value: unknown;
  problems: LessonProblem[];
  /** A problem at a value, or at the nearest one around it; `within` counts characters of the value's own text. */
  problem(path: Path, message: string, remedy?: string, within?: { start: number; end: number }): LessonProblem;
  /** A problem at the name of a field. */
  problemAtKey(path: Path, key: string, message: string, remedy?: string): LessonProblem;
}

export function readYaml(file: string, text: string): YamlSource {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, prettyErrors: false });
  const lines = text.split('\n');

  function at(offset: number, message: string, remedy?: string, length?: number): LessonProblem {
    const { line, col } = counter.linePos(Math.min(offset, text.length));
    const problem: LessonProblem = { file, line, column: col, message, excerpt: lines[line - 1] ?? '' };
    if (remedy) problem.remedy = remedy;
    if (length) problem.length = length;
    return problem;
  }

  function nodeAt(path: Path): Node | undefined {
    for (let length = path.length; length >= 0; length--) {
      const node = length === 0 ? document.contents : document.getIn(path.slice(0, length), true);
      if (isNode(node) && node.range) return node;
    }
    return undefined;
  }

  return {
    file,
    value: document.errors.length > 0 ? undefined : document.toJS(),
    // After the first slip everything else reads wrong as well.
    problems: document.errors
      .slice(0, 1)
      .map((error) =>
        at(error.pos[0], `not YAML: ${error.message.split('\n')[0]}`, yamlRemedy(error.code, text[error.pos[0]])),
      ),
    problem(path, message, remedy, within) {
      const node = nodeAt(path);
      const [start, end] = node?.range ?? [0, 0];
      if (within && isScalar(node) && typeof node.value === 'string') {
        const raw = text.slice(start, end);
        const from = rawOffset(raw, node.value, within.start);
        return at(start + from, message, remedy, Math.max(1, within.end - within.start));
      }
      return at(start, message, remedy, Math.max(1, text.slice(start, end).split('\n')[0]?.trimEnd().length ?? 1));
    },
    problemAtKey(path, key, message, remedy) {
      const node = path.length === 0 ? document.contents : document.getIn(path, true);
      const pair = isMap(node)
        ? node.items.find((item) => isScalar(item.key) && String(item.key.value) === key)
        : undefined;
      const range = isNode(pair?.key) ? pair.key.range : nodeAt(path)?.range;
      return at(range?.[0] ?? 0, message, remedy, key.length);
    },
  };
}

/** Where the character of a scalar's value stands in its source: quotes, folding and indentation only add white space. */
function rawOffset(raw: string, value: string, offset: number): number {
  let position = /^[|>]/.test(raw) ? raw.indexOf('\n') + 1 : /^['"]/.test(raw) ? 1 : 0;
  for (let index = 0; index <= offset && position < raw.length; index++) {
    const wanted = value[index];
    if (wanted === undefined || /\s/.test(wanted)) continue;
    const found = raw.indexOf(wanted, position);
    if (found < 0) break;
    position = index === offset ? found : found + 1;
  }
  return position;
}

function yamlRemedy(code: string, character: string | undefined): string | undefined {
  if (character === '{' || character === '}') return 'quote a text that holds a brace';
  if (code === 'TAB_AS_INDENT') return 'indent with spaces';
  if (code === 'DUPLICATE_KEY') return 'keep one of the two';
  if (code === 'BAD_INDENT' || code === 'MULTILINE_IMPLICIT_KEY' || code === 'BLOCK_AS_IMPLICIT_KEY')
    return 'check the indentation, and quote a text that holds `: ` or ` #`';
  return undefined;
}

/**
 * Parses by a schema; each issue is told with its place, the wrong value and what was expected.
 * @param bare what stands in for a wrong field at the top
 */
export function parseBySchema<T>(
  source: YamlSource,
  schema: z.ZodType<T>,
  bare: Record<string, unknown> = {},
): { value?: T; problems: LessonProblem[] } {
  if (source.value === undefined) return { problems: source.problems };
  const result = schema.safeParse(source.value);
  if (result.success) return { value: result.data, problems: [] };
  const { issues } = result.error;
  const problems = issues.flatMap((issue) => issueProblems(source, schema, issue));
  // What is right in it is still read, so that its own problems are told in the same go.
  const rest = schema.safeParse(without(schema, source.value, issues, bare));
  return rest.success ? { value: rest.data, problems } : { problems };
}

/** A copy in which each misspelt field has the name it was meant to have, and each other wrong one is gone or replaced. */
function without(
  schema: z.ZodType,
  value: unknown,
  issues: readonly z.core.$ZodIssue[],
  bare: Record<string, unknown>,
): unknown {
  const copy = structuredClone(value);
  for (const issue of issues) {
    const [last, ...path] = [...issue.path].reverse();
    const parent = issue.code === 'unrecognized_keys' ? valueAt(copy, issue.path) : valueAt(copy, path.reverse());
    if (typeof parent !== 'object' || parent === null) continue;
    const fields = parent as Record<PropertyKey, unknown>;
    for (const key of issue.code === 'unrecognized_keys' ? issue.keys : [last ?? '']) {
      const meant = issue.code === 'unrecognized_keys' ? closest(String(key), knownAt(schema, issue.path)) : undefined;
      if (meant !== undefined) fields[meant] ??= fields[key];
      delete fields[key];
      if (issue.path.length === 1 && Object.hasOwn(bare, key)) fields[key] = bare[String(key)];
    }
  }
  return copy;
}

function issueProblems(source: YamlSource, schema: z.ZodType, issue: z.core.$ZodIssue): LessonProblem[] {
  if (issue.code === 'unrecognized_keys') {
    const known = knownAt(schema, issue.path);
    return issue.keys.map((key) => {
      // In `{ … }` a comma ends a text that is not quoted.
      if (!/^[\w-]+$/.test(key))
        return source.problemAtKey(
          issue.path,
          key,
          `\`${key}\` stands alone in ${placeName(issue.path)}`,
          'quote the text before it: between braces a comma ends it',
        );
      const near = closest(key, known);
      const remedy = near ? `did you mean \`${near}\`?` : `known here are ${known.join(', ')}`;
      return source.problemAtKey(issue.path, key, `\`${key}\` is not a field of ${placeName(issue.path)}`, remedy);
    });
  }
  const value = valueAt(source.value, issue.path);
  const name = placeName(issue.path);
  if (value === undefined) {
    const key = String(issue.path.at(-1) ?? 'the file');
    return [
      source.problem(
        issue.path.slice(0, -1),
        `\`${key}\` is missing in ${placeName(issue.path.slice(0, -1))}`,
        `add \`${key}: …\`, ${wanted(issue)}`,
      ),
    ];
  }
  if (issue.code === 'too_small' && issue.origin === 'array' && issue.path.at(-1) === 'checks')
    return [
      source.problem(
        issue.path,
        'a step without a check: nothing would show that it is done',
        'add one under `checks`',
      ),
    ];
  if (issue.code === 'invalid_union') {
    return [source.problem(issue.path, `${shown(value)} does not fit ${name}`, 'write one text, or a list of texts')];
  }
  if (issue.code === 'invalid_format')
    return [source.problem(issue.path, `${shown(value)} does not fit ${name}`, issue.message)];
  return [source.problem(issue.path, `${shown(value)} does not fit ${name}`, `write ${wanted(issue)}`)];
}

function wanted(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case 'invalid_type':
      return (
        {
          string: 'a text',
          number: 'a number',
          int: 'a whole number',
          array: 'a list',
          object: 'fields',
          record: 'fields',
        }[issue.expected as string] ?? `a ${issue.expected}`
      );
    case 'invalid_value':
      return issue.values.map((value) => `\`${String(value)}\``).join(' or ');
    case 'too_small':
      return issue.origin === 'array'
        ? 'a list that is not empty'
        : issue.origin === 'string'
          ? 'a text that is not empty'
          : `at least ${issue.minimum}`;
    case 'too_big':
      return `at most ${issue.maximum}`;
    default:
      return issue.message;
  }
}

function placeName(path: Path): string {
  const fields = path.filter((key) => typeof key === 'string');
  return fields.length === 0 ? 'this file' : `\`${fields.join('.')}\``;
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? `"${value}"` : JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 59)}…` : text;
}

function valueAt(value: unknown, path: Path): unknown {
  return path.reduce<unknown>((inner, key) => (inner as Record<PropertyKey, unknown> | undefined)?.[key], value);
}

/** The fields a schema knows at a path; through lists, options and defaults. */
function knownAt(schema: z.ZodType, path: Path): string[] {
  // biome-ignore lint/suspicious/noExplicitAny: zod's definitions are a tree of many shapes
  const bare = (type: any): any => {
    let inner = type;
    while (inner?.def?.innerType) inner = inner.def.innerType;
    return inner;
  };
  let type = bare(schema);
  for (const key of path)
    type = bare(typeof key === 'number' ? type?.def?.element : (type?.shape?.[key] ?? type?.def?.valueType));
  return Object.keys(type?.shape ?? {});
}
