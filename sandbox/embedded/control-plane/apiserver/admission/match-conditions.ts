import type { Loose } from '../../../../../kubernetes/object.ts';
import { conditionScope } from '../../schema/admission-scopes.ts';
import { forbidden } from '../errors.ts';
import { type Attributes, type Face, nameOf } from './attributes.ts';
import { compiled, evaluate, type Values, valuesOf } from './expressions.ts';

export type Matching = { matches: boolean } | { error: string };

interface Holder {
  matchConditions?: { name: string; expression: string }[];
  failurePolicy?: string;
}

/** One that is false decides; failures count only if none is. */
export function tellConditions(holder: Holder, values: Values, scope = conditionScope): Matching {
  const errors: string[] = [];
  for (const { expression: source } of holder.matchConditions ?? []) {
    const expression = compiled(holder, source, scope);
    const result = expression ? evaluate(expression, values) : { error: `compilation error: ${source}` };
    if ('error' in result) errors.push(result.error);
    else if (result.value === false) return { matches: false };
  }
  if (errors.length === 0) return { matches: true };
  if (holder.failurePolicy === 'Ignore') return { matches: false };
  return { error: errors.length === 1 ? (errors[0] ?? '') : `[${errors.join(', ')}]` };
}

/** https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions — throws 403 where they cannot be told. */
export function conditionsHold(attributes: Attributes, face: Face, webhook: Loose): boolean {
  const matching = tellConditions(webhook, valuesOf(attributes, face));
  if ('error' in matching) throw forbidden(attributes.call.type, nameOf(attributes), matching.error);
  return matching.matches;
}
