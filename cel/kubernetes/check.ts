import type { Call, Fold, LiteralValue, Node, Select } from './parse.ts';
import type { Overload } from './signatures.ts';
import type { Fault } from './tokens.ts';
import {
  assignable,
  type Bindings,
  BOOL,
  BYTES,
  DOUBLE,
  DYN,
  ERROR,
  INT,
  joined,
  type KType,
  listOf,
  NULL,
  optionalOf,
  STRING,
  substitute,
  typeText,
  UINT,
} from './types.ts';
import { Uint } from './values.ts';

export type Scope = ReadonlyMap<string, KType>;

/** What the checker found out about each node. */
export interface Checked {
  type: KType;
  types: Map<Node, KType>;
  overloads: Map<Call, Overload[]>;
  faults: Fault[];
  /** Told only where nothing else is wrong. */
  lateFaults: Fault[];
}

const typeNames: Record<string, KType> = {
  bool: BOOL,
  int: INT,
  uint: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
};
const typeNamed = (name: string): KType | undefined => {
  if (typeNames[name]) return { kind: 'type', of: typeNames[name] };
  if (['list', 'map', 'null_type', 'type', 'optional_type'].includes(name)) return { kind: 'type', of: DYN };
  return undefined;
};

/** `a.b` where `a` is no variable names the function `a.b`. */
export function qualifiedName(
  node: Call,
  functions: ReadonlyMap<string, Overload[]>,
  scope: Scope,
): string | undefined {
  if (node.target?.kind !== 'name' || scope.has(node.target.name)) return undefined;
  const name = `${node.target.name}.${node.name}`;
  return functions.has(name) ? name : undefined;
}

/** What may be a variable whose name holds a dot: `authorizer.requestResource`. */
export const dottedName = ({ of, field, test }: Select): string | undefined =>
  of.kind === 'name' && !test ? `${of.name}.${field}` : undefined;

