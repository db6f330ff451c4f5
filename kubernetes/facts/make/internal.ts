import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** Where the server shows its own form of an object: a template that may not change, a spec that differs. */
const roots = ['PodTemplateSpec', 'PersistentVolumeClaimSpec', 'PersistentVolumeSource'];
const plain: Record<string, string> = {
  string: 'string',
  bool: 'bool',
  byte: 'number',
  int: 'number',
  int32: 'number',
  int64: 'number',
  'resource.Quantity': 'quantity',
  'intstr.IntOrString': 'number',
};

/** Struct → its fields in order, each `NAME TYPE`: `*` a pointer, `[]` a list, `{}` a map, `~` inlined; types of meta/v1 are written as in the API. */
export function makeInternal(kubernetes: string): Record<string, string[]> {
  const cache = process.env.GOMODCACHE ?? join(homedir(), 'go/pkg/mod');
  const file = join(cache, 'k8s.io', `kubernetes@${kubernetes}`, 'pkg/apis/core/types.go');
  if (!existsSync(file)) throw new Error(`no ${file}: run "go mod download k8s.io/kubernetes@${kubernetes}"`);
  const text = readFileSync(file, 'utf8').replace(/^\s*\/\/.*$/gm, '');
  const named = new Map<string, string>();
  for (const [, name, type] of text.matchAll(/^type (\w+) ([\w.[\]*]+)$/gm)) named.set(name!, type!);
  const structs = new Map<string, string>();
  for (const [, name, body] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) structs.set(name!, body!);
  const reached = new Map<string, string[]>();
  const visit = (name: string): void => {
    const body = structs.get(name);
    if (body === undefined || reached.has(name)) return;
    const fields: string[] = [];
    reached.set(name, fields);
    for (const line of body.split('\n')) {
      const [, first, second] = /^\t(\S+)(?:[ \t]+([^`\s]+))?/.exec(line) ?? [];
      if (!first) continue;
      const inline = !second || second.startsWith('//');
      const [marks, type] = classify(inline ? first : second, named);
      fields.push(inline ? `${type} ~${type}` : `${first} ${marks}${type}`);
      visit(type);
    }
  };
  for (const root of roots) visit(root);
  return Object.fromEntries([...reached].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function classify(type: string, named: Map<string, string>): [marks: string, type: string] {
  if (type.startsWith('*')) {
    const [, inner] = classify(type.slice(1), named);
    return ['*', inner];
  }
  const element = /^\[\](.+)$/.exec(type)?.[1];
  if (element) return ['[]', classify(element, named)[1]];
  const value = /^map\[[\w.]+\](.+)$/.exec(type)?.[1];
  if (value) return ['{}', classify(value, named)[1]];
  const alias = named.get(type);
  if (alias) return classify(alias, named);
  return ['', plain[type] ?? (type.startsWith('types.') ? 'string' : type)];
}
