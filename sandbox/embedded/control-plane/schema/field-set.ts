import type { Loose } from '../../../../kubernetes/object.ts';

/**
 * A set of paths, as managedFields hold them. An element is written as in FieldsV1: `f:spec`, `k:{"name":"web"}`, `v:"x"`, `i:0`.
 * https://kubernetes.io/docs/reference/using-api/server-side-apply/#field-management
 */
export interface FieldSet {
  members: Set<string>;
  children: Map<string, FieldSet>;
}

export type Path = string[];

export const emptySet = (): FieldSet => ({ members: new Set(), children: new Map() });

export const isEmpty = (set: FieldSet): boolean =>
  set.members.size === 0 && [...set.children.values()].every((child) => isEmpty(child));

export function insert(set: FieldSet, path: Path): void {
  const last = path.at(-1);
  if (last === undefined) return;
  let node = set;
  for (let index = 0; index < path.length - 1; index++) {
    let child = node.children.get(path[index]!);
    if (!child) {
      child = emptySet();
      node.children.set(path[index]!, child);
    }
    node = child;
  }
  node.members.add(last);
}

export function has(set: FieldSet, path: Path): boolean {
  let node: FieldSet | undefined = set;
  for (let index = 0; index < path.length - 1; index++) {
    node = node.children.get(path[index]!);
    if (!node) return false;
  }
  return path.length > 0 && node.members.has(path.at(-1)!);
}

export function union(a: FieldSet, b: FieldSet): FieldSet {
  const out = { members: a.members.union(b.members), children: new Map(a.children) };
  for (const [element, child] of b.children) {
    const known = out.children.get(element);
    out.children.set(element, known ? union(known, child) : child);
  }
  return out;
}

/** What is in `a` and not in `b`, path by path: a parent in `b` takes no child away. */
export function difference(a: FieldSet, b: FieldSet): FieldSet {
  const out: FieldSet = { members: a.members.difference(b.members), children: new Map() };
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    const rest = other ? difference(child, other) : child;
    if (!isEmpty(rest)) out.children.set(element, rest);
  }
  return out;
}

export function intersection(a: FieldSet, b: FieldSet): FieldSet {
  const out: FieldSet = { members: a.members.intersection(b.members), children: new Map() };
  for (const [element, child] of a.children) {
    const other = b.children.get(element);
    const both = other && intersection(child, other);
    if (both && !isEmpty(both)) out.children.set(element, both);
  }
  return out;
}

/** Without the paths given and all that is below them. */
export function without(set: FieldSet, paths: Path[]): FieldSet {
  let out = set;
  for (const path of paths) out = withoutOne(out, path, 0);
  return out;
}

function withoutOne(set: FieldSet, path: Path, at: number): FieldSet {
  const element = path[at]!;
  const child = set.children.get(element);
  const last = at === path.length - 1;
  if (!child && !(last && set.members.has(element))) return set;
  const out = { members: new Set(set.members), children: new Map(set.children) };
  if (last) {
    out.members.delete(element);
    out.children.delete(element);
  } else {
    const rest = withoutOne(child!, path, at + 1);
    if (isEmpty(rest)) out.children.delete(element);
    else out.children.set(element, rest);
  }
  return out;
}

/** Every path, the members of a level before what is below it. */
export function* paths(set: FieldSet, prefix: Path = []): Generator<Path> {
  for (const element of [...set.members].sort()) yield [...prefix, element];
  for (const [element, child] of [...set.children].sort(([a], [b]) => (a < b ? -1 : 1)))
    yield* paths(child, [...prefix, element]);
}

export function toFieldsV1(set: FieldSet): Loose {
  const out: Loose = {};
  const elements = new Set([...set.members, ...set.children.keys()]);
  for (const element of [...elements].sort()) {
    const child = set.children.get(element);
    const inner = child && !isEmpty(child) ? toFieldsV1(child) : {};
    out[element] = child && !isEmpty(child) && set.members.has(element) ? { '.': {}, ...inner } : inner;
  }
  return out;
}

export function fromFieldsV1(fields: Loose): FieldSet {
  const set = emptySet();
  for (const [element, inner] of Object.entries<Loose>(fields ?? {})) {
    if (element === '.') continue;
    const keys = Object.keys(inner ?? {});
    if (keys.length === 0 || inner['.']) set.members.add(element);
    if (keys.length > (inner['.'] ? 1 : 0)) set.children.set(element, fromFieldsV1(inner));
  }
  return set;
}

/** `.spec.template.spec.containers[name="web"].image` */
export function formatPath(path: Path): string {
  return path.map(formatElement).join('');
}

export function formatElement(element: string): string {
  const rest = element.slice(2);
  switch (element[0]) {
    case 'k': {
      const keys = Object.entries(JSON.parse(rest));
      return `[${keys.map(([key, value]) => `${key}=${JSON.stringify(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${rest}]`;
    case 'i':
      return `[${rest}]`;
    default:
      return `.${rest}`;
  }
}