/** Types an expression as Kubernetes' compiler does; faults are in its words. */
export function check(root: Node, variables: Scope, functions: ReadonlyMap<string, Overload[]>): Checked {
  const types = new Map<Node, KType>();
  const overloads = new Map<Call, Overload[]>();
  const faults: Fault[] = [];
  const lateFaults: Fault[] = [];
  /** Lists that may hold anything: what `format` fills in. */
  const mixed = new Set<Node>();

  function fault(at: number, message: string): KType {
    faults.push({ at, message });
    return ERROR;
  }

  function visit(node: Node, scope: Scope): KType {
    const type = typeOf(node, scope);
    types.set(node, type);
    return type;
  }

  function typeOf(node: Node, scope: Scope): KType {
    switch (node.kind) {
      case 'literal':
        return literalType(node.value);
      case 'name':
        return (
          scope.get(node.name) ??
          typeNamed(node.name) ??
          fault(node.at, `undeclared reference to '${node.name}' (in container '')`)
        );
      case 'select':
        return selectType(node, scope);
      case 'call':
        return callType(node, scope);
      case 'list': {
        const items = node.items.map((item, index) => {
          const type = visit(item, scope);
          return node.optional.has(index) && type.kind === 'optional' ? type.of : type;
        });
        if (!mixed.has(node)) sameTypes(node.items, items);
        return listOf(joined(items));
      }
      case 'map': {
        const keys = node.entries.map(({ key }) => visit(key, scope));
        const values = node.entries.map(({ value, optional }) => {
          const type = visit(value, scope);
          return optional && type.kind === 'optional' ? type.of : type;
        });
        sameTypes(
          node.entries.map(({ key }) => key),
          keys,
        );
        sameTypes(
          node.entries.map(({ value }) => value),
          values,
        );
        return { kind: 'map', key: joined(keys), of: joined(values) };
      }
      case 'fold':
        return foldType(node, scope);
    }
  }

  /** Literals hold values of one type. */
  function sameTypes(nodes: readonly Node[], found: readonly KType[]): void {
    const [first] = found;
    const wrong = found.findIndex((type) => first && !assignable(type, first, new Map()));
    const node = nodes[wrong];
    if (!first || !node) return;
    const message = `expected type '${typeText(first)}' but found '${typeText(found[wrong] ?? DYN)}'`;
    lateFaults.push({ at: node.at, message });
  }

  function selectType(node: Select, scope: Scope): KType {
    const variable = dottedName(node);
    const known = variable === undefined ? undefined : scope.get(variable);
    if (known) return known;
    const of = visit(node.of, scope);
    const field = fieldType(of.kind === 'optional' ? of.of : of, node.field, node.at);
    if (node.test) return field.kind === 'error' ? ERROR : BOOL;
    return of.kind === 'optional' && field.kind !== 'error' ? optionalOf(field) : field;
  }

  function fieldType(of: KType, name: string, at: number): KType {
    if (of.kind === 'dyn' || of.kind === 'error' || of.kind === 'param') return of.kind === 'error' ? ERROR : DYN;
    if (of.kind === 'map') return of.of;
    // Those that Kubernetes calls objects have a name to look fields up by, and none.
    if (of.kind === 'opaque' && of.name.startsWith('kubernetes.'))
      return fault(at, `unexpected failed resolution of '${of.name}'`);
    if (of.kind !== 'object') return fault(at, `type '${typeText(of)}' does not support field selection`);
    return of.fields.get(name) ?? fault(at, `undefined field '${name}'`);
  }

  function callType(node: Call, scope: Scope): KType {
    if (node.name === '_?._') return optionalField(node, scope);
    if (node.name === '_[_]' || node.name === '_[?_]') return indexType(node, scope);
    if (node.name === '_&&_' || node.name === '_||_') {
      for (const arg of node.args) {
        const type = visit(arg, scope);
        if (!assignable(type, BOOL, new Map())) fault(arg.at, `expected type 'bool' but found '${typeText(type)}'`);
      }
      return BOOL;
    }
    if (node.name === '_?_:_') return conditionalType(node, scope);
    if (node.name === 'format' && node.args[0]) mixed.add(node.args[0]);
    const qualified = qualifiedName(node, functions, scope);
    const name = qualified ?? node.name;
    const candidates = functions.get(name);
    const member = node.target !== undefined && qualified === undefined;
    const target = member && node.target ? [visit(node.target, scope)] : [];
    const given = [...target, ...node.args.map((arg) => visit(arg, scope))];
    if (!candidates) return fault(node.at, `undeclared reference to '${node.name}' (in container '')`);
    return resolve(node, name, candidates, member, given);
  }

  function resolve(node: Call, name: string, candidates: Overload[], member: boolean, given: KType[]): KType {
    const matching: { overload: Overload; result: KType }[] = [];
    for (const overload of candidates) {
      if (overload.member !== member || overload.params.length !== given.length) continue;
      const bindings: Bindings = new Map();
      if (!overload.params.every((wanted, index) => assignable(given[index] ?? DYN, wanted, bindings))) continue;
      matching.push({ overload, result: substitute(overload.result, bindings) });
    }
    if (given.some(({ kind }) => kind === 'error')) return ERROR;
    const [first, ...others] = matching;
    if (!first) {
      const texts = given.map(typeText);
      const shown = member ? `${texts[0]}.(${texts.slice(1).join(', ')})` : `(${texts.join(', ')})`;
      return fault(node.at, `found no matching overload for '${name}' applied to '${shown}'`);
    }
    overloads.set(
      node,
      matching.map(({ overload }) => overload),
    );
    return others.every(({ result }) => typeText(result) === typeText(first.result)) ? first.result : DYN;
  }

  function optionalField(node: Call, scope: Scope): KType {
    const [of, name] = node.args as [Node, Node & { kind: 'literal' }];
    const type = visit(of, scope);
    types.set(name, STRING);
    const field = fieldType(type.kind === 'optional' ? type.of : type, String(name.value), node.at);
    return field.kind === 'error' ? ERROR : optionalOf(field);
  }

  function indexType(node: Call, scope: Scope): KType {
    const [ofNode, keyNode] = node.args as [Node, Node];
    const whole = visit(ofNode, scope);
    const key = visit(keyNode, scope);
    const of = whole.kind === 'optional' ? whole.of : whole;
    const result = elementType(of, key);
    if (of.kind === 'error' || key.kind === 'error') return ERROR;
    if (!result)
      return fault(
        node.at,
        `found no matching overload for '${node.name}' applied to '(${typeText(whole)}, ${typeText(key)})'`,
      );
    return node.name === '_[?_]' || whole.kind === 'optional' ? optionalOf(result) : result;
  }

  function elementType(of: KType, key: KType): KType | undefined {
    if (of.kind === 'dyn' || of.kind === 'error') return DYN;
    if (of.kind === 'list') return assignable(key, INT, new Map()) ? of.of : undefined;
    if (of.kind === 'map') return assignable(key, of.key, new Map()) ? of.of : undefined;
    return undefined;
  }

  function conditionalType(node: Call, scope: Scope): KType {
    const [condition = ERROR, then = ERROR, other = ERROR] = node.args.map((arg) => visit(arg, scope));
    if ([condition, then, other].some(({ kind }) => kind === 'error')) return ERROR;
    const bindings: Bindings = new Map();
    const param: KType = { kind: 'param', name: 'A' };
    const fits =
      assignable(condition, BOOL, new Map()) && assignable(then, param, bindings) && assignable(other, param, bindings);
    if (fits) return then.kind === 'dyn' || other.kind === 'dyn' ? DYN : substitute(param, bindings);
    const shown = [condition, then, other].map(typeText).join(', ');
    return fault(node.at, `found no matching overload for '_?_:_' applied to '(${shown})'`);
  }

  function foldType(node: Fold, scope: Scope): KType {
    const range = visit(node.range, scope);
    if (node.name === 'optMap' || node.name === 'optFlatMap') return optionalFold(node, range, scope);
    const elements = rangeTypes(node, range);
    const inner = new Map(scope);
    for (const [index, variable] of node.variables.entries()) inner.set(variable, elements[index] ?? DYN);
    const element = elements.at(-1) ?? DYN;
    if (node.filter) wantCondition(node.filter, visit(node.filter, inner), node.at);
    const step = visit(node.step, inner);
    if (range.kind === 'error') return ERROR;
    switch (node.name) {
      case 'all':
      case 'exists':
        if (!assignable(step, BOOL, new Map()))
          return fault(node.step.at, `expected type 'bool' but found '${typeText(step)}'`);
        return BOOL;
      case 'exists_one':
      case 'existsOne':
        return wantCondition(node.step, step, node.at) ? BOOL : ERROR;
      case 'filter':
        return wantCondition(node.step, step, node.at) ? listOf(element) : ERROR;
      case 'map':
      case 'transformList':
        return listOf(step);
      case 'sortBy':
        return range;
      case 'transformMap':
        return { kind: 'map', key: elements[0] ?? DYN, of: step };
      default:
        return step.kind === 'map' ? step : DYN;
    }
  }

  function wantCondition(node: Node, type: KType, at: number): boolean {
    if (assignable(type, BOOL, new Map())) return true;
    fault(at, `found no matching overload for '_?_:_' applied to '(${typeText(type)}, dyn, dyn)'`);
    return node === undefined;
  }

  function optionalFold(node: Fold, range: KType, scope: Scope): KType {
    const inner = new Map(scope).set(node.variables[0] ?? '', range.kind === 'optional' ? range.of : DYN);
    if (range.kind !== 'optional' && range.kind !== 'dyn' && range.kind !== 'error')
      return fault(node.at, `found no matching overload for 'hasValue' applied to '${typeText(range)}.()'`);
    const step = visit(node.step, inner);
    return node.name === 'optMap' ? optionalOf(step) : step;
  }

  /** The types of the variables: index and element, key and value; of one alone the element or the key. */
  function rangeTypes(node: Fold, range: KType): KType[] {
    const two = node.variables.length === 2;
    if (range.kind === 'list') return two ? [INT, range.of] : [range.of];
    if (range.kind === 'map') return two ? [range.key, range.of] : [range.key];
    if (range.kind !== 'dyn' && range.kind !== 'error')
      fault(
        node.range.at,
        `expression of type '${typeText(range)}' cannot be range of a comprehension (must be list, map, or dynamic)`,
      );
    return node.variables.map(() => DYN);
  }

  return { type: visit(root, variables), types, overloads, faults, lateFaults };
}

function literalType(value: LiteralValue): KType {
  if (typeof value === 'string') return STRING;
  if (typeof value === 'boolean') return BOOL;
  if (typeof value === 'number') return DOUBLE;
  if (typeof value === 'bigint') return INT;
  if (value === null) return NULL;
  return value instanceof Uint ? UINT : BYTES;
}
