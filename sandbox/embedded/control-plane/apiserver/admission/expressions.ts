import {
  type Asked,
  authorizerValue,
  type Decide,
  resourceCheckValue,
} from '../../../../../cel/kubernetes/authorizer.ts';
import type { Scope } from '../../../../../cel/kubernetes/check.ts';
import { type Compiled, compile } from '../../../../../cel/kubernetes/program.ts';
import { EvaluationError } from '../../../../../cel/kubernetes/values.ts';
import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { userNamed } from '../in-process.ts';
import { type Attributes, type Face, requestOf, shownAs } from './attributes.ts';

export type Values = Record<string, unknown>;

/** What the names stand for in one write. Match conditions are not told the namespace. */
export function valuesOf(attributes: Attributes, face: Face): Values {
  const shown = (object: KubeObject | undefined): Loose => shownAs(attributes, face, object) ?? null;
  const request = requestOf(attributes, face);
  const decide = decideFor(attributes);
  const { group, resource } = request.requestResource;
  const asked: Asked = { group, resource };
  if (request.requestSubResource) asked.subresource = request.requestSubResource;
  if (request.namespace) asked.namespace = request.namespace;
  if (request.name) asked.name = request.name;
  return {
    object: shown(attributes.object),
    oldObject: shown(attributes.old),
    request,
    namespaceObject: null,
    authorizer: authorizerValue(decide),
    'authorizer.requestResource': resourceCheckValue(decide, asked),
  };
}

/** Asks as whoever makes the request, or as a ServiceAccount. */
function decideFor({ call }: Attributes): Decide {
  return (verb, { path, user, ...about }) => {
    const { group = '', resource = '', subresource = '', namespace = '', name = '' } = about;
    const asked = path === undefined ? { verb, group, resource, subresource, namespace, name } : { verb, path };
    return call.services.authorizer.authorize(user === undefined ? call.user : userNamed(user), asked);
  };
}

export type Result = { value: unknown } | { error: string };

/** All expressions together may spend no more. */
export class OutOfBudget extends Error {
  constructor() {
    super('validation failed due to running out of cost budget, no further validation rules will be run');
  }
}

/** Where expressions stand, and what they may name. */
export interface Holder {
  /** The stored object, or a part of it: what is compiled lives as long. */
  object: object;
  scope: () => Scope;
  variables?: { name: string; expression: string }[];
}

/** Evaluates, one after another, expressions that share values, variables and what they may spend. */
export class Evaluation {
  /** Units of work that are left. */
  left: number;
  readonly #holder: Holder;
  readonly #values: Values;

  /** @param budget units of work */
  constructor(holder: Holder, values: Values, budget: number) {
    this.left = budget;
    this.#holder = holder;
    this.#values = { ...values };
    if (holder.variables) this.#values.variables = this.#lazy(holder.variables);
  }

  /** @throws OutOfBudget */
  run(source: string): Result {
    const { expression, error: fault } = compiled(this.#holder, source);
    if (!expression) return { error: `compilation error: ${fault}` };
    const { value, error, cost } = expression.run(this.#values);
    this.#pay(cost);
    return error === undefined ? { value } : { error: `expression '${source}' resulted in error: ${error}` };
  }

  #pay(cost: number): void {
    this.left -= cost;
    if (this.left < 0) throw new OutOfBudget();
  }

  /** Each is worked out when it is first read. */
  #lazy(variables: { name: string; expression: string }[]): Loose {
    const fields = {};
    for (const { name, expression: source } of variables) {
      let known: { value?: unknown; error?: string } | undefined;
      const get = (): unknown => {
        known ??= this.#variable(source);
        if (known.error === undefined) return known.value;
        throw new EvaluationError(`composited variable ${JSON.stringify(name)} fails to ${known.error}`);
      };
      Object.defineProperty(fields, name, { enumerable: true, get });
    }
    return fields;
  }

  #variable(source: string): { value?: unknown; error?: string } {
    const { expression, error: fault } = compiled(this.#holder, source);
    if (!expression) return { error: `compile: ${fault}` };
    const { value, error, cost } = expression.run(this.#values);
    this.#pay(cost);
    return error === undefined ? { value } : { error: `evaluate: ${error}` };
  }
}

const known = new WeakMap<object, Map<string, Compiled>>();

/** Compiled once as long as the object lives. */
function compiled({ object, scope }: Holder, source: string): Compiled {
  let expressions = known.get(object);
  if (!expressions) {
    expressions = new Map();
    known.set(object, expressions);
  }
  let found = expressions.get(source);
  if (!found) {
    found = compile(source, scope());
    expressions.set(source, found);
  }
  return found;
}
