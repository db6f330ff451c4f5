import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { copyOf } from '../../../../../../kubernetes/object.ts';
import { controllerReference } from '../objects.ts';
import { nameByHash } from '../short-names.ts';
import { pickSolver } from './pick-solver.ts';

const override = 'acme.cert-manager.io/http01-override-ingress-';

/** The Challenges an Order needs, without their keys. Throws where no solver of the issuer can do one. */
export function requiredChallenges(order: KubeObject, issuer: KubeObject): KubeObject[] {
  const open = (order.status?.authorizations ?? []).filter((one: Loose) => one.initialState !== 'valid');
  return open.map((authorization: Loose) => {
    const spec = specOf(authorization, order, issuer);
    // As Go writes the struct: its fields in order, the key still empty.
    const { url, authorizationURL, dnsName, wildcard, type, token, solver, issuerRef } = spec;
    const rest = { solver: ordered(solver), issuerRef: ordered(issuerRef) };
    const json = JSON.stringify({ url, authorizationURL, dnsName, wildcard, type, token, key: '', ...rest });
    return {
      apiVersion: 'acme.cert-manager.io/v1',
      kind: 'Challenge',
      metadata: {
        name: nameByHash(order.metadata.name ?? '', json),
        namespace: order.metadata.namespace ?? '',
        ownerReferences: [controllerReference(order)],
      },
      spec,
    };
  });
}

function specOf(authorization: Loose, order: KubeObject, issuer: KubeObject): Loose {
  const { identifier, wildcard = false, url, challenges } = authorization;
  const name = wildcard ? `*.${identifier}` : identifier;
  const picked = pickSolver(name, challenges ?? [], issuer.spec.acme.solvers ?? [], order);
  if (!picked) throw new Error('no configured challenge solvers can be used for this challenge');
  const { challenge } = picked;
  const solver = copyOf(picked.solver);
  applyOverrides(order, solver);
  return {
    authorizationURL: url,
    type: challenge.type === 'http-01' ? 'HTTP-01' : 'DNS-01',
    url: challenge.url,
    dnsName: identifier,
    token: challenge.token,
    solver,
    wildcard,
    issuerRef: order.spec.issuerRef,
  };
}

/** An Ingress may say by which class, or by which Ingress, its challenges are solved. */
function applyOverrides(order: KubeObject, solver: Loose): void {
  const ingress = solver.http01?.ingress;
  const annotations = order.metadata.annotations ?? {};
  if (!ingress) return;
  const given = [
    ['name', annotations[`${override}name`]],
    ['class', annotations[`${override}class`]],
    ['ingressClassName', annotations[`${override}ingressclassname`]],
  ].filter(([, value]) => value !== undefined);
  if (given.length > 1)
    throw new Error('may not specify more than one of: name, class, ingressClassName override annotations');
  for (const [field = '', value] of given) {
    for (const other of ['name', 'class', 'ingressClassName']) delete ingress[other];
    ingress[field] = value;
  }
}

const fields = [
  ...['selector', 'matchLabels', 'dnsNames', 'dnsZones', 'http01', 'ingress', 'gatewayHTTPRoute'],
  ...['serviceType', 'ingressClassName', 'class', 'name', 'kind', 'group', 'podTemplate', 'ingressTemplate'],
  ...['metadata', 'annotations', 'labels', 'spec', 'dns01', 'waitInsteadOfSelfCheck'],
];

/** A solver's fields in the order in which Go writes them. */
function ordered(value: Loose): Loose {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const place = (name: string): number => (fields.includes(name) ? fields.indexOf(name) : fields.length);
  const names = Object.keys(value).sort((a, b) => place(a) - place(b) || (a < b ? -1 : 1));
  return Object.fromEntries(names.map((name) => [name, ordered(value[name])]));
}
