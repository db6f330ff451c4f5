import { type Checked, dottedName, qualifiedName, type Scope } from './check.ts';
import type { Call, Fold, Node, Select } from './parse.ts';
import type { CallContext, Overload } from './signatures.ts';
import { DYN, type KType } from './types.ts';
import { adopt, adoptList, CostExceeded, compare, EvaluationError, isObject, Optional, TypeValue } from './values.ts';

interface Names {
  name: string;
  value: unknown;
  outer: Names | undefined;
}

export interface Program {
  root: Node;
  checked: Checked;
  variables: Scope;
  functions: ReadonlyMap<string, Overload[]>;
}

export interface Result {
  value?: unknown;
  /** In the words of Kubernetes' evaluator. */
  error?: string;
  /** Units of work spent. */
  cost: number;
}

/** Evaluates with the values of the variables; those left out are absent. More than `limit` units end it. */
export function run(program: Program, values: Readonly<Record<string, unknown>>, limit: number): Result {
  const evaluation = new Evaluation(program, limit);
  let names: Names | undefined;
  for (const [name, value] of Object.entries(values)) if (value !== undefined) names = { name, value, outer: names };
  try {
    return { value: evaluation.visit(program.root, names), cost: evaluation.cost };
  } catch (error) {
    if (error instanceof EvaluationError || error instanceof CostExceeded)
      return { error: error.message, cost: evaluation.cost };
    throw error;
  }
}

class Evaluation {
  cost = 0;
  readonly #limit: number;
  readonly #lists = new WeakMap<unknown[], { kind: KType['kind']; list: unknown[] }>();
  readonly #keys = new WeakMap<object, string[]>();
  readonly #program: Program;
  readonly #spend = (units: number): void => {
    this.cost += units;
    if (this.cost > this.#limit) throw new CostExceeded();
  };

  constructor(program: Program, limit: number) {
    this.#program = program;
    this.#limit = limit;
  }

