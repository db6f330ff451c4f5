import { isDeepStrictEqual } from 'node:util';
import {
  dns1123Label,
  dns1123Subdomain,
  labelValue,
  percent,
  portName,
  portNumber,
  qualifiedName,
} from '../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { compareQuantities, parseQuantity, quantityMilli } from '../../../../kubernetes/quantity.ts';
import { forbidden, invalid, notSupported, required, tooLong } from '../schema/field-errors.ts';
import type { FieldError } from './strategy.ts';

/** Rules that many kinds share, each with the field's path first. Absent values keep every rule. */

export const each = (path: string, value: Loose, faults: string[]): FieldError[] =>
  faults.map((fault) => invalid(path, value, fault));

export function nonNegative(path: string, value: number | undefined): FieldError[] {
  return value !== undefined && value < 0 ? [invalid(path, value, 'must be greater than or equal to 0')] : [];
}

export function immutable(path: string, value: Loose, old: Loose): FieldError[] {
  return isDeepStrictEqual(value, old) ? [] : [invalid(path, value ?? null, 'field is immutable')];
}

/** `allowed` in the order the server lists it; '' is a missing value. */
export function oneOf(path: string, value: string | undefined, allowed: readonly string[]): FieldError[] {
  if (!value) return [required(path)];
  return allowed.includes(value) ? [] : [notSupported(path, value, allowed)];
}

export function labels(path: string, map: Record<string, string> | undefined): FieldError[] {
  return Object.entries(map ?? {}).flatMap(([key, value]) => [
    ...each(path, key, qualifiedName(key)),
    ...each(path, value, labelValue(value)),
  ]);
}

const mostAnnotations = 256 * 1024;

