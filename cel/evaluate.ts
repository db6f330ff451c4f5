import type { ASTNode } from '@marcbachmann/cel-js';
import { type NodeTypes, PREDICATES } from './check.ts';
import { FUNCTIONS, kindOf, overload } from './functions.ts';
import { type CelType, DYN } from './types.ts';
import {
  Absent,
  type Budget,
  BudgetSpent,
  CelError,
  Duration,
  equal,
  isObject,
  Optional,
  Timestamp,
} from './values.ts';

/** Names in sight: a list, so that a macro's variable costs one link. */
export interface Names {
  name: string;
  value: unknown;
  /** How the value is called when a field of it is shown: `status.containerStatuses[0]`. */
  shown: string;
  outer: Names | undefined;
}

export function bind(name: string, value: unknown, shown: string, outer: Names | undefined): Names {
  return { name, value, shown, outer };
}

export function find(names: Names | undefined, name: string): Names | undefined {
  for (let link = names; link; link = link.outer) if (link.name === name) return link;
  return undefined;
}

/**
 * The value of a node. Plain JSON comes in, and what is read is made CEL by its static type: ints of `integer`,
 * timestamps of `date-time`. A field that is not there makes the result Absent, which `&&`, `||`, `exists` and
 * `all` absorb as they absorb errors.
 * @throws CelError where the expression does not fit the value; BudgetSpent
 */
export function evaluateNode(node: ASTNode, names: Names | undefined, types: NodeTypes, budget: Budget): unknown {
  const visit = (inner: ASTNode, within = names) => evaluateNode(inner, within, types, budget);
  const typed = (inner: ASTNode) => types.get(inner) ?? DYN;
  budget.spend(1);

  switch (node.op) {
    case 'value':
      return literal(node.args);
    case 'id': {
      const found = find(names, node.args);
      return found ? adopt(found.value, typed(node), found.shown) : new Absent(node.args);
    }
    case '.': {
      const [target, name] = node.args;
      return lift(visit(target), (of) => select(of, name, typed(target), typed(node), node));
    }
    case '[]': {
      const [target, key] = node.args;
      return lift(visit(target), (of) =>
        lift(visit(key), (index) => element(of, index, typed(target), typed(node), node)),
      );
    }
    case '.?':
    case '[?]': {
      const [target, key] = node.args;
      const of = visit(target);
      const inner = of instanceof Optional ? of.value : of;
      if (inner === undefined || inner instanceof Absent) return new Optional(undefined);
      const type = typed(node);
      const fieldType = type.kind === 'optional' ? type.of : DYN;
      const found =
        typeof key === 'string'
          ? select(inner, key, typed(target), fieldType, node)
          : lift(visit(key), (index) => element(inner, index, typed(target), fieldType, node));
      return new Optional(found instanceof Absent ? undefined : found);
    }
    case 'list': {
      const values = node.args.map((inner) => visit(inner));
      return values.find((value) => value instanceof Absent) ?? values;
    }
    case 'map': {
      const entries = node.args.map(([key, value]) => [visit(key), visit(value)] as const);
      const missing = entries.flat().find((value) => value instanceof Absent);
      return missing ?? Object.fromEntries(entries.map(([key, value]) => [String(key), value]));
    }
    case '?:':
      return lift(visit(node.args[0]), (condition) =>
        visit(truth(condition, node.args[0]) ? node.args[1] : node.args[2]),
      );
    case '&&':
      return both(node.args, false, visit);
    case '||':
      return both(node.args, true, visit);
    case '!_':
      return lift(visit(node.args), (value) => !truth(value, node));
    case '-_':
      return lift(visit(node.args), (value) => {
        if (typeof value === 'bigint' || typeof value === 'number') return -value;
        if (value instanceof Duration) return new Duration(-value.milliseconds);
        throw new CelError('`-` wants a number', node);
      });
    case 'call':
    case 'rcall':
      return call(node, names, types, budget);
    default:
      return lift(visit(node.args[0]), (left) =>
        lift(visit(node.args[1]), (right) => binary(node.op, left, right, budget, node)),
      );
  }
}

/** Absent is passed on; anything else goes through. */
function lift(value: unknown, then: (value: unknown) => unknown): unknown {
  return value instanceof Absent ? value : then(value);
}

function truth(value: unknown, at: ASTNode): boolean {
  if (typeof value !== 'boolean') throw new CelError('true or false is wanted here', at);
  return value;
}

function literal(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return value;
  return BigInt(String(value));
}

/** Makes what JSON holds a CEL value; `null` where the schema knows no null is a field that is not there. */
function adopt(raw: unknown, type: CelType, path: string): unknown {
  if (raw === undefined) return new Absent(path);
  if (raw === null) return type.kind === 'dyn' || type.kind === 'null' ? null : new Absent(path);
  if (typeof raw === 'number') return type.kind === 'double' || !Number.isInteger(raw) ? raw : BigInt(raw);
  if (type.kind === 'timestamp' && typeof raw === 'string') return new Timestamp(raw);
  return raw;
}