  /** A list that is read in a loop is gone through once. */
  #adopted(list: unknown[], type: KType): unknown[] {
    const kind = type.kind === 'list' ? type.of.kind : 'dyn';
    const known = this.#lists.get(list);
    if (known?.kind === kind) return known.list;
    const adopted = { kind, list: adoptList(list, type) };
    this.#lists.set(list, adopted);
    this.#lists.set(adopted.list, adopted);
    return adopted.list;
  }

  #keysOf(map: object): string[] {
    const keys = this.#keys.get(map) ?? Object.keys(map);
    this.#keys.set(map, keys);
    return keys;
  }

  #type(node: Node): KType {
    return this.#program.checked.types.get(node) ?? DYN;
  }

  visit(node: Node, names: Names | undefined): unknown {
    switch (node.kind) {
      case 'literal':
        return node.value;
      case 'name':
        return this.#variable(node.name, node, names);
      case 'select':
        return this.#select(node, names);
      case 'call':
        return this.#call(node, names);
      case 'list': {
        this.#spend(10);
        const items: unknown[] = [];
        for (const [index, item] of node.items.entries()) {
          const value = this.visit(item, names);
          if (!node.optional.has(index)) items.push(value);
          else if ((value as Optional).present) items.push((value as Optional).value);
        }
        return items;
      }
      case 'map': {
        this.#spend(30);
        const map: Record<string, unknown> = {};
        for (const { key, value, optional } of node.entries) {
          const name = String(this.visit(key, names));
          const found = this.visit(value, names);
          if (!optional) map[name] = found;
          else if ((found as Optional).present) map[name] = (found as Optional).value;
        }
        return map;
      }
      case 'fold':
        return this.#fold(node, names);
    }
  }

  #variable(name: string, node: Node, names: Names | undefined): unknown {
    this.#spend(1);
    for (let link = names; link; link = link.outer) if (link.name === name) return adopt(link.value, this.#type(node));
    if (!this.#program.variables.has(name)) return new TypeValue(name);
    throw new EvaluationError(`no such attribute(s): ${name}`);
  }

  #select(node: Select, names: Names | undefined): unknown {
    const variable = dottedName(node);
    if (variable !== undefined && this.#program.variables.has(variable)) return this.#variable(variable, node, names);
    const of = this.visit(node.of, names);
    const type = this.#type(node);
    if (node.test) {
      const inner = of instanceof Optional ? of.value : of;
      return isObject(inner) && this.#field(inner, node.field, this.#type(node.of)) !== undefined;
    }
    this.#spend(1);
    if (of instanceof Optional) return this.#within(of, (inner) => this.#field(inner, node.field, DYN));
    const found = this.#field(of, node.field, this.#type(node.of));
    if (found === undefined) throw new EvaluationError(`no such key: ${node.field}`);
    return adopt(found, type);
  }

  /** A field of an optional is optional. */
  #within({ value }: Optional, read: (inner: unknown) => unknown): Optional {
    if (value === undefined) return new Optional(undefined);
    const found = read(value);
    return new Optional(found === undefined ? undefined : adopt(found, DYN));
  }

  #field(of: unknown, name: string, type: KType): unknown {
    if (!isObject(of)) throw new EvaluationError('no such overload');
    const key = type.kind === 'object' ? unescapeName(name) : name;
    return Object.hasOwn(of, key) ? of[key] : undefined;
  }

  #call(node: Call, names: Names | undefined): unknown {
    switch (node.name) {
      case '_&&_':
        return this.#logic(node, false, names);
      case '_||_':
        return this.#logic(node, true, names);
      case '_?_:_': {
        const condition = this.visit(node.args[0] as Node, names);
        if (typeof condition !== 'boolean') throw new EvaluationError('no such overload');
        return this.visit((condition ? node.args[1] : node.args[2]) as Node, names);
      }
      case '_[_]':
      case '_[?_]':
      case '_?._':
        return this.#index(node, names);
    }
    const { functions, variables, checked } = this.#program;
    const qualified = qualifiedName(node, functions, variables);
    const nodes = node.target && !qualified ? [node.target, ...node.args] : node.args;
    const args = nodes.map((arg) => {
      const value = this.visit(arg, names);
      return Array.isArray(value) ? this.#adopted(value, this.#type(arg)) : value;
    });
    this.#spend(this.#baseCost(node.name, args));
    // Functions count a map's keys, which takes time by their number.
    for (const arg of args)
      if (isObject(arg) && this.#keysOf(arg).length > freeKeys) this.#spend(this.#keysOf(arg).length);
    const context: CallContext = { spend: this.#spend, types: nodes.map((arg) => this.#type(arg)) };
    const candidates = checked.overloads.get(node) ?? [];
    const overload = candidates.find((one) => accepts(one, args));
    if (!overload) throw new EvaluationError('no such overload');
    const result = overload.run(args, context);
    const type = this.#type(node);
    // What an optional held may still be as JSON has it.
    return type.kind === 'dyn' ? result : adopt(result, type);
  }

  #baseCost(name: string, args: unknown[]): number {
    const [left, right] = args;
    if (['_==_', '_!=_', '_<_', '_<=_', '_>_', '_>=_'].includes(name))
      return Math.max(1, Math.ceil(Math.min(lengthOf(left), lengthOf(right)) * 0.1));
    if (name === '_+_' && typeof left === 'string') return Math.ceil((lengthOf(left) + lengthOf(right)) * 0.1);
    if (name === '@in' && Array.isArray(right)) return right.length;
    if (name === 'startsWith' || name === 'endsWith') return Math.ceil(lengthOf(right) * 0.1);
    if (['quantity', 'isQuantity', 'ip', 'isIP', 'cidr', 'isCIDR', 'url', 'isURL', 'semver', 'isSemver'].includes(name))
      return Math.ceil(lengthOf(left) * 0.1);
    return 1;
  }

  /** The side that decides wins over one that fails. */
  #logic(node: Call, stop: boolean, names: Names | undefined): boolean {
    let failure: unknown;
    for (const arg of node.args) {
      try {
        const value = this.visit(arg, names);
        if (typeof value !== 'boolean') throw new EvaluationError('no such overload');
        if (value === stop) return stop;
      } catch (error) {
        if (error instanceof CostExceeded) throw error;
        failure ??= error;
      }
    }
    if (failure) throw failure;
    return !stop;
  }

  #index(node: Call, names: Names | undefined): unknown {
    const [ofNode, keyNode] = node.args as [Node, Node];
    const of = this.visit(ofNode, names);
    const key = this.visit(keyNode, names);
    this.#spend(1);
    const optional = node.name !== '_[_]';
    if (of instanceof Optional || optional) {
      const inner = of instanceof Optional ? of : new Optional(of);
      const type = this.#type(ofNode);
      return this.#within(inner, (value) => {
        if (value === null) return undefined;
        if (node.name === '_?._') return this.#field(value, key as string, type);
        return this.#element(value, key);
      });
    }
    const found = this.#element(of, key);
    if (found === undefined)
      throw new EvaluationError(Array.isArray(of) ? `index out of bounds: ${key}` : `no such key: ${key}`);
    return adopt(found, this.#type(node));
  }

  #element(of: unknown, key: unknown): unknown {
    if (Array.isArray(of)) return typeof key === 'bigint' || typeof key === 'number' ? of[Number(key)] : undefined;
    if (!isObject(of)) throw new EvaluationError('no such overload');
    return Object.hasOwn(of, String(key)) ? of[String(key)] : undefined;
  }

  #fold(node: Fold, names: Names | undefined): unknown {
    const range = this.visit(node.range, names);
    if (node.name === 'optMap' || node.name === 'optFlatMap') {
      const { value, present } = range as Optional;
      if (!present) return new Optional(undefined);
      const inner = this.visit(node.step, { name: node.variables[0] ?? '', value, outer: names });
      return node.name === 'optMap' ? new Optional(inner) : inner;
    }
    const entries = this.#entries(node, range);
    const bind = (entry: unknown[]): Names | undefined =>
      node.variables.reduce<Names | undefined>((outer, name, index) => ({ name, value: entry[index], outer }), names);
    const holds = (test: Node, within: Names | undefined): boolean => {
      const value = this.visit(test, within);
      if (typeof value !== 'boolean') throw new EvaluationError('no such overload');
      return value;
    };
    switch (node.name) {
      case 'all':
      case 'exists':
        return this.#search(entries, node.name === 'exists', (entry) => {
          this.#spend(3);
          return holds(node.step, bind(entry));
        });
      case 'exists_one':
      case 'existsOne': {
        let count = 0;
        for (const entry of entries) {
          this.#spend(2);
          if (holds(node.step, bind(entry))) count++;
        }
        return count === 1;
      }
    }
    const kept = [...entries].filter((entry) => {
      this.#spend(2);
      const test = node.name === 'filter' ? node.step : node.filter;
      return !test || holds(test, bind(entry));
    });
    if (node.name === 'filter') return kept.map((entry) => entry.at(-1));
    const made = kept.map((entry) => this.visit(node.step, bind(entry)));
    if (node.name === 'map' || node.name === 'transformList') return made;
    if (node.name === 'sortBy')
      return sortedBy(
        kept.map((entry) => entry.at(-1)),
        made,
      );
    const entriesOf =
      node.name === 'transformMap'
        ? kept.map(([key], index) => [String(key), made[index]])
        : made.flatMap((one) => Object.entries(one as object));
    return Object.fromEntries(entriesOf);
  }

  *#entries(node: Fold, range: unknown): Generator<unknown[]> {
    const type = this.#type(node.range);
    const two = node.variables.length === 2;
    if (Array.isArray(range)) {
      for (const [index, one] of this.#adopted(range, type).entries()) yield two ? [BigInt(index), one] : [one];
      return;
    }
    if (!isObject(range)) throw new EvaluationError('no such overload');
    const of = type.kind === 'map' ? type.of : DYN;
    for (const key of this.#keysOf(range)) yield two ? [key, adopt(range[key], of)] : [key];
  }

  #search(entries: Iterable<unknown[]>, stop: boolean, test: (entry: unknown[]) => boolean): boolean {
    let failure: unknown;
    for (const entry of entries) {
      try {
        if (test(entry) === stop) return stop;
      } catch (error) {
        if (error instanceof CostExceeded) throw error;
        failure ??= error;
      }
    }
    if (failure) throw failure;
    return !stop;
  }
}

