import { isDeepStrictEqual } from 'node:util';
import { compileExpression } from '../../../../cel/expression.ts';
import { goCompileError } from '../../../../cel/go-text.ts';
import { openApiType } from '../../../../cel/openapi.ts';
import { type CelType, DYN } from '../../../../cel/types.ts';
import { loadResources, loadSchemas, type ResourceFact, schemaNames } from '../../../../kubernetes/facts.ts';
import type { Gvr, KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { policyScope } from '../schema/admission-scopes.ts';
import { type ControllerContext, createController } from './context.ts';

const policies: Gvr = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  resource: 'validatingadmissionpolicies',
};

const mostTypes = 10;

/** Tells authors of policies which fields there are not. https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/#type-checking */
export function startPolicyStatus(context: ControllerContext): void {
  const { client, queue: makeQueue } = createController(context, 'validatingadmissionpolicy-status-controller');
  const informer = context.informer(policies);
  const queue = makeQueue(sync);
  informer.on((now) => {
    if (now && now.status?.observedGeneration !== now.metadata.generation) queue.add(now.metadata.name!);
  });

  async function sync(name: string): Promise<void> {
    await informer.synced;
    const policy = informer.get(name);
    if (!policy) return;
    const warnings = typeWarnings(policy);
    const status = {
      ...policy.status,
      observedGeneration: policy.metadata.generation,
      typeChecking: warnings.length > 0 ? { expressionWarnings: warnings } : {},
    };
    if (isDeepStrictEqual(status, policy.status)) return;
    informer.observe(await client.update(policies, { ...policy, status }, 'status'));
  }
}

function typeWarnings({ spec }: KubeObject): Loose[] {
  const types = matchedTypes(spec.matchConstraints);
  const scope = policyScope(
    !!spec.paramKind,
    (spec.variables ?? []).map(({ name }: Loose) => name),
  );
  const warnings: Loose[] = [];
  const check = (fieldRef: string, source: string | undefined): void => {
    if (!source) return;
    let warning = '';
    for (const { fact, type } of types) {
      const { problems } = compileExpression(source, { ...scope, object: type, oldObject: type });
      const head = `${fact.group ? `${fact.group}/` : ''}${fact.version}, Kind=${fact.kind}`;
      if (problems.length > 0) warning += `${head}: ${goCompileError(source, problems)}\n`;
    }
    if (warning !== '') warnings.push({ fieldRef, warning });
  };
  for (const [index, { expression, messageExpression }] of (spec.validations ?? []).entries()) {
    check(`spec.validations[${index}].expression`, expression);
    check(`spec.validations[${index}].messageExpression`, messageExpression);
  }
  return warnings;
}

/** What rules without wildcards name, as far as it is built in. */
function matchedTypes(match: Loose): { fact: ResourceFact; type: CelType }[] {
  const found = new Map<string, { fact: ResourceFact; type: CelType }>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of match?.resourceRules ?? [])
    for (const fact of loadResources()) {
      const named =
        apiGroups.includes(fact.group) && apiVersions.includes(fact.version) && resources.includes(fact.resource);
      const key = `${fact.group}/${fact.version}/${fact.kind}`;
      if (named && found.size < mostTypes) found.set(key, { fact, type: typeOf(key, fact.kind) });
    }
  return [...found.values()].sort((one, other) => (one.fact.kind < other.fact.kind ? -1 : 1));
}

function typeOf(key: string, kind: string): CelType {
  const schemas = loadSchemas();
  const schema = schemas[schemaNames().get(key) ?? ''];
  return schema ? openApiType(schema, (name) => schemas[name], kind) : DYN;
}