function select(of: unknown, name: string, ofType: CelType, type: CelType, node: ASTNode): unknown {
  if (of instanceof Optional) {
    if (!of.present) return of;
    const inner = select(of.value, name, DYN, type.kind === 'optional' ? type.of : DYN, node);
    return new Optional(inner instanceof Absent ? undefined : inner);
  }
  if (!isObject(of)) throw new CelError(`there is no field \`${name}\` in ${typeof of}`, node);
  const raw = Object.hasOwn(of, name) ? of[name] : undefined;
  if ((raw === undefined || raw === null) && ofType.kind === 'object') {
    if (ofType.fields.zeroWhenAbsent(name)) return 0n;
    if (ofType.fields.emptyWhenAbsent(name)) return {};
  }
  return adopt(raw, type, name);
}

function element(of: unknown, key: unknown, ofType: CelType, type: CelType, node: ASTNode): unknown {
  if (Array.isArray(of)) {
    if (typeof key !== 'bigint' && typeof key !== 'number') throw new CelError('a list is read by number', node);
    return adopt(of[Number(key)], type, `[${key}]`);
  }
  if (typeof key !== 'string') throw new CelError('a map is read by text', node);
  return select(of, key, ofType, type, node);
}

/** `&&` (stops at false) and `||` (stops at true): a side that decides wins over one that is absent or fails. */
function both(sides: readonly ASTNode[], stop: boolean, visit: (node: ASTNode) => unknown): unknown {
  let absent: Absent | undefined;
  let failure: unknown;
  for (const side of sides) {
    try {
      const value = visit(side);
      if (value instanceof Absent) absent ??= value;
      else if (truth(value, side) === stop) return stop;
    } catch (error) {
      if (error instanceof BudgetSpent) throw error;
      failure ??= error;
    }
  }
  if (failure) throw failure;
  return absent ?? !stop;
}

function binary(op: string, left: unknown, right: unknown, budget: Budget, node: ASTNode): unknown {
  switch (op) {
    case '==':
      return equal(left, right, budget);
    case '!=':
      return !equal(left, right, budget);
    case 'in':
      if (Array.isArray(right)) return right.some((one) => equal(left, one, budget));
      if (isObject(right)) return Object.hasOwn(right, String(left));
      throw new CelError('`in` wants a list or a map', node);
    case '<':
      return order(left, right, node) < 0;
    case '<=':
      return order(left, right, node) <= 0;
    case '>':
      return order(left, right, node) > 0;
    case '>=':
      return order(left, right, node) >= 0;
    case '+':
      return plus(left, right, budget, node);
    default:
      return arithmetic(op, left, right, node);
  }
}

function order(left: unknown, right: unknown, node: ASTNode): number {
  const numbers = (value: unknown) => typeof value === 'bigint' || typeof value === 'number';
  const timed = (value: unknown) => value instanceof Timestamp || value instanceof Duration;
  if (timed(left) && timed(right)) return (left as Duration).milliseconds - (right as Duration).milliseconds;
  if (typeof left !== typeof right && !(numbers(left) && numbers(right)))
    throw new CelError(`\`${node.op}\` cannot compare ${typeof left} and ${typeof right}`, node);
  if (typeof left === 'object') throw new CelError(`\`${node.op}\` wants numbers, text or times`, node);
  return (left as number) < (right as number) ? -1 : (left as number) > (right as number) ? 1 : 0;
}

function plus(left: unknown, right: unknown, budget: Budget, node: ASTNode): unknown {
  if (typeof left === 'string' && typeof right === 'string') {
    budget.spend((left.length + right.length) / 10);
    return left + right;
  }
  if (Array.isArray(left) && Array.isArray(right)) {
    budget.spend(left.length + right.length);
    return [...left, ...right];
  }
  return arithmetic('+', left, right, node);
}

function arithmetic(op: string, left: unknown, right: unknown, node: ASTNode): unknown {
  if (left instanceof Timestamp && right instanceof Timestamp && op === '-')
    return new Duration(left.milliseconds - right.milliseconds);
  if ((left instanceof Timestamp || left instanceof Duration) && right instanceof Duration) {
    const total = left.milliseconds + (op === '-' ? -right.milliseconds : right.milliseconds);
    return left instanceof Timestamp ? new Timestamp(new Date(total).toISOString()) : new Duration(total);
  }
  if (typeof left === 'bigint' && typeof right === 'bigint') return integers(op, left, right, node);
  const numeric = (value: unknown) => typeof value === 'bigint' || typeof value === 'number';
  if (!numeric(left) || !numeric(right))
    throw new CelError(`\`${op}\` cannot join ${typeof left} and ${typeof right}`, node);
  const [a, b] = [Number(left), Number(right)];
  if (op === '%') throw new CelError('`%` wants ints', node);
  return op === '+' ? a + b : op === '-' ? a - b : op === '*' ? a * b : a / b;
}

