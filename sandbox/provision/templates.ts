import { readFile } from 'node:fs/promises';
import { parseAllDocuments } from 'yaml';

export interface Manifest {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string };
}

const VARIABLE = /\$\{(\w+)\}/g;

/** The objects of one of this folder's files, its variables filled in. Throws on a variable that has no value. */
export async function readTemplate(name: string, variables: Record<string, string>): Promise<Manifest[]> {
  const text = await readFile(new URL(`./${name}.yaml`, import.meta.url), 'utf8');
  const filled = text.replaceAll(VARIABLE, (_, variable: string) => {
    const value = variables[variable];
    if (value === undefined) throw new Error(`${name}.yaml: no value for ${variable}`);
    return value;
  });
  return parseAllDocuments(filled).map((document) => document.toJS() as Manifest);
}
