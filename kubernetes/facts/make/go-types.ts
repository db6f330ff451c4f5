import { existsSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';

/** What a controller reads is hashed as Go prints it. */
const root = 'v1.PodTemplateSpec';
/** Printed from their values, not from their fields. */
const opaque = new Set(['resource.Quantity', 'intstr.IntOrString', 'v1.Time', 'v1.FieldsV1']);
const scalars = new Set(['string', 'bool', 'byte', 'int', 'int32', 'int64', 'types.UID']);

/** Struct → its fields in order, each `GO-NAME JSON-NAME TYPE` (`-` for what is inlined); other named type → what it is. */
export function makeGoTypes(kubernetes: string): Record<string, string[] | string> {
  const cache = process.env.GOMODCACHE ?? join(homedir(), 'go/pkg/mod');
  const version = kubernetes.replace(/^v1\./, 'v0.');
  const structs = new Map<string, string>();
  const named = new Map<string, string>();
  for (const path of [`apimachinery@${version}/pkg/apis/meta/v1`, `api@${version}/core/v1`]) {
    const file = join(cache, 'k8s.io', path, 'types.go');
    if (!existsSync(file)) throw new Error(`no ${file}: run "go mod download k8s.io/${path.split('/')[0]}"`);
    const text = readFileSync(file, 'utf8').replace(/^\s*\/\/.*$/gm, '');
    for (const [, name, type] of text.matchAll(/^type (\w+) ([\w.[\]*]+)$/gm)) named.set(`v1.${name}`, qualify(type!));
    for (const [, name, body] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm))
      structs.set(`v1.${name}`, body!);
  }
  const reached = new Map<string, string[] | string>();
  const visit = (type: string): void => {
    const element = type.replace(/^(\*|\[\]|map\[[\w.]+\])+/, '');
    if (element !== type) return visit(element);
    if (reached.has(type) || scalars.has(type) || opaque.has(type)) return;
    const body = structs.get(type);
    if (body === undefined) {
      const alias = named.get(type);
      if (!alias) throw new Error(`no type ${type}`);
      reached.set(type, alias);
      return visit(alias);
    }
    const fields: string[] = [];
    reached.set(type, fields);
    for (const line of body.split('\n')) {
      const [, first, second, tag = ''] = /^\t(\S+)(?:[ \t]+([^`\s]+))?[ \t]+`[^`]*json:"([^",]*)/.exec(line) ?? [];
      if (!first) continue;
      const own = qualify(second ?? first);
      fields.push(`${second ? first : own.split('.').at(-1)} ${tag || '-'} ${own}`);
      visit(own);
    }
  };
  visit(root);
  return Object.fromEntries([...reached].sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** A type with its package, as Go's reflection names it. */
function qualify(type: string): string {
  const [, marks = '', name = ''] = /^((?:\*|\[\]|map\[[\w.]+\])*)(.+)$/.exec(type) ?? [];
  const full = scalars.has(name) || name.includes('.') ? name.replace(/^metav1\./, 'v1.') : `v1.${name}`;
  return marks.replace(/\[(\w+)\]/g, (whole, key) => (scalars.has(key) ? whole : `[v1.${key}]`)) + full;
}
