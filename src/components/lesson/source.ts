import { hideFacts, hideVariables } from './tokens.ts';

interface State {
  step?: string;
  check?: string;
  hint: boolean;
}

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const TAG = /<(\/?)(Step|Check|Hint|Answer|Choices|Choice|Run)\b((?:"[^"]*"|'[^']*'|\{[^}]*\}|[^>"'{])*?)(\/?)>/y;
const INLINE_CODE = /(`+)(?:(?!\1)[\s\S])*?[^`]\1(?!`)/y;

const attribute = (text: string, name: string) => new RegExp(`\\b${name}=["']([^"']*)["']`).exec(text)?.[1];

/** Strips the blank lines around a command and the indentation its lines share. */
function dedent(body: string): string {
  const lines = body
    .replace(/^\s*\n/, '')
    .trimEnd()
    .split('\n');
  const indents = lines.filter((line) => line.trim() !== '').map((line) => /^ */.exec(line)?.[0].length ?? 0);
  const common = Math.min(...indents, Number.MAX_SAFE_INTEGER);
  return lines
    .map((line) => line.slice(common))
    .join('\n')
    .trim();
}

/**
 * Prepares a lesson's prose for MDX, keeping every line where it is:
 * variables and, in hints, facts become tokens; the text of `<Run>` becomes an attribute, so that braces, stars and
 * `<` in a command are literal; checks, hints and answers learn which step they stand in.
 */
export function prepareLesson(source: string, known: (name: string) => boolean): string {
  const text = hideVariables(source, known);
  const state: State = { hint: false };
  let out = '';
  let at = 0;
  let lineStart = true;
  while (at < text.length) {
    const end = lineStart ? fenceEnd(text, at) : undefined;
    if (end !== undefined) {
      out += text.slice(at, end);
      at = end;
      continue;
    }
    INLINE_CODE.lastIndex = at;
    const code = text[at] === '`' ? INLINE_CODE.exec(text) : null;
    if (code) {
      out += state.hint ? hideFacts(code[0]) : code[0];
      at += code[0].length;
      lineStart = false;
      continue;
    }
    TAG.lastIndex = at;
    const tag = text[at] === '<' ? TAG.exec(text) : null;
    if (tag) {
      const [replaced, length] = rewrite(text, at, tag, state);
      out += replaced;
      at += length;
      lineStart = false;
      continue;
    }
    const fact = state.hint && text[at] === '{' ? /^\{[a-zA-Z][a-zA-Z0-9]*\}/.exec(text.slice(at, at + 60)) : null;
    out += fact ? hideFacts(fact[0]) : text[at];
    lineStart = text[at] === '\n';
    at += fact ? fact[0].length : 1;
  }
  return out;
}

/** Where the fenced block that begins here ends, if one does. */
function fenceEnd(text: string, at: number): number | undefined {
  const lineEnd = text.indexOf('\n', at);
  const mark = FENCE.exec(text.slice(at, lineEnd === -1 ? undefined : lineEnd))?.[1];
  if (!mark) return undefined;
  const close = new RegExp(`^ {0,3}${mark[0]}{${mark.length},}[ \\t]*$`, 'm');
  const rest = lineEnd === -1 ? '' : text.slice(lineEnd + 1);
  const found = close.exec(rest);
  return found ? lineEnd + 1 + found.index + found[0].length : text.length;
}

/** The tag anew, and how much of the text it stands for. */
function rewrite(text: string, at: number, tag: RegExpExecArray, state: State): [string, number] {
  const [whole, slash, name, attributes = '', selfClosing] = tag;
  if (slash) {
    if (name === 'Step') delete state.step;
    if (name === 'Hint') state.hint = false;
    if (name === 'Choices') delete state.check;
    return [whole, whole.length];
  }
  if (name === 'Step') {
    const id = attribute(attributes, 'id');
    if (id !== undefined) state.step = id;
    return [whole, whole.length];
  }
  const step = state.step === undefined ? '' : ` step="${state.step}"`;
  if (name === 'Run') {
    const close = selfClosing ? -1 : text.indexOf('</Run>', at);
    if (close === -1) return [whole, whole.length];
    const body = text.slice(at + whole.length, close);
    const command = dedent(state.hint ? hideFacts(body) : body);
    const kept = '\n'.repeat(body.split('\n').length - 1);
    const inline = state.hint ? ' inline' : '';
    return [`<Run${attributes}${step}${inline} command={${JSON.stringify(command)}}${kept} />`, close + 6 - at];
  }
  if (name === 'Hint') state.hint = !selfClosing;
  if (name === 'Choices') {
    const check = attribute(attributes, 'check');
    if (check !== undefined) state.check = check;
  }
  const group = name === 'Choice' && state.check !== undefined ? ` check="${state.check}"` : '';
  return [`<${name}${step}${group}${attributes}${selfClosing}>`, whole.length];
}
