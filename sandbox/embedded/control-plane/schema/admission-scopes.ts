import type { Scope } from '../../../../cel/kubernetes/check.ts';
import { compile } from '../../../../cel/kubernetes/program.ts';
import {
  BOOL,
  DYN,
  INT,
  type KType,
  listOf,
  mapOf,
  opaque,
  STRING,
  TIMESTAMP,
} from '../../../../cel/kubernetes/types.ts';
import type { Loose } from '../../../../kubernetes/object.ts';

const objectOf = (name: string, fields: Record<string, KType>): KType => ({
  kind: 'object',
  title: `kubernetes.${name}`,
  fields: new Map(Object.entries(fields)),
});

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
  userInfo: objectOf('UserInfo', {
    username: STRING,
    uid: STRING,
    groups: listOf(STRING),
    extra: mapOf(listOf(STRING)),
  }),
  dryRun: BOOL,
  options: DYN,
});

const namespaceType = objectOf('Namespace', {
  metadata: objectOf('NamespaceMetadata', {
    name: STRING,
    generateName: STRING,
    namespace: STRING,
    labels: mapOf(STRING),
    annotations: mapOf(STRING),
    UID: STRING,
    creationTimestamp: TIMESTAMP,
    deletionGracePeriodSeconds: INT,
    deletionTimestamp: TIMESTAMP,
    generation: INT,
    resourceVersion: STRING,
    finalizers: listOf(STRING),
  }),
  spec: objectOf('NamespaceSpec', { finalizers: listOf(STRING) }),
  status: objectOf('NamespaceStatus', {
    conditions: listOf(
      objectOf('NamespaceCondition', {
        status: STRING,
        type: STRING,
        lastTransitionTime: TIMESTAMP,
        message: STRING,
        reason: STRING,
      }),
    ),
    phase: STRING,
  }),
});

/** What expressions of match conditions may name; with parameters, those of a policy that has them. */
export function conditionScope(hasParams = false): Scope {
  return new Map<string, KType>([
    ['object', DYN],
    ['oldObject', DYN],
    ['request', requestType],
    ['namespaceObject', namespaceType],
    ['authorizer', opaque('kubernetes.authorization.Authorizer')],
    ['authorizer.requestResource', opaque('kubernetes.authorization.ResourceCheck')],
    ...(hasParams ? ([['params', DYN]] as const) : []),
  ]);
}

/**
 * What expressions of a policy may name: its variables besides, typed one after another.
 * @param object the type of what it matches, where that is known
 */
export function policyScope({ paramKind, variables = [] }: Loose, object = DYN): Scope {
  const fields = new Map<string, KType>();
  const scope = new Map(conditionScope(!!paramKind))
    .set('object', object)
    .set('oldObject', object)
    .set('variables', { kind: 'object', title: 'kubernetes.variables', fields });
  for (const { name, expression } of variables)
    if (name) fields.set(name, held(compile(expression ?? '', scope).expression?.type ?? DYN));
  return scope;
}

/** A variable's type forgets which object it is. */
function held(type: KType): KType {
  switch (type.kind) {
    case 'list':
      return listOf(held(type.of));
    case 'map':
      return { kind: 'map', key: held(type.key), of: held(type.of) };
    case 'object':
    case 'opaque':
    case 'optional':
    case 'type':
    case 'error':
    case 'param':
      return DYN;
    default:
      return type;
  }
}
