import type { Loose } from '../../../../../kubernetes/object.ts';
import { conditionScope } from '../../schema/admission-scopes.ts';
import { forbidden } from '../errors.ts';
import { type Attributes, type Face, nameOf } from './attributes.ts';
import { Evaluation, OutOfBudget, type Values, valuesOf } from './expressions.ts';

export type Matching = { matches: boolean } | { error: string };

interface Conditions {
  matchConditions?: { name: string; expression: string }[];
  failurePolicy?: string;
  paramKind?: Loose;
}

/** Units of work that all conditions of one webhook, or policy, may spend on one object. */
const BUDGET = 2_500_000;

/** One that is false decides; failures count only if none is. */
export function tellConditions(conditions: Conditions, values: Values): Matching {
  const list = conditions.matchConditions ?? [];
  if (list.length === 0) return { matches: true };
  const failed = (error: string): Matching => (conditions.failurePolicy === 'Ignore' ? { matches: false } : { error });
  const scope = () => conditionScope(!!conditions.paramKind);
  const evaluation = new Evaluation({ object: list, scope }, values, BUDGET);
  try {
    // All are evaluated before the first is looked at: one that spends too much fails them all.
    const results = list.map(({ expression }) => evaluation.run(expression));
    if (results.some((result) => 'value' in result && result.value === false)) return { matches: false };
    const errors = results.flatMap((result) => ('error' in result ? [result.error] : []));
    if (errors.length === 0) return { matches: true };
    return failed(errors.length === 1 ? (errors[0] ?? '') : `[${[...new Set(errors)].join(', ')}]`);
  } catch (error) {
    if (error instanceof OutOfBudget) return failed(error.message);
    throw error;
  }
}

/** https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#matching-requests-matchconditions — throws 403 where they cannot be told. */
export function conditionsHold(attributes: Attributes, face: Face, webhook: Loose): boolean {
  if (!webhook.matchConditions?.length) return true;
  const matching = tellConditions(
    { matchConditions: webhook.matchConditions, failurePolicy: webhook.failurePolicy },
    valuesOf(attributes, face),
  );
  if ('error' in matching) throw forbidden(attributes.call.type, nameOf(attributes), matching.error);
  return matching.matches;
}
