import { type ASTNode, Environment, ParseError } from '@marcbachmann/cel-js';
import { type CelProblem, checkTypes, type NodeTypes, type Scope } from './check.ts';
import { bind, evaluateNode, type Names } from './evaluate.ts';
import { explainNode, readsOf, type Why } from './explain.ts';
import { type CelType, compatible, DYN, typeName } from './types.ts';
import { Absent, BudgetSpent, CelError, createBudget } from './values.ts';

/** What an evaluation comes to. A field that is not there yet is `absent`, never an error. */
export type Outcome = { value: unknown } | { absent: string } | { error: string };

export interface Expression {
  source: string;
  type: CelType;
  /** @param budget units of work, about one a node visited; 300 000 take some tens of milliseconds */
  evaluate(variables: Readonly<Record<string, unknown>>, budget?: number): Outcome;
  /** The first field of the first comparison that is not true, with its value. */
  explain(variables: Readonly<Record<string, unknown>>, budget?: number): Why | undefined;
  /** The fields below a variable that are read: `[['items', '*', 'metadata', 'uid']]`. */
  reads(variable: string): string[][];
}

export type Compiled = { expression: Expression; problems: [] } | { expression?: never; problems: CelProblem[] };

const DEFAULT_BUDGET = 300_000;

/** Parses only: what names and functions mean is judged by {@link checkTypes}. */
const parser = new Environment({
  unlistedVariablesAreDyn: true,
  enableOptionalTypes: true,
  homogeneousAggregateLiterals: false,
  limits: { maxAstNodes: 2000, maxDepth: 100 },
});

/**
 * Reads and type-checks an expression.
 * @param scope the variables it may name, with their types
 * @param wanted the type of its result, where only one will do
 */
export function compileExpression(source: string, scope: Scope, wanted: CelType = DYN): Compiled {
  let ast: ASTNode;
  try {
    ast = parser.parse(source).ast;
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const { start, end } = error.range ?? { start: 0, end: source.length };
    return { problems: [{ message: parseMessage(error), start, end }] };
  }
  const { type, types, problems } = checkTypes(ast, scope);
  if (problems.length === 0 && !compatible(type, wanted))
    problems.push({
      message: `the expression gives ${typeName(type)}, where ${typeName(wanted)} is wanted`,
      start: 0,
      end: source.length,
      ...(wanted.kind === 'bool' ? { remedy: 'end in a comparison, such as `… == 1`' } : {}),
    });
  if (problems.length > 0) return { problems };
  return { expression: expressionOf(source, ast, type, types), problems: [] };
}

function parseMessage(error: ParseError): string {
  const names: Record<string, string> = { EOF: 'the end', RPAREN: '`)`', RBRACKET: '`]`', RBRACE: '`}`', DOT: '`.`' };
  const text = error.summary.replace(/\b(EOF|RPAREN|RBRACKET|RBRACE|DOT)\b/g, (word) => names[word] ?? word);
  return `not CEL: ${text.charAt(0).toLowerCase()}${text.slice(1)}`;
}

function expressionOf(source: string, ast: ASTNode, type: CelType, types: NodeTypes): Expression {
  const namesOf = (variables: Readonly<Record<string, unknown>>): Names | undefined => {
    let names: Names | undefined;
    // `item.status.x` is shown as `status.x`: there is one object, and it is named beside it.
    for (const [name, value] of Object.entries(variables))
      if (value !== undefined) names = bind(name, value, name === 'item' || name === 'it' ? '' : name, names);
    return names;
  };
  return {
    source,
    type,
    evaluate(variables, budget = DEFAULT_BUDGET) {
      try {
        const value = evaluateNode(ast, namesOf(variables), types, createBudget(budget));
        return value instanceof Absent ? { absent: value.path } : { value };
      } catch (error) {
        if (error instanceof CelError || error instanceof BudgetSpent) return { error: error.message };
        return { error: `the expression failed: ${error instanceof Error ? error.message : String(error)}` };
      }
    },
    explain(variables, budget = DEFAULT_BUDGET) {
      try {
        return explainNode(ast, namesOf(variables), types, createBudget(budget));
      } catch {
        return undefined;
      }
    },
    reads: (variable) => readsOf(ast, variable),
  };
}
