import { mdxToMdast } from 'satteri';
import { parse } from 'yaml';
import type { LessonProblem } from './problem.ts';

/** Where something stands in the prose: both from 1. */
export interface Place {
  line: number;
  column: number;
}

/** What a lesson's prose refers to, in the order in which it does. */
export interface Prose {
  file: string;
  title: string | undefined;
  lede: string | undefined;
  steps: (Place & { id: string })[];
  checks: (Place & { step: string; id: string })[];
  hints: (Place & { step: string; check: string; id: string; facts: (Place & { name: string })[] })[];
  /** `<Answer>` and `<Choices>`; the values of the choices. */
  answers: (Place & { step: string; check: string; choices?: string[] })[];
  commands: (Place & { text: string })[];
  drawings: (Place & { src: string })[];
  /** `<File path>`. */
  files: (Place & { path: string })[];
  variables: (Place & { name: string })[];
  problems: LessonProblem[];
  /** A problem at a place of this file. */
  problem(place: Place, message: string, remedy?: string, length?: number): LessonProblem;
}

interface MdxNode {
  type: string;
  name?: string;
  value?: string;
  attributes?: { type: string; name?: string; value?: unknown }[];
  children?: MdxNode[];
  position?: { start: Place };
}

const RUN = /<Run\b(?:"[^"]*"|'[^']*'|\{[^}]*\}|[^>"'{])*?>/g;
const FENCE = /^ {0,3}(`{3,}|~{3,})[^\n]*\n[\s\S]*?(?:^ {0,3}\1[`~]*[ \t]*$|(?![\s\S]))/gm;

/** Reads a lesson's prose without rendering it, with the parser that Astro's MDX brings. */
export function readProse(file: string, text: string): Prose {
  const lines = text.split('\n');
  const prose: Prose = {
    file,
    title: undefined,
    lede: undefined,
    steps: [],
    checks: [],
    hints: [],
    answers: [],
    commands: [],
    drawings: [],
    files: [],
    variables: [],
    problems: [],
    problem: ({ line, column }, message, remedy, length) => ({
      file,
      line,
      column,
      message,
      excerpt: lines[line - 1] ?? '',
      ...(remedy ? { remedy } : {}),
      ...(length ? { length } : {}),
    }),
  };
  const starts = lineStarts(lines);
  const placeAt = (offset: number): Place => {
    let line = starts.length;
    while (line > 1 && (starts[line - 1] ?? 0) > offset) line--;
    return { line, column: offset - (starts[line - 1] ?? 0) + 1 };
  };
  for (const match of text.matchAll(/\$\{([a-z][a-zA-Z0-9_]*)\}/g))
    prose.variables.push({ name: match[1] ?? '', ...placeAt(match.index) });

  const { masked, commands } = maskCommands(text);
  let tree: MdxNode;
  try {
    tree = mdxToMdast(masked) as MdxNode;
  } catch (error) {
    prose.problems.push(parseProblem(prose, error));
    return prose;
  }
  const walk = createWalk(prose, commands, (place) => (starts[place.line - 1] ?? 0) + place.column - 1, placeAt);
  walk(tree);
  return prose;
}

function lineStarts(lines: string[]): number[] {
  const starts: number[] = [];
  let offset = 0;
  for (const line of lines) {
    starts.push(offset);
    offset += line.length + 1;
  }
  return starts;
}

/** Commands are taken literally: their braces, stars and `<` are hidden from MDX, every character staying in its place. */
function maskCommands(text: string): { masked: string; commands: Map<number, string> } {
  const commands = new Map<number, string>();
  const code = [...text.matchAll(FENCE)].map((match) => [match.index, match.index + match[0].length] as const);
  let masked = text;
  for (const match of text.matchAll(RUN)) {
    if (match[0].endsWith('/>') || code.some(([from, to]) => match.index >= from && match.index < to)) continue;
    const from = match.index + match[0].length;
    const to = text.indexOf('</Run>', from);
    if (to < 0) continue;
    const body = text.slice(from, to);
    commands.set(match.index, body);
    // One word on one line, so that what stands within is neither a paragraph nor a list.
    masked = masked.slice(0, from) + body.replace(/[^\n]/g, 'x') + masked.slice(to);
  }
  return { masked, commands };
}

function parseProblem(prose: Prose, error: unknown): LessonProblem {
  const text = error instanceof Error ? error.message : String(error);
  const [, line = '1', column = '1', message = text] = /^(\d+):(\d+): (.*)$/s.exec(text) ?? [];
  return prose.problem(
    { line: Number(line), column: Number(column) },
    `not MDX: ${message.replace(/ \(mdx[^)]*\)$/, '')}`,
  );
}

