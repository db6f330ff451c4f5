import type { ASTNode } from '@marcbachmann/cel-js';
import { type NodeTypes, PREDICATES } from './check.ts';
import { bind, evaluateNode, find, type Names } from './evaluate.ts';
import { Absent, asText, type Budget, BudgetSpent, isObject } from './values.ts';

/** The field that keeps a condition from being true, and what it is now. */
export interface Why {
  field: string;
  value: string;
}

const NOT_THERE = 'not there yet';

/** Walks to the first comparison that is not true and names its first field. */
export function explainNode(
  node: ASTNode,
  names: Names | undefined,
  types: NodeTypes,
  budget: Budget,
): Why | undefined {
  const value = (inner: ASTNode, within = names): unknown => {
    try {
      return evaluateNode(inner, within, types, budget);
    } catch (error) {
      if (error instanceof BudgetSpent) throw error;
      return new Absent('');
    }
  };
  const explain = (inner: ASTNode, within = names) => explainNode(inner, within, types, budget);

  switch (node.op) {
    case '&&': {
      const failing = node.args.find((side) => value(side) !== true);
      return failing && explain(failing);
    }
    case '||':
      return explain(node.args[0]) ?? explain(node.args[1]);
    case '!_':
      return firstField(node.args, names, value);
    case '?:': {
      const condition = value(node.args[0]);
      return typeof condition === 'boolean' ? explain(node.args[condition ? 1 : 2]) : explain(node.args[0]);
    }
    case 'rcall': {
      const [name, target, args] = node.args;
      if (name === 'bind' && target.op === 'id' && target.args === 'cel') {
        const variable = args[0]!.args as string;
        return explain(args[2]!, bind(variable, value(args[1]!), variable, names));
      }
      if (!PREDICATES.has(name) || name === 'map' || name === 'filter') break;
      const list = value(target);
      const path = pathOf(target, names) ?? firstField(target, names, value)?.field ?? 'items';
      if (!Array.isArray(list)) return { field: path, value: list instanceof Absent ? NOT_THERE : asText(list) };
      const variable = args[0]!.args as string;
      const bound = (one: unknown, index: number) => bind(variable, one, shownElement(path, one, index), names);
      if (list.length === 0) return { field: path, value: 'none' };
      // Of `all`, the element that fails; of `exists`, the newest, which is the learner's last try.
      const index =
        name === 'all' ? list.findIndex((one, at) => value(args[1]!, bound(one, at)) !== true) : list.length - 1;
      return index < 0 ? undefined : explain(args[1]!, bound(list[index], index));
    }
  }
  return firstField(node, names, value);
}

function shownElement(path: string, one: unknown, index: number): string {
  const name =
    isObject(one) && isObject(one.metadata) && typeof one.metadata.name === 'string' ? one.metadata.name : undefined;
  return name && path === 'items' ? name : `${path}[${name ?? index}]`;
}

/** The path of `a.b['c'][0]` as it is shown; undefined for what is not a path. */
function pathOf(node: ASTNode, names: Names | undefined): string | undefined {
  if (node.op === 'id') return find(names, node.args)?.shown;
  if (node.op === '.' || node.op === '.?') {
    const inner = pathOf(node.args[0], names);
    return inner === undefined ? undefined : inner === '' ? node.args[1] : `${inner}.${node.args[1]}`;
  }
  if (node.op === '[]' && node.args[1].op === 'value') {
    const inner = pathOf(node.args[0], names);
    return inner === undefined ? undefined : `${inner}[${node.args[1].args}]`;
  }
  return undefined;
}

function firstField(node: ASTNode, names: Names | undefined, value: (node: ASTNode) => unknown): Why | undefined {
  const path = pathOf(node, names);
  if (path !== undefined) {
    if (node.op === 'id' && node.args === 'vars') return undefined;
    const now = value(node);
    return { field: path || 'item', value: now instanceof Absent ? NOT_THERE : asText(now) };
  }
  for (const inner of children(node)) {
    const found = firstField(inner, names, value);
    if (found) return found;
  }
  return undefined;
}

/** The nodes directly inside, in the order in which they are written. */
function children(node: ASTNode): ASTNode[] {
  switch (node.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [node.args[0]];
    case 'call':
      return node.args[1];
    case 'rcall':
      return [node.args[1], ...node.args[2]];
    case 'map':
      return node.args.flat();
    case '!_':
    case '-_':
      return [node.args];
    default:
      return [...node.args] as ASTNode[];
  }
}

/**
 * Which fields below a variable an expression reads: `before.items.exists(b, b.metadata.uid == u)` reads
 * `items.*.metadata.uid`; `*` stands for every element.
 */
export function readsOf(ast: ASTNode, root: string): string[][] {
  const reads: string[][] = [];
  type Origins = Readonly<Record<string, string[] | undefined>>;

  /** The path a node stands for, or undefined; what ends as a value is recorded by whoever uses it. */
  function trace(node: ASTNode, origins: Origins): string[] | undefined {
    if (node.op === 'id') return node.args in origins ? origins[node.args] : undefined;
    if (node.op === '.' || node.op === '.?') {
      const of = trace(node.args[0], origins);
      return of && [...of, node.args[1]];
    }
    if (node.op === '[]' || node.op === '[?]') {
      use(node.args[1], origins);
      const of = trace(node.args[0], origins);
      const key = node.args[1];
      return of && [...of, key.op === 'value' && typeof key.args === 'string' ? key.args : '*'];
    }
    if (node.op === 'rcall' && PREDICATES.has(node.args[0])) {
      const [name, target, [variable, ...bodies]] = node.args;
      const of = trace(target, origins);
      const inner = { ...origins, [variable!.args as string]: of && [...of, '*'] };
      if (of) reads.push([...of, '*', 'metadata', 'uid']);
      for (const body of bodies) use(body, inner);
      return name === 'filter' ? of : undefined;
    }
    if (node.op === 'rcall' && node.args[0] === 'bind') {
      const [variable, bound, body] = node.args[2] as [ASTNode, ASTNode, ASTNode];
      return trace(body, { ...origins, [variable.args as string]: trace(bound, origins) });
    }
    if ((node.op === 'rcall' || node.op === 'call') && node.args[0] === 'size') {
      const counted = node.op === 'rcall' ? node.args[1] : node.args[1][0];
      const of = counted && trace(counted, origins);
      // To count a list its elements must be there, not what is in them.
      if (of) reads.push([...of, '*', 'metadata', 'uid']);
      return undefined;
    }
    for (const inner of children(node)) use(inner, origins);
    return undefined;
  }

  function use(node: ASTNode, origins: Origins): void {
    const path = trace(node, origins);
    if (path) reads.push(path);
  }

  use(ast, { [root]: [] });
  return reads;
}
