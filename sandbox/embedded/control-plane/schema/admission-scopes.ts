import { BOOL, type CelType, DYN, listOf, mapOf, objectOf, STRING } from '../../../../cel/types.ts';

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

const base: Record<string, CelType> = {
  object: DYN,
  oldObject: DYN,
  request: requestType,
  authorizer: { kind: 'authorizer' },
};

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
