import { qualifiedName } from './check.ts';
import type { Call, Fold, Node } from './parse.ts';
import type { Program } from './run.ts';
import { DYN, type KType } from './types.ts';

/** Least and most units of work, or elements. */
export interface Cost {
  min: number;
  max: number;
}

const unknown: Cost = { min: 0, max: Number.POSITIVE_INFINITY };
const fixed = (cost: number): Cost => ({ min: cost, max: cost });
const add = (...costs: Cost[]): Cost => ({
  min: costs.reduce((total, { min }) => total + min, 0),
  max: costs.reduce((total, { max }) => total + max, 0),
});
/** Nothing times unbounded is nothing. */
const product = (a: number, b: number): number => (a === 0 || b === 0 ? 0 : a * b);
const times = (a: Cost, b: Cost): Cost => ({ min: product(a.min, b.min), max: product(a.max, b.max) });
const factor = (cost: Cost, by: number): Cost => ({ min: Math.ceil(cost.min * by), max: Math.ceil(cost.max * by) });
const union = (a: Cost, b: Cost): Cost => ({ min: Math.min(a.min, b.min), max: Math.max(a.max, b.max) });

const traversal = 0.1;
const regexLength = 0.25;
const address: Cost = { min: 4, max: 16 };

/** What a node costs, how large its value may be, and whether it is a part of a variable, whose type bounds it. */
interface Estimate {
  cost: Cost;
  size?: Cost;
  /** The size of elements that were made here, not declared. */
  inner?: Cost;
  placed: boolean;
  type: KType;
  /** An integer that stands in the text. */
  literal?: number;
}

type Scope = ReadonlyMap<string, Estimate>;

/** Estimates an expression's cost by the sizes that its types allow, as the compiler of Kubernetes does. */
export function estimate(program: Program): Cost {
  return new Estimator(program).visit(program.root, new Map()).cost;
}

class Estimator {
  readonly #program: Program;

  constructor(program: Program) {
    this.#program = program;
  }

