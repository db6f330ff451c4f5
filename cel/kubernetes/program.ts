import { addresses } from './addresses.ts';
import { authorization } from './authorizer.ts';
import { check, type Scope } from './check.ts';
import { type Cost, estimate } from './cost.ts';
import { kubernetesValues } from './kubernetes-values.ts';
import { lists } from './lists.ts';
import { standard } from './operators.ts';
import { type Node, parse } from './parse.ts';
import { type Program, type Result, run } from './run.ts';
import { readLibraries } from './signatures.ts';
import { texts } from './texts.ts';
import { type Fault, ParseFault } from './tokens.ts';
import { assignable, type KType } from './types.ts';

/** Most that one call may cost. */
const CALL_LIMIT = 1_000_000;

export interface Expression {
  source: string;
  type: KType;
  /** The variables that it names. */
  reads(variable: string): boolean;
  /** What it may cost at worst, by the sizes that its types allow. */
  estimate(): Cost;
  run(values: Readonly<Record<string, unknown>>, limit?: number): Result;
}

export type Compiled = { expression: Expression; error?: never } | { expression?: never; error: string };

let functions: ReturnType<typeof readLibraries> | undefined;

function allFunctions(): ReturnType<typeof readLibraries> {
  functions ??= readLibraries(standard, texts, lists, addresses, kubernetesValues, authorization);
  return functions;
}

/**
 * Compiles an expression in Kubernetes' dialect of CEL, all its libraries known.
 * @param variables the names in sight, with their types
 * @param wanted what it must come to, if that matters
 * @returns the error as Kubernetes words it, with the place: `compilation failed: ERROR: <input>:1:5: …`
 */
export function compile(source: string, variables: Scope, wanted?: KType): Compiled {
  let root: Node;
  try {
    root = parse(source);
  } catch (error) {
    if (!(error instanceof ParseFault)) throw error;
    return { error: report(source, error.faults) };
  }
  const known = allFunctions();
  const checked = check(root, variables, known);
  const faults = checked.faults.length > 0 ? checked.faults : [...checked.lateFaults, ...literalFaults(root)];
  if (faults.length > 0) return { error: report(source, faults) };
  if (wanted && !assignable(checked.type, wanted, new Map()) && checked.type.kind !== 'dyn')
    return { error: `cel expression must evaluate to a ${wanted.kind}` };
  const program: Program = { root, checked, variables, functions: known };
  return {
    expression: {
      source,
      type: checked.type,
      reads: (variable) => names(root).has(variable),
      estimate: () => estimate(program),
      run: (values, limit = CALL_LIMIT) => run(program, values, limit),
    },
  };
}

/** `ERROR: <input>:LINE:COLUMN: …`, the line, and a mark below the place. */
function report(source: string, faults: Fault[]): string {
  const lines = source.split('\n');
  const texts = [...faults]
    .sort((one, other) => one.at - other.at)
    .map(({ at, message }) => {
      const before = source.slice(0, at).split('\n');
      const column = [...(before.at(-1) ?? '')].length;
      return `ERROR: <input>:${before.length}:${column + 1}: ${message}\n | ${lines[before.length - 1] ?? ''}\n | ${'.'.repeat(column)}^`;
    });
  return `compilation failed: ${texts.join('\n')}`;
}

function* nodesOf(node: Node): Generator<Node> {
  yield node;
  switch (node.kind) {
    case 'select':
      yield* nodesOf(node.of);
      break;
    case 'call':
      if (node.target) yield* nodesOf(node.target);
      for (const arg of node.args) yield* nodesOf(arg);
      break;
    case 'list':
      for (const item of node.items) yield* nodesOf(item);
      break;
    case 'map':
      for (const { key, value } of node.entries) {
        yield* nodesOf(key);
        yield* nodesOf(value);
      }
      break;
    case 'fold':
      yield* nodesOf(node.range);
      if (node.filter) yield* nodesOf(node.filter);
      yield* nodesOf(node.step);
  }
}

function names(root: Node): Set<string> {
  const found = new Set<string>();
  for (const node of nodesOf(root)) if (node.kind === 'name') found.add(node.name);
  return found;
}

/** Durations, times and patterns that stand in the text are tried at once. */
function literalFaults(root: Node): Fault[] {
  const faults: Fault[] = [];
  for (const node of nodesOf(root)) {
    if (node.kind !== 'call') continue;
    const arg = node.args.at(-1);
    if (arg?.kind !== 'literal' || typeof arg.value !== 'string') continue;
    const tried = tries[node.name];
    if (!tried || (node.name !== 'matches' && node.target)) continue;
    const overload = allFunctions()
      .get(node.name)
      ?.find(({ id }) => id === tried);
    try {
      overload?.run(node.name === 'matches' ? ['', arg.value] : [arg.value], { spend: () => {}, types: [] });
    } catch {
      faults.push({ at: arg.at, message: `invalid ${node.name} argument` });
    }
  }
  return faults;
}

const tries: Record<string, string> = {
  matches: 'string.matches(string) bool',
  duration: 'duration(string) duration',
  timestamp: 'timestamp(string) timestamp',
};