export function annotations(path: string, map: Record<string, string> | undefined): FieldError[] {
  const entries = Object.entries(map ?? {});
  const faults = entries.flatMap(([key]) => each(path, key, qualifiedName(key.toLowerCase())));
  const size = entries.reduce((sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(value), 0);
  return size > mostAnnotations ? [...faults, tooLong(path, mostAnnotations)] : faults;
}

export const isStandardFinalizer = (name: string): boolean =>
  ['orphan', 'foregroundDeletion', 'kubernetes'].includes(name) || name.includes('/');

/** How finalizers must be named: built-in kinds know which ones stand without a domain. */
export type FinalizerRule = 'standard' | 'qualified' | 'any';

/** What every object's metadata keeps to, its name aside. */
export function metadataFaults({ metadata }: KubeObject, rule: FinalizerRule = 'standard'): FieldError[] {
  const faults = [
    ...labels('metadata.labels', metadata.labels),
    ...annotations('metadata.annotations', metadata.annotations),
  ];
  const controllers: string[] = [];
  for (const owner of metadata.ownerReferences ?? []) {
    const path = 'metadata.ownerReferences';
    if (!owner.apiVersion) faults.push(invalid(`${path}.apiVersion`, '', 'version must not be empty'));
    if (!owner.kind) faults.push(invalid(`${path}.kind`, '', 'must not be empty'));
    if (!owner.name) faults.push(invalid(`${path}.name`, '', 'must not be empty'));
    if (!owner.uid) faults.push(invalid(`${path}.uid`, '', 'must not be empty'));
    if (owner.controller) controllers.push(`${owner.kind}/${owner.name}`);
  }
  if (controllers.length > 1) {
    const sentence = `Only one reference can have Controller set to true. Found "true" in references for ${controllers[0]} and ${controllers[1]}`;
    faults.push(invalid('metadata.ownerReferences', metadata.ownerReferences, sentence));
  }
  return rule === 'any' ? faults : [...faults, ...finalizerFaults(metadata.finalizers ?? [], rule)];
}

function finalizerFaults(finalizers: string[], rule: FinalizerRule): FieldError[] {
  const path = 'metadata.finalizers';
  const faults = finalizers.flatMap((finalizer) => each(path, finalizer, qualifiedName(finalizer)));
  if (finalizers.includes('orphan') && finalizers.includes('foregroundDeletion'))
    faults.push(invalid(path, finalizers, 'finalizer orphan and foregroundDeletion cannot be both set'));
  for (const [index, finalizer] of finalizers.entries()) {
    if (rule === 'standard' && !isStandardFinalizer(finalizer)) {
      const sentence = 'name is neither a standard finalizer name nor is it fully qualified';
      faults.push(invalid(`${path}[${index}]`, finalizer, sentence));
    }
  }
  return faults;
}

export function labelSelector(path: string, selector: Loose): FieldError[] {
  if (!selector) return [];
  const faults = labels(`${path}.matchLabels`, selector.matchLabels);
  for (const [index, { key = '', operator, values = [] }] of (selector.matchExpressions ?? []).entries()) {
    const at = `${path}.matchExpressions[${index}]`;
    if (operator === 'In' || operator === 'NotIn') {
      if (values.length === 0)
        faults.push(required(`${at}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
    } else if (operator === 'Exists' || operator === 'DoesNotExist') {
      if (values.length > 0)
        faults.push(forbidden(`${at}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
    } else faults.push(invalid(`${at}.operator`, operator ?? '', 'not a valid selector operator'));
    faults.push(...each(`${at}.key`, key, qualifiedName(key)));
    for (const [place, value] of values.entries())
      faults.push(...each(`${at}.values[${place}]`, value, labelValue(value)));
  }
  return faults;
}

export const isEmptySelector = (selector: Loose): boolean =>
  Object.keys(selector?.matchLabels ?? {}).length + (selector?.matchExpressions ?? []).length === 0;

export function intOrPercent(path: string, value: number | string | undefined): FieldError[] {
  if (typeof value === 'string') return each(path, value, percent(value));
  return nonNegative(path, value);
}

export function notMoreThanAll(path: string, value: number | string | undefined): FieldError[] {
  const isMore = typeof value === 'string' && percent(value).length === 0 && Number.parseInt(value, 10) > 100;
  return isMore ? [invalid(path, value, 'must not be greater than 100%')] : [];
}

/** The number before the percent sign, or the number itself. */
export const amountOf = (value: number | string | undefined): number =>
  typeof value === 'string' ? Number.parseInt(value, 10) || 0 : (value ?? 0);

export function portNumberOrName(path: string, value: number | string | undefined): FieldError[] {
  if (typeof value === 'string') return each(path, value, portName(value));
  return each(path, value ?? 0, portNumber(value ?? 0));
}

export const label = (path: string, value: string): FieldError[] => each(path, value, dns1123Label(value));
export const subdomain = (path: string, value: string): FieldError[] => each(path, value, dns1123Subdomain(value));

const standardResources = ['cpu', 'memory', 'ephemeral-storage'];

/** requests and limits of a container. https://kubernetes.io/docs/concepts/configuration/manage-resources-containers/ */
export function resourceRequirements(path: string, resources: Loose): FieldError[] {
  const { limits = {}, requests = {} } = resources ?? {};
  const faults: FieldError[] = [];
  for (const [kind, list] of [
    ['limits', limits],
    ['requests', requests],
  ] as const) {
    for (const [name, quantity] of Object.entries<string>(list)) {
      const at = `${path}.${kind}[${name}]`;
      faults.push(...each(at, name, qualifiedName(name)), ...containerResource(at, name));
      if (compareQuantities(quantity, '0') < 0)
        faults.push(invalid(at, quantity, 'must be greater than or equal to 0'));
      if (isExtended(name) && quantityMilli(quantity) % 1000 !== 0)
        faults.push(invalid(at, quantity, 'must be an integer'));
      if (kind === 'requests') faults.push(...shareFaults(path, name, quantity, limits[name]));
      if (isPages(name) && !isWholePages(name, quantity))
        faults.push(invalid(at, quantity, `${quantity} is not positive integer multiple of ${name}`));
    }
  }
  const names = [...Object.keys(limits), ...Object.keys(requests)];
  if (names.some(isPages) && !names.includes('cpu') && !names.includes('memory'))
    faults.push(forbidden(path, 'HugePages require cpu or memory'));
  return faults;
}

const isPages = (name: string): boolean => name.startsWith('hugepages-');
const isExtended = (name: string): boolean =>
  name.includes('/') && !name.includes('kubernetes.io/') && !name.startsWith('requests.');

function isWholePages(name: string, quantity: string): boolean {
  const { nano: page } = parseQuantity(name.slice('hugepages-'.length));
  return page > 0n && parseQuantity(quantity).nano % page === 0n;
}

/** What may be lent to several is asked for up to its limit, all else exactly. */
function shareFaults(path: string, name: string, quantity: string, limit: string | undefined): FieldError[] {
  const fixed = isPages(name) || (name.includes('/') && !name.includes('kubernetes.io/'));
  if (limit === undefined)
    return fixed ? [required(`${path}.limits`, 'Limit must be set for non overcommitable resources')] : [];
  const order = compareQuantities(quantity, limit);
  if (fixed && order !== 0)
    return [invalid(`${path}.requests`, quantity, `must be equal to ${name} limit of ${limit}`)];
  return order > 0
    ? [invalid(`${path}.requests`, quantity, `must be less than or equal to ${name} limit of ${limit}`)]
    : [];
}

export function containerResource(path: string, name: string): FieldError[] {
  if (name.includes('/') || standardResources.includes(name) || name.startsWith('hugepages-')) return [];
  return [
    invalid(path, name, 'must be a standard resource type or fully qualified'),
    invalid(path, name, 'must be a standard resource for containers'),
  ];
}

export const validAddress = 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)';

/** Addresses nobody outside a machine can reach. */
export function reachableFaults(path: string, ip: string): FieldError[] {
  if (/^127\./.test(ip) || ip === '::1')
    return [invalid(path, ip, 'may not be in the loopback range (127.0.0.0/8, ::1/128)')];
  if (ip === '0.0.0.0' || ip === '::') return [invalid(path, ip, `may not be unspecified (${ip})`)];
  if (/^169\.254\./.test(ip) || /^fe80:/i.test(ip))
    return [invalid(path, ip, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)')];
  if (/^224\.0\.0\./.test(ip))
    return [invalid(path, ip, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)')];
  return [];
}
