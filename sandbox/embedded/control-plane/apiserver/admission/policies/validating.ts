import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { conditionScope, policyScope } from '../../../schema/admission-scopes.ts';
import { warn } from '../../call.ts';
import { forbidden } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { type Attributes, type Face, nameOf, namespaceOf } from '../attributes.ts';
import { compiled, evaluate, lazyVariables, type Result, type Values, valuesOf } from '../expressions.ts';
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

/** All that one policy has against the write. Errors count only where the policy fails on them. */
function judge(
  attributes: Attributes,
  face: Face,
  spec: Loose,
  params: KubeObject | undefined,
): (Denial & { always?: boolean })[] {
  const strict = spec.failurePolicy !== 'Ignore';
  const variableNames: string[] = (spec.variables ?? []).map(({ name }: Loose) => name);
  const scope = policyScope(!!spec.paramKind, variableNames);
  const values: Values = {
    ...valuesOf(attributes, face),
    namespaceObject: namespaceObject(attributes),
    ...(spec.paramKind && { params: params ?? null }),
  };
  const matching = tellConditions(spec, values, spec.paramKind ? scope : conditionScope);
  if ('error' in matching) return strict ? [{ message: matching.error }] : [];
  if (!matching.matches) return [];
  const run = (source: string, given: Values): Result => {
    const expression = compiled(spec, source, scope);
    return expression ? evaluate(expression, given) : { error: `compilation error: ${source}` };
  };
  values.variables = lazyVariables(
    (spec.variables ?? []).map(({ name, expression }: Loose) => ({
      name,
      run: (given: Values) => run(expression, given),
    })),
    values,
  );
  const denials: (Denial & { always?: boolean })[] = [];
  for (const validation of spec.validations ?? []) {
    const result = run(validation.expression, values);
    if ('error' in result) {
      if (strict) denials.push({ message: result.error });
    } else if (result.value !== true) {
      const reason: string = validation.reason ?? 'Invalid';
      denials.push({ message: messageOf(validation, run, values), reason });
    }
  }
  for (const { valueExpression } of spec.auditAnnotations ?? []) {
    const result = run(valueExpression.trim(), values);
    // The annotation itself would stand in the audit log, which this cluster does not keep.
    if ('error' in result && strict) denials.push({ message: result.error, always: true });
  }
  return denials;
}

function messageOf(validation: Loose, run: (source: string, given: Values) => Result, values: Values): string {
  if (validation.messageExpression) {
    const told = run(validation.messageExpression, values);
    const text = 'value' in told && typeof told.value === 'string' ? told.value.trim() : '';
    if (text !== '' && text.length <= longestMessage && !text.includes('\n')) return text;
  }
  return validation.message?.trim() || `failed expression: ${validation.expression.trim()}`;
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