  #type(node: Node): KType {
    return this.#program.checked.types.get(node) ?? DYN;
  }

  visit(node: Node, scope: Scope): Estimate {
    const type = this.#type(node);
    switch (node.kind) {
      case 'literal': {
        const { value } = node;
        const length = typeof value === 'string' ? [...value].length : value instanceof Uint8Array ? value.length : 1;
        const whole = typeof value === 'bigint' ? { literal: Number(value) } : {};
        return { cost: fixed(0), size: fixed(length), placed: false, type, ...whole };
      }
      case 'name': {
        const local = scope.get(node.name);
        return local ? { ...local, cost: fixed(1) } : { cost: fixed(1), placed: true, type };
      }
      case 'select': {
        const of = this.visit(node.of, scope);
        if (node.test) return { cost: of.cost, placed: false, type };
        const step = ['map', 'object', 'param'].includes(of.type.kind) ? 1 : 0;
        return { cost: add(of.cost, fixed(step)), placed: of.placed, type };
      }
      case 'list': {
        const items = node.items.map((item) => this.visit(item, scope));
        const inner = items.map(sizeOf).reduce(union, { min: items.length ? Number.POSITIVE_INFINITY : 0, max: 0 });
        const cost = add(fixed(10), ...items.map((item) => item.cost));
        return { cost, size: fixed(items.length), inner, placed: false, type };
      }
      case 'map': {
        const parts = node.entries.flatMap(({ key, value }) => [this.visit(key, scope), this.visit(value, scope)]);
        const cost = add(fixed(30), ...parts.map((part) => part.cost));
        return { cost, size: fixed(node.entries.length), placed: false, type };
      }
      case 'fold':
        return this.#fold(node, scope);
      case 'call':
        return this.#call(node, scope);
    }
  }

  #call(node: Call, scope: Scope): Estimate {
    const { functions, variables } = this.#program;
    const qualified = qualifiedName(node, functions, variables);
    const target = node.target && !qualified ? this.visit(node.target, scope) : undefined;
    const args = node.args.map((arg) => this.visit(arg, scope));
    const type = this.#type(node);
    const before = add(target?.cost ?? fixed(0), ...args.map((arg) => arg.cost));
    const done = (cost: Cost, size?: Cost): Estimate => ({
      cost: add(before, cost),
      ...(size && { size }),
      placed: false,
      type,
    });
    const [first, second, third] = args;
    switch (node.name) {
      case '_&&_':
      case '_||_': {
        const [left, right] = [first?.cost ?? fixed(0), second?.cost ?? fixed(0)];
        return { cost: { min: left.min, max: left.max + right.max }, placed: false, type };
      }
      case '_?_:_': {
        const [condition, then, other] = [first, second, third] as [Estimate, Estimate, Estimate];
        const cost = add(condition.cost, union(then.cost, other.cost));
        const inner = then.inner && other.inner && union(then.inner, other.inner);
        return { cost, size: union(sizeOf(then), sizeOf(other)), ...(inner && { inner }), placed: false, type };
      }
      case '_[_]':
      case '_[?_]':
      case '_?._':
        return {
          cost: add(before, fixed(1)),
          ...(first?.inner && { size: first.inner }),
          placed: first?.placed ?? false,
          type: type.kind === 'optional' ? type.of : type,
        };
      case 'dyn':
        return { ...(first as Estimate), cost: add(before, fixed(1)) };
      case '_==_':
      case '_!=_':
        if (first?.type.kind === 'opaque') return done(fixed(1));
        return done(comparison(first, second));
      case '_<_':
      case '_<=_':
      case '_>_':
      case '_>=_':
        return done(
          first?.type.kind === 'string' || first?.type.kind === 'bytes' ? comparison(first, second) : fixed(1),
        );
      case '_+_':
        return this.#plus(first as Estimate, second as Estimate, done);
      case '@in':
        return done(second?.type.kind === 'list' ? sizeOf(second) : fixed(1));
    }
    const [cost, size] = this.#function(qualified ?? node.name, target, args, type);
    return done(cost, size);
  }

  #plus(left: Estimate, right: Estimate, done: (cost: Cost, size?: Cost) => Estimate): Estimate {
    const { kind } = left.type;
    if (kind !== 'string' && kind !== 'bytes' && kind !== 'list') return done(fixed(1));
    const size = add(sizeOf(left), sizeOf(right));
    if (kind !== 'list') return done(factor(size, traversal), size);
    const inner = left.inner && right.inner && union(left.inner, right.inner);
    return { ...done(fixed(1), size), ...(inner && { inner }) };
  }

  #function(name: string, target: Estimate | undefined, args: Estimate[], type: KType): [Cost, Cost?] {
    const on = target ? sizeOf(target) : unknown;
    const first = args[0] ? sizeOf(args[0]) : unknown;
    switch (name) {
      case 'check':
        return [fixed(350_000)];
      case 'isSorted':
      case 'sum':
      case 'max':
      case 'min':
      case 'indexOf':
      case 'lastIndexOf':
        return [this.#traverse(target)];
      case 'lowerAscii':
      case 'upperAscii':
      case 'substring':
      case 'trim':
        return [factor(on, traversal), on];
      case 'url':
        return [factor(first, traversal), first];
      case 'replace':
        return [factor(on, 2 * traversal), replaced(on, first, args[1] ? sizeOf(args[1]) : unknown)];
      case 'split':
        return [factor(on, 2 * traversal), { min: 0, max: on.max }];
      case 'join': {
        const size = joinedSize(target, args[0]);
        return [factor(size, traversal), size];
      }
      case 'find':
      case 'findAll':
        return [times(factor(add(on, fixed(1)), traversal), factor(first, regexLength)), { min: 0, max: on.max }];
      case 'matches': {
        const [text, pattern] = target ? [on, first] : [first, args[1] ? sizeOf(args[1]) : unknown];
        return [times(factor(add(text, fixed(1)), traversal), factor(pattern, regexLength))];
      }
      case 'contains':
        return [times(factor(on, traversal), factor(first, traversal))];
      case 'startsWith':
      case 'endsWith':
        return [factor(first, traversal)];
      case 'isIP':
      case 'cidr':
      case 'isCIDR':
      case 'quantity':
      case 'isQuantity':
      case 'semver':
      case 'isSemver':
        return [factor(first, traversal)];
      case 'ip':
        return [target ? fixed(1) : factor(first, traversal)];
      case 'ip.isCanonical':
        return [factor(first, 2 * traversal)];
      case 'containsIP':
      case 'containsCIDR': {
        const base = factor(add(address, address), traversal);
        const cidr = name === 'containsCIDR' ? add(factor(address, traversal), fixed(1)) : fixed(0);
        return [add(base, cidr, args[0]?.type.kind === 'string' ? factor(first, traversal) : fixed(0))];
      }
      case 'validate':
        return [factor(factor(first, traversal), 128 * regexLength)];
      case 'format':
        return [factor(on, traversal)];
      case 'strings.quote':
        return [factor(first, traversal), { min: first.min + 2, max: first.max * 2 + 2 }];
      case 'string':
        return args[0]?.type.kind === 'bytes'
          ? [factor(first, traversal), { min: first.min / 4, max: first.max }]
          : [fixed(1)];
      case 'bytes':
        return args[0]?.type.kind === 'string'
          ? [factor(first, traversal), { min: first.min, max: first.max * 4 }]
          : [fixed(1)];
      case 'sets.contains':
      case 'sets.intersects':
        return [add(fixed(1), times(first, args[1] ? sizeOf(args[1]) : unknown))];
      case 'sets.equivalent':
        return [add(fixed(1), factor(times(first, args[1] ? sizeOf(args[1]) : unknown), 2))];
      case 'sort':
      case 'distinct':
        return [add(fixed(11), times(on, on)), on];
      case 'slice':
      case 'reverse':
        return [add(fixed(11), on), on];
      case 'flatten':
        return [add(fixed(11), times(on, target?.inner ?? elementSize(target))), unknown];
      case 'lists.range':
        return rangeCost(args[0]?.literal);
      default:
        return [fixed(1), type.kind === 'list' ? unknown : undefined].slice(0, type.kind === 'list' ? 2 : 1) as [
          Cost,
          Cost?,
        ];
    }
  }

  #traverse(target: Estimate | undefined): Cost {
    if (target?.type.kind !== 'list') return factor(target ? sizeOf(target) : unknown, traversal);
    const { kind } = target.type.of;
    const each =
      kind === 'string' || kind === 'bytes'
        ? add(fixed(1), factor(target.inner ?? elementSize(target), traversal))
        : fixed(1);
    return times(sizeOf(target), each);
  }

  /** A macro is a loop: what is asked and done for each element, as many times as there are elements. */
  #fold(node: Fold, scope: Scope): Estimate {
    const range = this.visit(node.range, scope);
    const type = this.#type(node);
    const inner = new Map(scope);
    const single = node.variables.length === 1;
    for (const [index, variable] of node.variables.entries()) {
      const isKey = !single && index === 0;
      const of = elementOf(range.type, single, isKey);
      inner.set(variable, {
        cost: fixed(1),
        placed: range.placed,
        type: of,
        ...(range.inner && !isKey && { size: range.inner }),
      });
    }
    const step = this.visit(node.step, inner);
    const filter = node.filter && this.visit(node.filter, inner);
    const count = sizeOf(range);
    const loop = (each: Cost, around: Cost): Cost => add(range.cost, around, times(count, each));
    switch (node.name) {
      case 'all':
        // @not_strictly_false(accu), then accu && step
        return { cost: loop({ min: 3, max: 3 + step.cost.max }, fixed(1)), size: fixed(1), placed: false, type };
      case 'exists':
        // @not_strictly_false(!accu), then accu || step
        return { cost: loop({ min: 4, max: 4 + step.cost.max }, fixed(1)), size: fixed(1), placed: false, type };
      case 'exists_one':
      case 'existsOne':
        // step ? accu + 1 : accu
        return { cost: loop(add(step.cost, { min: 1, max: 2 }), fixed(2)), size: fixed(1), placed: false, type };
      case 'optMap':
      case 'optFlatMap':
        return { cost: add(range.cost, fixed(2), { min: 0, max: step.cost.max + 12 }), placed: false, type };
    }
    // accu + [step]: a list is made each time.
    const made = node.name === 'filter' ? add(step.cost, { min: 1, max: 13 }) : add(step.cost, fixed(12));
    const each = filter ? { min: filter.cost.min + 1, max: filter.cost.max + made.max } : made;
    const result = node.name === 'filter' ? (range.inner ?? elementSize(range)) : sizeOf(step);
    return { cost: loop(each, fixed(11)), size: { min: 0, max: count.max }, inner: result, placed: false, type };
  }
}