/** Keys that are counted for nothing. */
const freeKeys = 10_000;

function sortedBy(values: unknown[], keys: unknown[]): unknown[] {
  return values
    .map((value, index) => ({ value, key: keys[index] }))
    .sort((one, other) => compare(one.key, other.key) ?? 0)
    .map(({ value }) => value);
}

const lengthOf = (value: unknown): number =>
  typeof value === 'string' || Array.isArray(value) || value instanceof Uint8Array ? value.length : 1;

/** Fields whose names are no CEL names are written with what stands for a sign: `__dash__`. */
function unescapeName(name: string): string {
  if (!name.includes('__')) return name;
  const whole = /^__([a-z]+)__$/.exec(name);
  if (whole && keywords.has(whole[1] ?? '')) return whole[1] ?? '';
  const signs: Record<string, string> = { underscores: '__', dot: '.', dash: '-', slash: '/' };
  return name.replace(/__(underscores|dot|dash|slash)__/g, (_, sign) => signs[sign] ?? '');
}

export const keywords = new Set(
  'true false null in as break const continue else for function if import let loop package namespace return var void while'.split(
    ' ',
  ),
);

/** Whether an overload takes these values, where the types were open. */
function accepts({ params }: Overload, args: unknown[]): boolean {
  return params.every((wanted, index) => {
    const value = args[index];
    switch (wanted.kind) {
      case 'int':
        return typeof value === 'bigint';
      case 'double':
        return typeof value === 'number';
      case 'string':
        return typeof value === 'string';
      case 'bool':
        return typeof value === 'boolean';
      case 'bytes':
        return value instanceof Uint8Array;
      case 'list':
        return Array.isArray(value);
      case 'map':
        return isObject(value);
      case 'optional':
        return value instanceof Optional;
      case 'timestamp':
      case 'duration':
        return value?.constructor.name.toLowerCase() === wanted.kind;
      case 'uint':
        return value?.constructor.name === 'Uint';
      case 'opaque':
        return (value as { typeName?: string } | null)?.typeName === wanted.name;
      default:
        return true;
    }
  });
}
