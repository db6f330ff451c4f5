import type { ASTNode } from '@marcbachmann/cel-js';
import { FUNCTIONS, overload, re2 } from './functions.ts';
import { closest } from './suggest.ts';
import {
  BOOL,
  type CelType,
  common,
  compatible,
  DOUBLE,
  DYN,
  INT,
  isNumber,
  listOf,
  mapOf,
  optionalOf,
  STRING,
  typeName,
} from './types.ts';
import { CelError } from './values.ts';

/** One thing that is wrong in an expression: offsets are of its characters. */
export interface CelProblem {
  message: string;
  /** What to do, where that is known: `did you mean "replicas"?` */
  remedy?: string;
  start: number;
  end: number;
}

export type Scope = Readonly<Record<string, CelType>>;
export type NodeTypes = Map<ASTNode, CelType>;

const COMPARISONS = new Set(['==', '!=', '<', '<=', '>', '>=', 'in']);
export const PREDICATES = new Set(['exists', 'all', 'exists_one', 'existsOne', 'filter', 'map']);

/** Types every node of the expression; what is wrong is collected, and typed `dyn` so that the rest is still checked. */
export function checkTypes(ast: ASTNode, scope: Scope): { types: NodeTypes; type: CelType; problems: CelProblem[] } {
  const types: NodeTypes = new Map();
  const problems: CelProblem[] = [];

  function problem(node: { start: number; end: number }, message: string, remedy?: string): CelType {
    problems.push({ message, start: node.start, end: node.end, ...(remedy ? { remedy } : {}) });
    return DYN;
  }

  function visit(node: ASTNode, names: Scope): CelType {
    const type = typeOf(node, names);
    types.set(node, type);
    return type;
  }

  function wantBool(node: ASTNode, names: Scope): void {
    const type = visit(node, names);
    if (type.kind !== 'bool' && type.kind !== 'dyn')
      problem(node, `\`${textOf(node)}\` is ${typeName(type)}, where true or false is wanted`);
  }

  function typeOf(node: ASTNode, names: Scope): CelType {
    switch (node.op) {
      case 'value':
        return literal(node.args);
      case 'id': {
        const known = Object.hasOwn(names, node.args) ? names[node.args] : undefined;
        if (known) return known;
        return problem(node, `\`${node.args}\` is not known here`, suggestion(node.args, Object.keys(names)));
      }
      case '.':
      case '.?': {
        const [target, name] = node.args;
        const of = visit(target, names);
        const field = fieldType(node, of.kind === 'optional' ? of.of : of, name);
        return node.op === '.?' || of.kind === 'optional' ? optionalOf(field) : field;
      }
      case '[]':
      case '[?]': {
        const [target, key] = node.args;
        const of = visit(target, names);
        const element = elementType(node, of.kind === 'optional' ? of.of : of, visit(key, names));
        return node.op === '[?]' || of.kind === 'optional' ? optionalOf(element) : element;
      }
      case 'call':
      case 'rcall':
        return callType(node, names);
      case 'list':
        return listOf(common(node.args.map((element) => visit(element, names))));
      case 'map': {
        for (const [key] of node.args) visit(key, names);
        return mapOf(common(node.args.map(([, value]) => visit(value, names))));
      }
      case '?:': {
        wantBool(node.args[0], names);
        return common([visit(node.args[1], names), visit(node.args[2], names)]);
      }
      case '&&':
      case '||':
        for (const side of node.args) wantBool(side, names);
        return BOOL;
      case '!_':
        wantBool(node.args, names);
        return BOOL;
      case '-_': {
        const type = visit(node.args, names);
        if (type.kind === 'dyn' || isNumber(type) || type.kind === 'duration') return type;
        return problem(node, `\`-\` wants a number, not ${typeName(type)}`);
      }
      default:
        return binaryType(node, visit(node.args[0], names), visit(node.args[1], names));
    }
  }

  function fieldType(node: ASTNode, of: CelType, name: string): CelType {
    if (of.kind === 'dyn') return DYN;
    if (of.kind === 'map') return of.of;
    if (of.kind !== 'object') {
      const hint = of.kind === 'list' ? 'name one element (`[0]`) or ask all of them: `.exists(x, …)`' : undefined;
      return problem(node, `\`${targetText(node)}\` is ${typeName(of)}, which has no field \`${name}\``, hint);
    }
    const type = of.fields.field(name);
    if (type) return type;
    const at = { start: Math.max(node.start, node.end - name.length), end: node.end };
    return problem(at, `${of.title} has no field \`${name}\``, suggestion(name, of.fields.names()));
  }

  function elementType(node: ASTNode, of: CelType, key: CelType): CelType {
    if (of.kind === 'dyn') return DYN;
    if (of.kind === 'list')
      return isNumber(key) || key.kind === 'dyn'
        ? of.of
        : problem(node, `a list is read by number, not by ${typeName(key)}`);
    if (of.kind !== 'map' && of.kind !== 'object')
      return problem(node, `\`${targetText(node)}\` is ${typeName(of)}, which has no elements`);
    if (key.kind !== 'string' && key.kind !== 'dyn')
      return problem(node, `a map is read by text, not by ${typeName(key)}`);
    if (of.kind === 'map') return of.of;
    const [, keyNode] = node.args as [ASTNode, ASTNode];
    return keyNode.op === 'value' ? fieldType(node, of, String(keyNode.args)) : DYN;
  }

  function callType(node: ASTNode & { op: 'call' | 'rcall' }, names: Scope): CelType {
    const [name, args] = node.op === 'call' ? node.args : [node.args[0], node.args[2]];
    const target = node.op === 'rcall' ? node.args[1] : undefined;
    if (name === 'has' && !target) {
      if (args[0]) visit(args[0], names);
      return BOOL;
    }
    if (target?.op === 'id' && target.args === 'cel' && name === 'bind') {
      const [variable, value, body] = args as [ASTNode, ASTNode, ASTNode];
      return visit(body, { ...names, [variable.args as string]: visit(value, names) });
    }
    if (target && PREDICATES.has(name)) return macroType(node, name, visit(target, names), args, names);
    // `base64.decode(x)` is a function with a dot in its name, not a method.
    if (target?.op === 'id' && FUNCTIONS[`${target.args}.${name}`])
      return given(node, `${target.args}.${name}`, undefined, args, names);
    return given(node, name, target && visit(target, names), args, names);
  }

  function given(node: ASTNode, name: string, of: CelType | undefined, args: ASTNode[], names: Scope): CelType {
    if (!FUNCTIONS[name]) {
      const candidates = [...Object.keys(FUNCTIONS), ...PREDICATES, 'has'];
      return problem(node, `there is no function \`${name}\``, suggestion(name, candidates));
    }
    const takes = args.map((arg) => visit(arg, names));
    if ((name === 'matches' || name === 'find') && args.at(-1)?.op === 'value') checkPattern(args.at(-1) as ASTNode);
    const found = overload(name, of, takes);
    if (found) return typeof found.gives === 'function' ? found.gives(of ?? DYN) : found.gives;
    const shown = takes.map(typeName).join(', ');
    const text = of ? `${typeName(of)} has no \`${name}(${shown})\`` : `\`${name}\` does not take (${shown})`;
    return problem(node, text);
  }

  function checkPattern(node: ASTNode): void {
    try {
      re2(String(node.args));
    } catch (error) {
      if (error instanceof CelError) problem(node, error.message);
    }
  }

  function macroType(node: ASTNode, name: string, of: CelType, args: ASTNode[], names: Scope): CelType {
    const element = of.kind === 'list' ? of.of : of.kind === 'map' || of.kind === 'object' ? STRING : DYN;
    if (of.kind !== 'list' && of.kind !== 'map' && of.kind !== 'object' && of.kind !== 'dyn')
      return problem(node, `\`${name}\` wants a list or a map, not ${typeName(of)}`);
    const [variable, ...bodies] = args as [ASTNode, ...ASTNode[]];
    const inner: Scope = { ...names, [variable.args as string]: element };
    const last = bodies.at(-1);
    if (!last || bodies.length > (name === 'map' ? 2 : 1))
      return problem(node, `\`${name}\` takes a name and an expression: \`.${name}(x, …)\``);
    if (name === 'map') {
      if (bodies[1] && bodies[0]) wantBool(bodies[0], inner);
      return listOf(visit(last, inner));
    }
    wantBool(last, inner);
    return name === 'filter' ? listOf(element) : BOOL;
  }

  function binaryType(node: ASTNode, left: CelType, right: CelType): CelType {
    const wrong = (remedy?: string) =>
      problem(node, `\`${node.op}\` cannot join ${typeName(left)} and ${typeName(right)}`, remedy);
    if (node.op === 'in') {
      if (right.kind === 'list') return compatible(left, right.of) ? BOOL : wrong();
      return right.kind === 'map' || right.kind === 'object' || right.kind === 'dyn' ? BOOL : wrong();
    }
    if (COMPARISONS.has(node.op)) {
      if (!compatible(left, right))
        return problem(node, `${typeName(left)} is never equal to ${typeName(right)}`, comparisonRemedy(left, right));
      return BOOL;
    }
    if (left.kind === 'dyn' || right.kind === 'dyn')
      return left.kind === 'dyn' ? (right.kind === 'list' ? right : DYN) : left;
    if (isNumber(left) && isNumber(right))
      return left.kind === right.kind ? left : wrong('make both doubles with `double(…)`, or both ints with `int(…)`');
    if (
      node.op === '+' &&
      left.kind === right.kind &&
      (left.kind === 'string' || left.kind === 'bytes' || left.kind === 'list')
    )
      return left;
    if (node.op === '+' || node.op === '-') {
      if (left.kind === 'timestamp' && right.kind === 'duration') return left;
      if (left.kind === 'timestamp' && right.kind === 'timestamp' && node.op === '-') return { kind: 'duration' };
      if (left.kind === 'duration' && right.kind === 'duration') return left;
    }
    return wrong(node.op === '+' ? 'make both text with `string(…)`' : undefined);
  }

  function textOf(node: ASTNode): string {
    return node.input.slice(node.start, node.end);
  }
  function targetText(node: ASTNode): string {
    return textOf((node.args as [ASTNode])[0]);
  }

  return { type: visit(ast, scope), types, problems };
}

function literal(value: unknown): CelType {
  if (typeof value === 'string') return STRING;
  if (typeof value === 'boolean') return BOOL;
  if (typeof value === 'number') return DOUBLE;
  if (value === null) return { kind: 'null' };
  return value instanceof Uint8Array ? { kind: 'bytes' } : INT;
}

function suggestion(name: string, candidates: string[]): string | undefined {
  const near = closest(name, candidates);
  if (near) return `did you mean \`${near}\`?`;
  return candidates.length > 0 && candidates.length <= 12 ? `known are ${candidates.join(', ')}` : undefined;
}

function comparisonRemedy(left: CelType, right: CelType): string | undefined {
  const kinds = [left.kind, right.kind];
  if (kinds.includes('timestamp') && kinds.includes('string')) return 'write `timestamp("…")` around the text';
  if (kinds.includes('int') && kinds.includes('string'))
    return 'drop the quotes, or write `string(…)` around the number';
  return undefined;
}
