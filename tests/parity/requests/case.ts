import { globSync, readFileSync } from 'node:fs';
import path from 'node:path';

/** One step of a case: a request, or a look at what a watch has shown meanwhile. */
export interface Step {
  /** As written, for the record: `GET /api`, `watch boxes 3`. */
  title: string;
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: Buffer;
  /** Not compared; its answer must be below 400. */
  quiet: boolean;
  /** Repeated until the body matches. */
  until?: RegExp;
  /** What later steps may name in braces, and where in the answer it stands: `metadata.uid`. */
  captures: Record<string, string>;
  /** The part of the body that is compared, as a JSON pointer. */
  part?: string;
  /** The request is a watch that goes on in the background under this name. */
  background?: string;
  /** Events that are waited for; of `watch` steps. */
  events?: number;
}

export interface Case {
  name: string;
  namespace: string;
  steps: Step[];
}

export const REQUESTS = import.meta.dirname;

export function caseNames(): string[] {
  return globSync('*.txt', { cwd: path.join(REQUESTS, 'cases') })
    .map((file) => path.basename(file, '.txt'))
    .sort();
}

export function readCase(name: string): Case {
  return parseCase(name, readFileSync(path.join(REQUESTS, 'cases', `${name}.txt`), 'utf8'));
}

/**
 * `> METHOD PATH` is compared, `% METHOD PATH` prepares; below it `+ Header: value`, a body in lines indented by two
 * spaces or as `* BASE64`, `~ /json/pointer` for the part of the answer that counts, `= name path` for what later steps
 * name as `{name}`. `? regexp` before a request repeats it until its body matches; `& name` before a watch lets it go on,
 * and `. name COUNT` waits for so many of its events and compares them. `{ns}` is the case's namespace.
 */
function parseCase(name: string, text: string): Case {
  const steps: Step[] = [];
  let before: Pick<Step, 'until' | 'background'> = {};
  let body: string[] = [];
  const endBody = () => {
    const last = steps.at(-1);
    if (last && body.length > 0) last.body = Buffer.from(body.join('\n'));
    body = [];
  };
  for (const [index, line] of text.split('\n').entries()) {
    const rest = line.slice(2);
    const last = steps.at(-1);
    if (line.startsWith('> ') || line.startsWith('% ')) {
      endBody();
      const [method = '', target = ''] = rest.split(' ');
      steps.push({ title: rest, method, path: target, headers: {}, quiet: line[0] === '%', captures: {}, ...before });
      before = {};
    } else if (line.startsWith('? ')) before.until = new RegExp(rest);
    else if (line.startsWith('& ')) before.background = rest;
    else if (line.startsWith('. ')) {
      endBody();
      const [watch = '', count] = rest.split(' ');
      const title = `watch ${rest}`;
      steps.push({
        title,
        method: '',
        path: '',
        headers: {},
        quiet: false,
        captures: {},
        background: watch,
        events: Number(count),
      });
    } else if (last && line.startsWith('+ ')) {
      const [header = '', ...value] = rest.split(': ');
      last.headers[header.toLowerCase()] = value.join(': ');
    } else if (last && line.startsWith('= ')) {
      const [key = '', place = ''] = rest.split(' ');
      last.captures[key] = place;
    } else if (last && line.startsWith('~ ')) last.part = rest;
    else if (last && line.startsWith('* ')) last.body = Buffer.from(rest, 'base64');
    else if (last && line.startsWith('  ')) body.push(rest);
    else if (line.trim() !== '' && !line.startsWith('#')) throw new Error(`${name}.txt:${index + 1}: "${line}"`);
  }
  endBody();
  return { name, namespace: `requests-${name}`, steps };
}
