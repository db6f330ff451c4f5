import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { selects } from '../../../../../kubernetes/selectors.ts';
import { notFound } from '../errors.ts';
import { type Attributes, type Face, nameOf, namespaceOf, otherFaces, ownFace } from './attributes.ts';

/** Kinds that decide about admission are not themselves admitted by it: nobody locks the door from within. */
export function isExempt({ call }: Attributes): boolean {
  return call.type.group === 'admissionregistration.k8s.io';
}

interface Matched {
  rules: Loose[] | undefined;
  matchPolicy: string | undefined;
  namespaceSelector: Loose;
  objectSelector: Loose;
}

/** The version in which something wants to see the write; undefined where it does not. Throws 404 for a namespace that is gone. */
export function faceFor(attributes: Attributes, matched: Matched): Face | undefined {
  const { rules = [], matchPolicy = 'Equivalent', namespaceSelector, objectSelector } = matched;
  if (!matchesObject(attributes, objectSelector)) return undefined;
  let gone: Error | undefined;
  try {
    if (!matchesNamespace(attributes, namespaceSelector)) return undefined;
  } catch (error) {
    gone = error as Error;
  }
  const face = faceByRules(attributes, rules, matchPolicy);
  if (face && gone) throw gone;
  return face;
}

/** The same of a policy's `matchConstraints` or a binding's `matchResources`; without rules everything matches. */
export function faceForResources(attributes: Attributes, resources: Loose): Face | undefined {
  const { matchPolicy = 'Equivalent', namespaceSelector, objectSelector } = resources ?? {};
  const { resourceRules = [], excludeResourceRules = [] } = resources ?? {};
  const free = [{ operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*', '*/*'] }];
  const rules = resourceRules.length > 0 ? resourceRules : free;
  const face = faceFor(attributes, { rules, matchPolicy, namespaceSelector, objectSelector });
  if (!face || faceByRules(attributes, excludeResourceRules, matchPolicy)) return undefined;
  return face;
}

function faceByRules(attributes: Attributes, rules: Loose[], matchPolicy: string): Face | undefined {
  const own = ownFace(attributes);
  if (rules.some((rule) => matchesRule(attributes, rule, own))) return own;
  if (matchPolicy !== 'Equivalent') return undefined;
  const others = otherFaces(attributes);
  for (const rule of rules) for (const face of others) if (matchesRule(attributes, rule, face)) return face;
  return undefined;
}

const has = (list: string[] | undefined, value: string): boolean =>
  !!list && (list.includes('*') || list.includes(value));

function matchesRule(attributes: Attributes, rule: Loose, { type }: Face): boolean {
  const { operation, call } = attributes;
  return (
    inScope(attributes, rule.scope ?? '*') &&
    has(rule.operations, operation) &&
    has(rule.apiGroups, type.group) &&
    has(rule.apiVersions, type.version) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(nameOf(attributes))) &&
    (rule.resources ?? []).some((text: string) => {
      const [resource = '', part = ''] = text.split(/\/(.*)/, 2);
      return (resource === '*' || resource === type.resource) && (part === '*' || part === call.info.subresource);
    })
  );
}

function inScope({ call }: Attributes, scope: string): boolean {
  if (scope === '*') return true;
  const namespaced = call.type.collection !== '/namespaces' && call.info.namespace !== '';
  return (scope === 'Namespaced') === namespaced;
}

const isEmpty = (selector: Loose): boolean =>
  !selector || (!Object.keys(selector.matchLabels ?? {}).length && !(selector.matchExpressions ?? []).length);

function matchesNamespace(attributes: Attributes, selector: Loose): boolean {
  const { call } = attributes;
  const name = namespaceOf(attributes);
  if (isEmpty(selector) || name === '') return true;
  if (call.type.collection === '/namespaces' && attributes.object && call.info.subresource === '')
    return selects(selector, attributes.object.metadata.labels);
  const namespace = call.services.store.get('/namespaces', '', name)?.object;
  if (!namespace) throw notFound({ group: '', resource: 'namespaces' }, name);
  return selects(selector, namespace.metadata.labels);
}

function matchesObject({ object, old }: Attributes, selector: Loose): boolean {
  if (isEmpty(selector)) return true;
  const matches = (one: KubeObject | undefined): boolean => !!one?.metadata && selects(selector, one.metadata.labels);
  return matches(object) || matches(old);
}
