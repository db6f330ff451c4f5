import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { Schema } from '../../kubernetes/facts.ts';
import type { Loose } from '../../kubernetes/object.ts';

/** A kind that one of our charts, or the sandbox itself, brings as a CustomResourceDefinition. */
export interface CustomKind {
  group: string;
  version: string;
  kind: string;
  /** Of the stored version. */
  schema: Schema;
}

/** Folders below the project's whose YAML may hold definitions. */
const PLACES = ['manifests/charts', 'sandbox/provision'];

/** Documents of definitions by `PLURAL.GROUP`; parsed when asked for, since some have thousands of lines. */
export type CustomKinds = ReadonlyMap<string, string>;

/**
 * Finds the definitions below a project's folder. A chart's template counts too: lines that are Helm's alone are left
 * out, which makes those of a definition YAML again.
 * @param root absolute path of the project
 */
export function findCustomKinds(root: string): CustomKinds {
  const found = new Map<string, string>();
  for (const place of PLACES) {
    const folder = join(root, place);
    if (!existsSync(folder)) continue;
    for (const file of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      if (!/\.ya?ml$/.test(file)) continue;
      const text = readFileSync(join(folder, file), 'utf8');
      if (!text.includes('kind: CustomResourceDefinition')) continue;
      for (const document of text.split(/^---.*$/m)) {
        const name = /^ {2}name: ["']?([a-z0-9-]+(?:\.[a-z0-9-]+)+)["']?\s*$/m.exec(document)?.[1];
        if (name && /^kind: CustomResourceDefinition\s*$/m.test(document)) found.set(name, document);
      }
    }
  }
  return found;
}

/** Undefined where no definition has this name, or it cannot be read. */
export function readCustomKind(kinds: CustomKinds, name: string): CustomKind | undefined {
  const document = kinds.get(name);
  if (document === undefined) return undefined;
  try {
    const plain = document.replace(/^.*\{\{.*\n/gm, '');
    const { spec }: Loose = parse(plain);
    const version = spec.versions.find((one: Loose) => one.storage) ?? spec.versions[0];
    return { group: spec.group, version: version.name, kind: spec.names.kind, schema: version.schema.openAPIV3Schema };
  } catch {
    return undefined;
  }
}
