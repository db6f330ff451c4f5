import { isDeepStrictEqual } from 'node:util';
import { compile } from '../../../../cel/kubernetes/program.ts';
import { builtInType } from '../../../../cel/kubernetes/schema-type.ts';
import { DYN, type KType } from '../../../../cel/kubernetes/types.ts';
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
  const scopes = types.map(({ fact, type }) => ({ fact, scope: policyScope(spec, type) }));
  const warnings: Loose[] = [];
  const check = (fieldRef: string, source: string | undefined): void => {
    if (!source) return;
    const found = scopes.flatMap(({ fact, scope }) => {
      const { error } = compile(source, scope);
      const head = `${fact.group ? `${fact.group}/` : ''}${fact.version}, Kind=${fact.kind}`;
      return error === undefined ? [] : [`${head}: ${error.replace('compilation failed: ', '')}\n`];
    });
    if (found.length > 0) warnings.push({ fieldRef, warning: found.join('\n') });
  };
  for (const [index, { expression, messageExpression }] of (spec.validations ?? []).entries()) {
    check(`spec.validations[${index}].expression`, expression);
    check(`spec.validations[${index}].messageExpression`, messageExpression);
  }
  return warnings;
}

/** What rules without wildcards name, as far as it is built in. */
function matchedTypes(match: Loose): { fact: ResourceFact; type: KType }[] {
  const found = new Map<string, { fact: ResourceFact; type: KType }>();
  for (const { apiGroups = [], apiVersions = [], resources = [] } of match?.resourceRules ?? [])
    for (const fact of loadResources()) {
      const named =
        apiGroups.includes(fact.group) && apiVersions.includes(fact.version) && resources.includes(fact.resource);
      const key = `${fact.group}/${fact.version}/${fact.kind}`;
      if (named && found.size < mostTypes) found.set(key, { fact, type: typeOf(key, fact.kind) });
    }
  const order = ({ fact: { group, version, kind } }: { fact: ResourceFact }): string => `${group}\0${version}\0${kind}`;
  return [...found.values()].sort((one, other) => (order(one) < order(other) ? -1 : 1));
}

function typeOf(key: string, kind: string): KType {
  const schemas = loadSchemas();
  const schema = schemas[schemaNames().get(key) ?? ''];
  return schema ? builtInType(schema, (name) => schemas[name], kind) : DYN;
}
