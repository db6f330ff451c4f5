import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What `kubectl explain` says of a type and its fields. */
export interface Texts {
  text: string;
  fields: Record<string, string>;
}

const models = (() => {
  let known: string | undefined;
  return () => {
    known ??= join(dirname(fileURLToPath(import.meta.resolve('@kubernetes/client-node'))), 'gen/models');
    return known;
  };
})();

/**
 * Reads the texts of a built-in schema from the declarations in `@kubernetes/client-node`; undefined where it has none.
 * Reads a file: callers keep what they get. Fields that are objects carry the text of their type.
 */
export function readTexts(schemaName: string): Texts | undefined {
  const file = fileOf(schemaName);
  if (!file) return undefined;
  const source = readFileSync(file, 'utf8');
  const fields: Record<string, string> = {};
  const member = /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?^ {4}'([^']+)'\??: ([^;]+);/gm;
  for (const [, comment, name, type] of source.matchAll(member)) {
    const text = comment ? plain(comment) : typeText(type!);
    if (text) fields[name!] = text;
  }
  return { text: classText(source), fields };
}

function fileOf(schemaName: string): string | undefined {
  const [kind = '', version = '', group = ''] = schemaName.split('.').reverse();
  const capital = (word: string) => word.charAt(0).toUpperCase() + word.slice(1);
  const plainName = `${capital(version)}${kind}`;
  for (const name of [`${capital(group)}${plainName}`, plainName, kind]) {
    const file = join(models(), `${name}.d.ts`);
    if (existsSync(file)) return file;
  }
  return undefined;
}

function typeText(type: string): string {
  const name = /\b([A-Z]\w+)\b/.exec(type.replace(/Array<|\[key: string\]/g, ''))?.[1];
  const file = name && join(models(), `${name}.d.ts`);
  return file && existsSync(file) ? classText(readFileSync(file, 'utf8')) : '';
}

const classText = (source: string): string =>
  plain(/\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*export declare class/.exec(source)?.[1] ?? '');

const plain = (comment: string): string =>
  comment
    .split('\n')
    .map((line) => line.replace(/^\s*\*? ?/, ''))
    .join('\n')
    .replace(/\\(['"])/g, '$1')
    .trim();
