import { existsSync, globSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import type { ResourceFact } from '../../facts.ts';

const modules = ['api', 'apimachinery', 'apiextensions-apiserver', 'kube-aggregator'];
/** Kinds that are sent to any group: options of a request, and what wraps the rest. */
const always = ['DeleteOptions', 'Status', 'ObjectMeta', 'LabelSelector', 'APIResourceList', 'Table'].map(
  (kind) => `io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`,
);

interface GoField {
  json: string;
  inline: boolean;
  omitted: boolean;
  omittedZero: boolean;
  goType: string;
}

/** Message → field → `NUMBER FLAGS TYPE [GO TYPE]`; `loadMessages` in facts.ts says what the flags are. */
export function makeMessages(resources: ResourceFact[], kubernetes: string): Record<string, Record<string, string>> {
  const cache = process.env.GOMODCACHE ?? join(homedir(), 'go/pkg/mod');
  const version = kubernetes.replace(/^v1\./, 'v0.');
  const messages = new Map<string, Record<string, string>>();
  for (const module of modules) {
    const root = join(cache, 'k8s.io', `${module}@${version}`);
    if (!existsSync(root)) throw new Error(`no ${root}: run "go mod download k8s.io/${module}@${version}"`);
    for (const file of globSync('**/generated.proto', { cwd: root })) readPackage(join(root, file), messages);
  }
  const kinds = new Set<string>();
  for (const resource of resources) {
    for (const { kind, group, version } of [resource, ...(resource.subresources ?? [])])
      kinds.add(`${group ?? resource.group}/${version ?? resource.version}/${kind}`);
  }
  const reached = new Set<string>();
  const visit = (name: string): void => {
    const fields = messages.get(name);
    if (!fields || reached.has(name)) return;
    reached.add(name);
    for (const field of Object.values(fields)) visit(field.split(' ')[2]!);
  };
  for (const name of messages.keys()) if (kinds.has(gvkOf(name))) visit(name);
  for (const name of always) visit(name);
  return Object.fromEntries([...reached].sort().map((name) => [name, messages.get(name)!]));
}

/** `io.k8s.api.rbac.v1.Role` → `rbac.authorization.k8s.io/v1/Role`: the short group is the first word of the long one. */
function gvkOf(message: string): string {
  const [kind, version, group = ''] = message.split('.').reverse();
  return `${groups[group] ?? group}/${version}/${kind}`;
}

const groups: Record<string, string> = {
  core: '',
  apiregistration: 'apiregistration.k8s.io',
  apiextensions: 'apiextensions.k8s.io',
  ...Object.fromEntries(
    ['admissionregistration', 'authentication', 'authorization', 'certificates', 'coordination', 'discovery', 'events']
      .concat(['networking', 'node', 'resource', 'scheduling', 'storage', 'storagemigration'])
      .map((group) => [group, `${group}.k8s.io`]),
  ),
  rbac: 'rbac.authorization.k8s.io',
  flowcontrol: 'flowcontrol.apiserver.k8s.io',
};

function readPackage(file: string, messages: Map<string, Record<string, string>>): void {
  const text = readFileSync(file, 'utf8').replace(/^\s*\/\/.*$/gm, '');
  const own = /^package ([\w.]+);/m.exec(text)![1]!;
  const structs = readStructs(dirname(file));
  for (const [, name, body] of text.matchAll(/^message (\w+) \{\n([\s\S]*?)^\}/gm)) {
    const fields: Record<string, string> = {};
    const go = structs.get(name!) ?? new Map<number, GoField>();
    const line =
      /^\s*(optional|repeated|required)? ?(?:map<(\w+), ([\w.]+)>|([\w.]+)) (\w+) = (\d+)(?: \[packed=\w+\])?;/gm;
    for (const [, label, , value, type, proto, number] of body!.matchAll(line)) {
      const of = go.get(Number(number));
      const flags = [
        label === 'repeated' ? '[' : '',
        value ? '{' : '',
        of?.goType.startsWith('*') ? '*' : '',
        of && !of.omitted && !of.inline ? '!' : '',
        of?.inline ? '~' : '',
        of && /^metav1\.(Micro)?Time$|^(Micro)?Time$/.test(of.goType) && !of.omittedZero ? '0' : '',
      ].join('');
      const named = of ? namedScalar(of.goType, basename(dirname(file)), scalar(value ?? type!)) : '';
      fields[of?.json || proto!] =
        `${number} ${flags || '-'} ${qualified(value ?? type!, own)}${named ? ` ${named}` : ''}`;
    }
    messages.set(schemaName(`${own}.${name}`), fields);
  }
}

const scalars = new Set(['string', 'bool', 'int32', 'int64', 'uint32', 'uint64', 'bytes', 'double', 'float']);
const scalar = (type: string): boolean => scalars.has(type);

function qualified(type: string, own: string): string {
  if (scalar(type)) return type;
  return schemaName(type.includes('.') ? type.replace(/^\./, '') : `${own}.${type}`);
}

/** Names as in OpenAPI: `k8s.io.kube_aggregator.pkg…` → `io.k8s.kube-aggregator.pkg…`. */
const schemaName = (proto: string): string => proto.replace(/^k8s\.io\./, 'io.k8s.').replaceAll('_', '-');

/** `v1.Protocol` for a field whose Go type is a name for a scalar; '' for `string` itself. */
function namedScalar(goType: string, pkg: string, isScalar: boolean): string {
  const element = goType.replace(/^\*/, '').replace(/^\[\]|^map\[\w+\]/, '');
  if (!isScalar || !/[A-Z]/.test(element)) return '';
  return element.includes('.') ? element.replace(/^\w*?(v\d\w*)\./, '$1.') : `${pkg}.${element}`;
}

/** The structs of a Go package: field number → what its tags say. */
function readStructs(folder: string): Map<string, Map<number, GoField>> {
  const structs = new Map<string, Map<number, GoField>>();
  for (const file of globSync('*.go', { cwd: folder })) {
    if (/^(zz_|generated|.*_test)/.test(file)) continue;
    const text = readFileSync(join(folder, file), 'utf8');
    for (const [, name, body] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
      const fields = new Map<number, GoField>();
      for (const [, declaration, tags] of body!.matchAll(/^\t([^/`\n]+)`([^`]+)`/gm)) {
        const number = /protobuf:"\w+,(\d+)/.exec(tags!)?.[1];
        if (!number) continue;
        const [json = '', ...options] = (/json:"([^"]*)"/.exec(tags!)?.[1] ?? '').split(',');
        const inline = options.includes('inline');
        const proto = /protobuf:"[^"]*name=(\w+)/.exec(tags!)?.[1];
        const goType = declaration!.trim().split(/\s+/).at(-1)!;
        fields.set(Number(number), {
          json: inline ? (proto ?? lowerFirst(goType)) : json,
          inline,
          omitted: options.includes('omitempty'),
          omittedZero: options.includes('omitzero'),
          goType,
        });
      }
      structs.set(name!, fields);
    }
  }
  return structs;
}

const lowerFirst = (word: string): string => word.charAt(0).toLowerCase() + word.slice(1);