function elementOf(range: KType, single: boolean, isKey: boolean): KType {
  if (range.kind === 'list') return isKey ? { kind: 'int' } : range.of;
  if (range.kind === 'map') return single || isKey ? range.key : range.of;
  return DYN;
}

const scalars = ['bool', 'int', 'uint', 'double', 'null', 'timestamp', 'duration', 'type'];

/** As far as it is known: computed, or bounded by the declared type of the variable it is a part of. */
function sizeOf({ size, placed, type }: Pick<Estimate, 'size' | 'placed' | 'type'>): Cost {
  if (size) return size;
  const { max } = type as { max?: number };
  if (placed && type.kind !== 'dyn') return { min: 0, max: max ?? 0 };
  return scalars.includes(type.kind) ? fixed(1) : unknown;
}

function elementSize(list: Estimate | undefined): Cost {
  if (list?.type.kind !== 'list') return unknown;
  return sizeOf({ placed: list.placed, type: list.type.of });
}

function comparison(left: Estimate | undefined, right: Estimate | undefined): Cost {
  const most = Math.min(left ? sizeOf(left).max : 1, right ? sizeOf(right).max : 1);
  return factor({ min: most > 0 ? 1 : 0, max: most }, traversal);
}

function joinedSize(list: Estimate | undefined, separator: Estimate | undefined): Cost {
  if (!list) return unknown;
  const count = sizeOf(list);
  const elements = times(count, list.inner ?? elementSize(list));
  if (!separator) return elements;
  return add(elements, times(sizeOf(separator), { min: Math.max(0, count.min - 1), max: Math.max(0, count.max - 1) }));
}

function replaced(on: Cost, from: Cost, to: Cost): Cost {
  const count = from.min === 0 ? on.max + 1 : to.max <= from.min ? 0 : Math.ceil(on.max / from.min);
  const kept = from.min === 0 || to.max <= from.min ? on.max : 0;
  return { min: 0, max: product(count, to.max) + kept };
}

const rangeCost = (count: number | undefined): [Cost, Cost] => {
  const size = count === undefined ? unknown : fixed(count);
  return [add(fixed(11), size), size];
};
