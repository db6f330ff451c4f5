import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { policyScope } from '../../../schema/admission-scopes.ts';
import { warn } from '../../call.ts';
import { forbidden } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { type Attributes, type Face, nameOf, namespaceOf } from '../attributes.ts';
import { Evaluation, type Holder, OutOfBudget, type Result, type Values, valuesOf } from '../expressions.ts';
import { tellConditions } from '../match-conditions.ts';
import { faceForResources, isExempt } from '../matching.ts';
import { paramsOf } from './params.ts';

const policies = 'admissionregistration.k8s.io/validatingadmissionpolicies';
const bindings = 'admissionregistration.k8s.io/validatingadmissionpolicybindings';

/** One sentence against a write, and how it is answered. */
interface Denial {
  message: string;
  reason?: string;
}

export const hasValidatingPolicies = ({ store }: Services): boolean => store.list(bindings).length > 0;

/** https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/ — throws the first denial. */
export function validateByPolicies(attributes: Attributes): void {
  if (isExempt(attributes)) return;
  const { store } = attributes.call.services;
  const denials: { denial: Denial; policy: string; binding?: string }[] = [];
  const byName = (one: { name: string }, other: { name: string }): number => (one.name < other.name ? -1 : 1);
  for (const { object: policy, name } of store.list(policies).toSorted(byName)) {
    const face = faceForResources(attributes, policy.spec.matchConstraints);
    if (!face) continue;
    for (const { object: binding, name: bound } of store.list(bindings).toSorted(byName)) {
      if (binding.spec.policyName !== name) continue;
      if (binding.spec.matchResources && !faceForResources(attributes, binding.spec.matchResources)) continue;
      const found = paramsOf(attributes, policy, binding);
      if ('error' in found) {
        if (policy.spec.failurePolicy === 'Ignore') continue;
        const head = found.ofPolicy ? 'failed to configure policy' : 'failed to configure binding';
        denials.push({
          denial: { message: `${head}: ${found.error}` },
          policy: name,
          ...(!found.ofPolicy && { binding: bound }),
        });
        continue;
      }
      for (const params of found.params)
        for (const denial of judge(attributes, face, policy.spec, params)) {
          const actions: string[] = binding.spec.validationActions ?? [];
          if (actions.includes('Deny') || denial.always) denials.push({ denial, policy: name, binding: bound });
          if (actions.includes('Warn') && !denial.always)
            warn(
              attributes.call,
              `Validation failed for ValidatingAdmissionPolicy '${name}' with binding '${bound}': ${denial.message}`,
            );
        }
    }
  }
  const [first] = denials;
  if (first) throw refusal(attributes, first.denial, first.policy, first.binding);
}

const codes: Record<string, number> = { Forbidden: 403, Unauthorized: 401, RequestEntityTooLarge: 413, Invalid: 422 };

function refusal(attributes: Attributes, denial: Denial, policy: string, binding: string | undefined): Error {
  const who = `ValidatingAdmissionPolicy '${policy}'${binding === undefined ? '' : ` with binding '${binding}'`}`;
  const message = `${who} denied request: ${denial.message}`;
  const error = forbidden(attributes.call.type, nameOf(attributes), message);
  const reason = denial.reason ?? 'Invalid';
  error.status.reason = reason;
  error.status.code = codes[reason] ?? 422;
  error.status.details = { ...error.status.details, causes: [{ message }] };
  return error;
}

const longestMessage = 5 * 1024;

type Judged = Denial & { always?: boolean };

/** Units of work that all validations of one policy, their messages among them, may spend on one object. */
const BUDGET = 10_000_000;

/** All that one policy has against the write. Errors count only where the policy fails on them. */
function judge(attributes: Attributes, face: Face, spec: Loose, params: KubeObject | undefined): Judged[] {
  const failed = (message: string): Judged[] => (spec.failurePolicy === 'Ignore' ? [] : [{ message }]);
  const values: Values = { ...valuesOf(attributes, face), ...(spec.paramKind && { params: params ?? null }) };
  const matching = tellConditions(spec, values);
  if ('error' in matching) return failed(matching.error);
  if (!matching.matches) return [];
  values.namespaceObject = namespaceObject(attributes);
  const holder: Holder = { object: spec, scope: () => policyScope(spec), variables: spec.variables ?? [] };
  try {
    const validated = new Evaluation(holder, values, BUDGET);
    const results = (spec.validations ?? []).map(({ expression }: Loose) => validated.run(expression));
    const telling = new Evaluation(holder, values, validated.left);
    const denials = verdicts(spec.validations ?? [], results, telling).flatMap((verdict) =>
      'error' in verdict ? failed(verdict.error) : [verdict],
    );
    const audited = new Evaluation(holder, values, BUDGET);
    for (const { valueExpression } of spec.auditAnnotations ?? []) {
      const result = audited.run(valueExpression.trim());
      // The annotation itself would stand in the audit log, which this cluster does not keep.
      if ('error' in result) denials.push(...failed(result.error).map((denial) => ({ ...denial, always: true })));
    }
    return denials;
  } catch (error) {
    if (error instanceof OutOfBudget) return failed(error.message);
    throw error;
  }
}

/** What each validation that does not hold says. Messages are all composed first: together they may cost too much. */
function verdicts(validations: Loose[], results: Result[], telling: Evaluation): (Denial | { error: string })[] {
  const texts: (Result | undefined)[] = [];
  let spent: string | undefined;
  try {
    for (const { messageExpression } of validations)
      texts.push(messageExpression ? telling.run(messageExpression) : undefined);
  } catch (error) {
    if (!(error instanceof OutOfBudget)) throw error;
    spent = `failed messageExpression: ${error.message}`;
  }
  return results.flatMap((result, index): (Denial | { error: string })[] => {
    if ('error' in result) return [result];
    if (spent !== undefined) return [{ error: spent }];
    if (result.value === true) return [];
    const validation = validations[index];
    return [{ message: messageOf(validation, texts[index]), reason: validation.reason ?? 'Invalid' }];
  });
}

function messageOf({ message, expression }: Loose, told: Result | undefined): string {
  const text = told && 'value' in told && typeof told.value === 'string' ? told.value.trim() : '';
  if (text !== '' && Buffer.byteLength(text) <= longestMessage && !text.includes('\n')) return text;
  return message?.trim() || `failed expression: ${expression.trim()}`;
}

/** Null for what is in no namespace, a namespace itself among it. */
function namespaceObject(attributes: Attributes): Loose {
  const { call } = attributes;
  if (call.type.collection === '/namespaces') return null;
  const name = namespaceOf(attributes);
  const found = name ? call.services.store.get('/namespaces', '', name)?.object : undefined;
  if (!found) return null;
  const { managedFields: _, ownerReferences: __, ...metadata } = found.metadata;
  return { ...found, metadata };
}