function createWalk(
  prose: Prose,
  commands: Map<number, string>,
  offsetAt: (place: Place) => number,
  placeAt: (offset: number) => Place,
) {
  let step = '';
  let hint: Prose['hints'][number] | undefined;
  let choices: Prose['answers'][number] | undefined;
  let variant: string | undefined;

  function wantAttribute(node: MdxNode, place: Place, name: string): string {
    const value = attribute(node, name);
    if (value === undefined)
      prose.problems.push(
        prose.problem(place, `<${node.name}> has no \`${name}\``, `write <${node.name} ${name}="…">`),
      );
    return value ?? '';
  }

  function facts(text: string, from: number): void {
    if (!hint) return;
    for (const match of text.matchAll(/(?<!\$)\{([a-zA-Z][a-zA-Z0-9]*)\}/g))
      hint.facts.push({ name: match[1] ?? '', ...placeAt(from + match.index) });
  }

  function element(node: MdxNode, place: Place): (() => void) | undefined {
    switch (node.name) {
      case 'Step': {
        step = wantAttribute(node, place, 'id');
        prose.steps.push({ id: step, ...place });
        return () => {
          step = '';
        };
      }
      case 'Own':
      case 'Shared':
        variant = node.name;
        return () => {
          variant = undefined;
        };
      case 'Check':
        if (variant)
          prose.problems.push(
            prose.problem(
              place,
              `this check stands in <${variant}>`,
              'move it out: both variants have the same checks',
            ),
          );
        prose.checks.push({ step, id: wantAttribute(node, place, 'id'), ...place });
        return undefined;
      case 'Hint': {
        const [check, id] = [wantAttribute(node, place, 'check'), wantAttribute(node, place, 'id')];
        hint = { step, check, id, facts: [], ...place };
        prose.hints.push(hint);
        if (!node.children?.length)
          prose.problems.push(
            prose.problem(place, `the hint \`${id}\` has no text`, 'write it between <Hint …> and </Hint>'),
          );
        return () => {
          hint = undefined;
        };
      }
      case 'Answer':
        prose.answers.push({ step, check: wantAttribute(node, place, 'check'), ...place });
        return undefined;
      case 'Choices':
        choices = { step, check: wantAttribute(node, place, 'check'), choices: [], ...place };
        prose.answers.push(choices);
        return () => {
          choices = undefined;
        };
      case 'Choice':
        choices?.choices?.push(wantAttribute(node, place, 'value'));
        return undefined;
      case 'Run': {
        const offset = offsetAt(place);
        const body = commands.get(offset) ?? attribute(node, 'command') ?? '';
        if (body.trim() === '')
          prose.problems.push(prose.problem(place, '<Run> has no command', 'write it between <Run> and </Run>'));
        prose.commands.push({ text: body, ...place });
        facts(body, offset + 5);
        return undefined;
      }
      case 'Drawing':
        prose.drawings.push({ src: wantAttribute(node, place, 'src'), ...place });
        return undefined;
      case 'File':
        prose.files.push({ path: wantAttribute(node, place, 'path'), ...place });
        return undefined;
    }
    return undefined;
  }

  return function walk(node: MdxNode): void {
    const place = node.position?.start ?? { line: 1, column: 1 };
    if (node.type === 'yaml') frontmatter(prose, node.value ?? '');
    if (node.type === 'mdxTextExpression' || node.type === 'mdxFlowExpression') expression(prose, hint, node, place);
    if (node.type === 'inlineCode') facts(`\`${node.value ?? ''}`, offsetAt(place));
    const leave = node.type.startsWith('mdxJsx') ? element(node, place) : undefined;
    if (node.name !== 'Run') for (const child of node.children ?? []) walk(child);
    leave?.();
  };
}

function attribute(node: MdxNode, name: string): string | undefined {
  const value = node.attributes?.find((one) => one.name === name)?.value;
  return typeof value === 'string' ? value : undefined;
}

function frontmatter(prose: Prose, text: string): void {
  try {
    const data = parse(text) ?? {};
    if (typeof data.title === 'string') prose.title = data.title;
    if (typeof data.lede === 'string') prose.lede = data.lede;
  } catch {
    prose.problems.push(prose.problem({ line: 1, column: 1 }, 'the head between `---` is not YAML'));
  }
}

/** `{name}` in running text: a fact of the hint around it, or the tail of a variable `${name}`. */
function expression(prose: Prose, hint: Prose['hints'][number] | undefined, node: MdxNode, place: Place): void {
  const name = (node.value ?? '').trim();
  if (name.startsWith('/*') || name === '') return;
  const before = prose.problem(place, '').excerpt?.[place.column - 2];
  if (before === '$') return;
  if (hint && /^[a-zA-Z][a-zA-Z0-9]*$/.test(name)) hint.facts.push({ name, ...place });
  else
    prose.problems.push(
      prose.problem(
        place,
        `\`{${name}}\` would be run as a program`,
        'write a variable with `$` before the brace; facts stand in hints alone; put other braces in `code`',
        name.length + 2,
      ),
    );
}
