import type { Gvr, KubeObject, Loose } from '../../../../../kubernetes/object.ts';

/** A kind of object that CAs are put into. */
export interface Injectable {
  resource: Gvr;
  /** As the log calls it. */
  name: string;
  /** What is applied: the object's name and the places of the CA, nothing else; undefined where it has no such place. */
  withCa(object: KubeObject, ca: string): Loose | undefined;
  holds(object: KubeObject, ca: string): boolean;
}

const webhooks = (resource: string, name: string): Injectable => ({
  resource: { group: 'admissionregistration.k8s.io', version: 'v1', resource },
  name,
  withCa: ({ webhooks: hooks = [] }, ca) => ({
    webhooks: hooks.map((hook: Loose) => ({ name: hook.name, clientConfig: { caBundle: ca } })),
  }),
  holds: ({ webhooks: hooks = [] }, ca) => hooks.every((hook: Loose) => hook.clientConfig?.caBundle === ca),
});

/** https://cert-manager.io/docs/concepts/ca-injector/ */
export const INJECTABLES: Injectable[] = [
  webhooks('mutatingwebhookconfigurations', 'mutatingwebhookconfiguration'),
  webhooks('validatingwebhookconfigurations', 'validatingwebhookconfiguration'),
  {
    resource: { group: 'apiregistration.k8s.io', version: 'v1', resource: 'apiservices' },
    name: 'apiservice',
    withCa: (_, ca) => ({ spec: { caBundle: ca } }),
    holds: ({ spec }, ca) => spec?.caBundle === ca,
  },
  {
    resource: { group: 'apiextensions.k8s.io', version: 'v1', resource: 'customresourcedefinitions' },
    name: 'customresourcedefinition',
    withCa: ({ spec }, ca) =>
      spec?.conversion?.strategy === 'Webhook'
        ? { spec: { conversion: { strategy: 'Webhook', webhook: { clientConfig: { caBundle: ca } } } } }
        : undefined,
    holds: ({ spec }, ca) => spec?.conversion?.webhook?.clientConfig?.caBundle === ca,
  },
];