function integers(op: string, left: bigint, right: bigint, node: ASTNode): bigint {
  if ((op === '/' || op === '%') && right === 0n) throw new CelError('division by zero', node);
  const result =
    op === '+'
      ? left + right
      : op === '-'
        ? left - right
        : op === '*'
          ? left * right
          : op === '/'
            ? left / right
            : left % right;
  if (BigInt.asIntN(64, result) !== result) throw new CelError('the number does not fit 64 bits', node);
  return result;
}

function call(
  node: ASTNode & { op: 'call' | 'rcall' },
  names: Names | undefined,
  types: NodeTypes,
  budget: Budget,
): unknown {
  const visit = (inner: ASTNode, within = names) => evaluateNode(inner, within, types, budget);
  const [name, args] = node.op === 'call' ? node.args : [node.args[0], node.args[2]];
  const target = node.op === 'rcall' ? node.args[1] : undefined;
  if (!target && name === 'has') return has(args[0]!, visit);
  if (target?.op === 'id' && target.args === 'cel' && name === 'bind') {
    const variable = args[0]!.args as string;
    return lift(visit(args[1]!), (value) => visit(args[2]!, bind(variable, value, variable, names)));
  }
  if (target && PREDICATES.has(name))
    return lift(visit(target), (of) => macro(node, name, of, args, names, types, budget));
  const qualified = target?.op === 'id' && FUNCTIONS[`${target.args}.${name}`] ? `${target.args}.${name}` : undefined;
  const given = (qualified || !target ? args : [target, ...args]).map((arg) => {
    const value = visit(arg);
    return Array.isArray(value) ? elements(value, types.get(arg)) : value;
  });
  const missing = given.find((value) => value instanceof Absent);
  if (given[0] instanceof Optional && target) return optionalCall(name, given[0], given[1], node);
  if (missing) return missing;
  const kinds = given.map(kindOf);
  const receiver = qualified || !target ? undefined : kinds.shift();
  const found = overload(qualified ?? name, receiver, kinds);
  if (!found)
    throw new CelError(`\`${name}\` does not take ${kinds.map((kind) => kind.kind).join(', ') || 'this'}`, node);
  try {
    return found.call(given, budget);
  } catch (error) {
    if (error instanceof CelError) throw new CelError(error.message, node);
    throw error;
  }
}

/** False too where the object before the dot is not there; a count that is left out is not there. */
function has(field: ASTNode, visit: (node: ASTNode) => unknown): boolean {
  if (field.op !== '.') return !(visit(field) instanceof Absent);
  const of = visit(field.args[0]);
  return isObject(of) && Object.hasOwn(of, field.args[1]) && of[field.args[1]] !== null;
}

function elements(list: unknown[], type: CelType | undefined): unknown[] {
  if (!list.some((value) => typeof value === 'number')) return list;
  return list.map((value) => adopt(value, type?.kind === 'list' ? type.of : DYN, ''));
}

function optionalCall(name: string, optional: Optional, fallback: unknown, node: ASTNode): unknown {
  if (name === 'hasValue') return optional.present;
  if (name === 'orValue') return optional.present ? optional.value : fallback;
  if (name !== 'value') throw new CelError(`an optional has no \`${name}\``, node);
  return optional.present ? optional.value : new Absent('value');
}

function macro(
  node: ASTNode,
  name: string,
  of: unknown,
  args: readonly ASTNode[],
  names: Names | undefined,
  types: NodeTypes,
  budget: Budget,
): unknown {
  const list = Array.isArray(of) ? of : isObject(of) ? Object.keys(of) : undefined;
  if (!list) throw new CelError(`\`${name}\` wants a list or a map`, node);
  const variable = args[0]!.args as string;
  const last = args.at(-1)!;
  const run = (one: unknown, body = last) => evaluateNode(body, bind(variable, one, variable, names), types, budget);
  const test = (one: unknown, body = last) => {
    const value = run(one, body);
    return value instanceof Absent ? value : truth(value, body);
  };
  budget.spend(list.length);
  switch (name) {
    case 'exists':
    case 'all':
      return search(list, name === 'exists', test);
    case 'filter':
    case 'map': {
      const kept = [];
      for (const one of list) {
        const wanted = name === 'filter' ? test(one) : args.length === 3 ? test(one, args[1]!) : true;
        if (wanted instanceof Absent) return wanted;
        if (!wanted) continue;
        const value = name === 'filter' ? one : run(one);
        if (value instanceof Absent) return value;
        kept.push(value);
      }
      return kept;
    }
    default: {
      let count = 0;
      for (const one of list) {
        const value = test(one);
        if (value instanceof Absent) return value;
        if (value) count++;
      }
      return count === 1;
    }
  }
}

/** `exists` is decided by one true, `all` by one false; what is absent or fails counts only if nothing decides. */
function search(list: unknown[], stop: boolean, test: (one: unknown) => boolean | Absent): boolean | Absent {
  let absent: Absent | undefined;
  let failure: unknown;
  for (const one of list) {
    try {
      const value = test(one);
      if (value instanceof Absent) absent ??= value;
      else if (value === stop) return stop;
    } catch (error) {
      if (error instanceof BudgetSpent) throw error;
      failure ??= error;
    }
  }
  if (failure) throw failure;
  return absent ?? !stop;
}
