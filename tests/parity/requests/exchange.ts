import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Loose } from '../../../kubernetes/object.ts';
import { type Difference, difference } from '../compare.ts';
import { DELIBERATE } from '../deliberate.ts';
import { normalise } from '../normalise.ts';
import { type Case, REQUESTS } from './case.ts';

/** What was answered to one step. */
export interface Answer {
  title: string;
  status: number;
  headers: Record<string, string>;
  /** JSON, a list of a watch's events, or text. */
  body: Loose;
}

const fileOf = (name: string) => path.join(REQUESTS, 'record', `${name}.txt`);

/** A request is a `>` line; `<` lines are its status and headers; JSON follows indented, text behind `| `. */
export function writeAnswers(name: string, head: string, answers: Answer[]): void {
  const lines = [`# ${head}`];
  for (const { title, status, headers, body } of answers) {
    lines.push('', `> ${title}`, `< ${status}`);
    for (const [key, value] of Object.entries(headers).sort()) lines.push(`< ${key}: ${value}`);
    const isText = typeof body === 'string';
    const text = isText ? body : JSON.stringify(body, null, 1);
    if (body !== undefined && text !== '')
      lines.push(...text.split('\n').map((line: string) => `${isText ? '| ' : '  '}${line}`));
  }
  writeFileSync(fileOf(name), `${lines.join('\n')}\n`);
}

export function readAnswers(name: string): Answer[] | undefined {
  if (!existsSync(fileOf(name))) return undefined;
  const answers: Answer[] = [];
  let text: string[] = [];
  let isText = false;
  const endBody = () => {
    const last = answers.at(-1);
    if (last && text.length > 0) last.body = isText ? text.join('\n') : JSON.parse(text.join('\n'));
    text = [];
  };
  for (const line of readFileSync(fileOf(name), 'utf8').split('\n')) {
    const rest = line.slice(2);
    const last = answers.at(-1);
    if (line.startsWith('> ')) {
      endBody();
      answers.push({ title: rest, status: 0, headers: {}, body: undefined });
    } else if (last && line.startsWith('< ')) {
      const [key = '', ...value] = rest.split(': ');
      if (value.length === 0) last.status = Number(key);
      else last.headers[key] = value.join(': ');
    } else if (last && (line.startsWith('| ') || line.startsWith('  ') || line === '|')) {
      isText = line.startsWith('|');
      text.push(rest);
    }
  }
  endBody();
  return answers;
}

/** Throws when the record does not fit the case: it must be recorded anew. */
export function requireAnswers({ name, steps }: Case, recorded: Answer[] | undefined): Answer[] {
  const titles = steps
    .filter((step) => !step.quiet && !(step.background && step.events === undefined))
    .map(({ title }) => title);
  if (!recorded || titles.length !== recorded.length || titles.some((title, index) => recorded[index]?.title !== title))
    throw new Error(`requests/${name} has changed since it was recorded: npm run parity -- record requests/${name}`);
  return recorded;
}

/** Where two answers differ, field by field; undefined where they agree. */
export function compareAnswers(name: string, real: Answer, embedded: Answer): Difference | undefined {
  const meant = DELIBERATE.filter(({ where }) => where.test(`requests/${name}: ${real.title}`));
  const counted = (answer: Answer) => fieldsOf(answer).filter((line) => !meant.some(({ lines }) => lines.test(line)));
  return difference(real.title, counted(real), counted(embedded));
}

/** Status, headers and each field of the body as a line of its own, without what may differ. */
function fieldsOf({ status, headers, body }: Answer): string[] {
  const lines = [`status ${status}`];
  for (const [key, value] of Object.entries(headers).sort()) lines.push(`${key}: ${value}`);
  if (body === '') return normalise(lines.join('\n')).split('\n');
  if (typeof body === 'string') lines.push(...body.split('\n'));
  else if (body !== undefined) flatten(body, '', lines);
  return normalise(lines.join('\n')).split('\n');
}

/** Managers stand in the order of the seconds in which they wrote. */
const isEntries = (value: Loose[]): boolean => value.every((item) => item?.fieldsType);
const byManager = (one: Loose, other: Loose): number =>
  `${one.manager} ${one.operation} ${one.subresource ?? ''}` <
  `${other.manager} ${other.operation} ${other.subresource ?? ''}`
    ? -1
    : 1;

function flatten(value: Loose, place: string, lines: string[]): void {
  if (Array.isArray(value) && value.length > 0) {
    const items = place.endsWith('.managedFields') || isEntries(value) ? value.toSorted(byManager) : value;
    for (const [index, item] of items.entries()) flatten(item, `${place}[${index}]`, lines);
  } else if (value && typeof value === 'object' && Object.keys(value).length > 0) {
    for (const key of Object.keys(value).sort()) flatten(value[key], `${place}.${key}`, lines);
  } else if (/\.cells\[\d+\]$/.test(place) && /^\d+[smhd]$/.test(String(value))) lines.push(`${place}: <age>`);
  else lines.push(`${place}: ${place.endsWith('.continue') && value ? '<token>' : JSON.stringify(value)}`);
}
