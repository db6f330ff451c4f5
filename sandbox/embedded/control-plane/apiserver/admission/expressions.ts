import { Authorizer } from '../../../../../cel/authorizer.ts';
import { compileExpression, type Expression } from '../../../../../cel/expression.ts';
import type { CelType } from '../../../../../cel/types.ts';
import { CelError } from '../../../../../cel/values.ts';
import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { userNamed } from '../in-process.ts';
import { type Attributes, type Face, requestOf, shownAs } from './attributes.ts';

export type Values = Record<string, unknown>;

/** What the names stand for in one write. */
export function valuesOf(attributes: Attributes, face: Face): Values {
  const shown = (object: KubeObject | undefined): Loose => shownAs(attributes, face, object) ?? null;
  return {
    object: shown(attributes.object),
    oldObject: shown(attributes.old),
    request: requestOf(attributes, face),
    authorizer: authorizerOf(attributes),
  };
}

/** `authorizer`: asks as whoever makes the request, or as a ServiceAccount. */
function authorizerOf({ call }: Attributes): Authorizer {
  return new Authorizer(({ verb, path, serviceAccount, ...about }) => {
    const user = serviceAccount ? userNamed(`system:serviceaccount:${serviceAccount}`) : call.user;
    const { group = '', resource = '', subresource = '', namespace = '', name = '' } = about;
    const asked = path === undefined ? { verb, group, resource, subresource, namespace, name } : { verb, path };
    return call.services.authorizer.authorize(user, asked);
  });
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
