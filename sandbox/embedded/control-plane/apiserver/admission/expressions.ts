import { compileExpression, type Expression } from '../../../../../cel/expression.ts';
import { BOOL, type CelType, DYN, objectOf, STRING } from '../../../../../cel/types.ts';
import { CelError } from '../../../../../cel/values.ts';
import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { type Attributes, type Face, requestOf, shownAs } from './attributes.ts';

const gvk = objectOf('GroupVersionKind', { group: STRING, version: STRING, kind: STRING });
const gvr = objectOf('GroupVersionResource', { group: STRING, version: STRING, resource: STRING });

/** `request`: an AdmissionRequest without its objects. */
const requestType = objectOf('AdmissionRequest', {
  kind: gvk,
  resource: gvr,
  subResource: STRING,
  requestKind: gvk,
  requestResource: gvr,
  requestSubResource: STRING,
  name: STRING,
  namespace: STRING,
  operation: STRING,
  userInfo: objectOf('UserInfo', { username: STRING, uid: STRING, groups: DYN, extra: DYN }),
  dryRun: BOOL,
  options: DYN,
});

const base: Record<string, CelType> = { object: DYN, oldObject: DYN, request: requestType, authorizer: DYN };

/** What expressions of webhooks' match conditions may name. */
export const conditionScope: Readonly<Record<string, CelType>> = base;

/** What expressions of a policy may name besides. */
export function policyScope(hasParams: boolean, variables: readonly string[]): Record<string, CelType> {
  return {
    ...base,
    namespaceObject: DYN,
    ...(hasParams && { params: DYN }),
    ...(variables.length > 0 && {
      variables: objectOf('variables', Object.fromEntries(variables.map((name) => [name, DYN]))),
    }),
  };
}

export type Values = Record<string, unknown>;

/** What the names stand for in one write. */
export function valuesOf(attributes: Attributes, face: Face): Values {
  const shown = (object: KubeObject | undefined): Loose => shownAs(attributes, face, object) ?? null;
  return {
    object: shown(attributes.object),
    oldObject: shown(attributes.old),
    request: requestOf(attributes, face),
  };
}

export type Result = { value: unknown } | { error: string };

/** Evaluates; a field that is not there is an error here, in the words of Go's evaluator. */
export function evaluate(expression: Expression, values: Values): Result {
  const outcome = expression.evaluate(values);
  const why = 'absent' in outcome ? `no such key: ${outcome.absent}` : 'error' in outcome ? outcome.error : undefined;
  if (why === undefined) return outcome as { value: unknown };
  return { error: `expression '${expression.source}' resulted in error: ${why}` };
}

const expressions = new WeakMap<object, Map<string, Expression | undefined>>();

/** Compiled once as long as `holder`, the stored object it stands in, lives; undefined for one that is none. */
export function compiled(
  holder: object,
  source: string,
  scope: Readonly<Record<string, CelType>>,
): Expression | undefined {
  let known = expressions.get(holder);
  if (!known) {
    known = new Map();
    expressions.set(holder, known);
  }
  if (!known.has(source)) known.set(source, compileExpression(source, scope).expression);
  return known.get(source);
}

/** `variables`: each worked out when it is first read. */
export function lazyVariables(names: { name: string; run: (values: Values) => Result }[], values: Values): Loose {
  const variables = {};
  for (const { name, run } of names) {
    let known: Result | undefined;
    Object.defineProperty(variables, name, {
      enumerable: true,
      get() {
        known ??= run({ ...values, variables });
        if ('error' in known)
          throw new CelError(`composited variable ${JSON.stringify(name)} fails to evaluate: ${known.error}`);
        return known.value;
      },
    });
  }
  return variables;
}
