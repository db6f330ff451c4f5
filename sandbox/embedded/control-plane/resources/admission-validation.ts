import type { Scope } from '../../../../cel/kubernetes/check.ts';
import { compile } from '../../../../cel/kubernetes/program.ts';
import { typeText } from '../../../../cel/kubernetes/types.ts';
import {
  dns1123Label,
  dns1123Subdomain,
  pathSegment,
  portNumber,
  qualifiedName,
} from '../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { conditionScope, policyScope } from '../schema/admission-scopes.ts';
import { duplicate, forbidden, invalid, notSupported, required, tooMany } from '../schema/field-errors.ts';
import { each, labelSelector } from './faults.ts';
import type { FieldError } from './strategy.ts';

/** Webhooks, as https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/ wants them. */
export function webhookConfigurationFaults({ webhooks }: KubeObject, mutating: boolean): FieldError[] {
  const names = new Set<string>();
  return (webhooks ?? []).flatMap((webhook: Loose, index: number) => {
    const at = `webhooks[${index}]`;
    const faults = [...webhookFaults(at, webhook, mutating), ...reviewVersionFaults(at, webhook)];
    if (names.has(webhook.name)) faults.push(duplicate(`${at}.name`, webhook.name));
    names.add(webhook.name);
    return faults;
  });
}

const sideEffects = ['None', 'NoneOnDryRun'];

function webhookFaults(at: string, webhook: Loose, mutating: boolean): FieldError[] {
  const { name = '', rules = [], clientConfig = {}, timeoutSeconds } = webhook;
  const faults: FieldError[] = fullyQualified(`${at}.name`, name);
  for (const [index, rule] of rules.entries()) faults.push(...ruleFaults(`${at}.rules[${index}]`, rule));
  faults.push(...supported(`${at}.failurePolicy`, webhook.failurePolicy, ['Fail', 'Ignore']));
  faults.push(...supported(`${at}.matchPolicy`, webhook.matchPolicy, ['Equivalent', 'Exact']));
  if (webhook.sideEffects === undefined)
    faults.push(required(`${at}.sideEffects`, `must specify one of ${sideEffects.join(', ')}`));
  faults.push(...supported(`${at}.sideEffects`, webhook.sideEffects, sideEffects));
  if (timeoutSeconds > 30 || timeoutSeconds < 1)
    faults.push(invalid(`${at}.timeoutSeconds`, timeoutSeconds, 'the timeout value must be between 1 and 30 seconds'));
  faults.push(...labelSelector(`${at}.namespaceSelector`, webhook.namespaceSelector));
  faults.push(...labelSelector(`${at}.objectSelector`, webhook.objectSelector));
  if (mutating)
    faults.push(...supported(`${at}.reinvocationPolicy`, webhook.reinvocationPolicy, ['IfNeeded', 'Never']));
  const { url, service } = clientConfig;
  if ((url === undefined) === (service === undefined))
    faults.push(required(`${at}.clientConfig`, 'exactly one of url or service is required'));
  else if (url !== undefined) faults.push(...urlFaults(`${at}.clientConfig.url`, url));
  else faults.push(...serviceFaults(`${at}.clientConfig.service`, service));
  faults.push(...conditionFaults(`${at}.matchConditions`, webhook.matchConditions, conditionScope()));
  return faults;
}

function fullyQualified(at: string, name: string): FieldError[] {
  if (name === '') return [required(at)];
  const faults = each(at, name, dns1123Subdomain(name));
  if (faults.length > 0) return faults;
  return name.split('.').length < 3
    ? [invalid(at, name, 'should be a domain with at least three segments separated by dots')]
    : [];
}

const knownVersions = ['v1', 'v1beta1'];

function reviewVersionFaults(path: string, { admissionReviewVersions }: Loose): FieldError[] {
  const versions: string[] = admissionReviewVersions ?? [];
  const at = `${path}.admissionReviewVersions`;
  if (versions.length === 0) return [required(at, `must specify one of ${knownVersions.join(', ')}`)];
  const faults: FieldError[] = [];
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) faults.push(invalid(`${at}[${index}]`, version, 'duplicate version'));
    faults.push(...each(`${at}[${index}]`, version, dns1123Label(version)));
  }
  if (!versions.some((version: string) => knownVersions.includes(version)))
    faults.push(invalid(at, versions, `must include at least one of ${knownVersions.join(', ')}`));
  return faults;
}

const supported = (at: string, value: string | undefined, allowed: string[]): FieldError[] =>
  value === undefined || allowed.includes(value) ? [] : [notSupported(at, value, allowed)];

const operations = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];

function ruleFaults(at: string, rule: Loose): FieldError[] {
  // An empty list is stored as null.
  const [asked, apiGroups, apiVersions, resources] = ['operations', 'apiGroups', 'apiVersions', 'resources'].map(
    (field): string[] => rule[field] ?? [],
  ) as [string[], string[], string[], string[]];
  const faults: FieldError[] = [];
  const only = (name: string, list: string[], what: string): void => {
    if (list.length > 1 && list.includes('*'))
      faults.push(invalid(`${at}.${name}`, list, `if '*' is present, must not specify other ${what}`));
  };
  if (asked.length === 0) faults.push(required(`${at}.operations`));
  only('operations', asked, 'operations');
  for (const [index, operation] of asked.entries())
    if (!operations.includes(operation)) faults.push(notSupported(`${at}.operations[${index}]`, operation, operations));
  if (apiGroups.length === 0) faults.push(required(`${at}.apiGroups`));
  only('apiGroups', apiGroups, 'API groups');
  if (apiVersions.length === 0) faults.push(required(`${at}.apiVersions`));
  only('apiVersions', apiVersions, 'API versions');
  for (const [index, version] of apiVersions.entries())
    if (version === '') faults.push(required(`${at}.apiVersions[${index}]`));
  faults.push(...resourceFaults(`${at}.resources`, resources));
  faults.push(...supported(`${at}.scope`, rule.scope, ['*', 'Cluster', 'Namespaced']));
  return faults;
}

function resourceFaults(at: string, resources: string[]): FieldError[] {
  if (resources.length === 0) return [required(at)];
  const faults: FieldError[] = [];
  const allParts = new Set<string>();
  const everyPart = new Set<string>();
  for (const [index, text] of resources.entries()) {
    const [resource = '', part] = text.split(/\/(.*)/, 2);
    if (text === '') faults.push(required(`${at}[${index}]`));
    if (part === undefined) continue;
    const head = (what: string): string => `if '${what}' is present, must not specify ${text}`;
    if (allParts.has(resource)) faults.push(invalid(`${at}[${index}]`, text, head(`${resource}/*`)));
    if (everyPart.has(part)) faults.push(invalid(`${at}[${index}]`, text, head(`*/${part}`)));
    if (part === '*') allParts.add(resource);
    if (resource === '*') everyPart.add(part);
  }
  if (resources.length > 1 && resources.includes('*/*'))
    faults.push(invalid(at, resources, "if '*/*' is present, must not specify other resources"));
  const plain = resources.filter((text) => !text.includes('/')).at(-1);
  if (resources.includes('*') && plain !== undefined && plain !== '*')
    faults.push(invalid(at, resources, "if '*' is present, must not specify other resources without subresources"));
  return faults;
}

function urlFaults(at: string, text: string): FieldError[] {
  const form = '; desired format: https://host[/path]';
  const [, scheme = '', , user, host = ''] =
    /^(?:([a-z][a-z0-9+.-]*):)?(\/\/(?:([^@/?#]*)@)?([^/?#]*))?/i.exec(text) ?? [];
  const faults: FieldError[] = [];
  if (scheme !== 'https') faults.push(invalid(at, scheme, `'https' is the only allowed URL scheme${form}`));
  if (host === '') faults.push(invalid(at, host, `host must be specified${form}`));
  if (user !== undefined) faults.push(invalid(at, user, 'user information is not permitted in the URL'));
  const fragment = text.split('#')[1];
  if (fragment) faults.push(invalid(at, fragment, 'fragments are not permitted in the URL'));
  const query = text.split('#')[0]?.split(/\?(.*)/)[1];
  if (query) faults.push(invalid(at, query, 'query parameters are not permitted in the URL'));
  return faults;
}

function serviceFaults(at: string, { name, namespace, port, path }: Loose): FieldError[] {
  const faults: FieldError[] = [];
  // The real one hands the two over in the wrong order: an empty name is told of the namespace.
  if (!namespace) faults.push(required(`${at}.name`));
  if (!name) faults.push(required(`${at}.namespace`));
  const wrong = portNumber(port ?? 443);
  if (wrong.length > 0) faults.push(invalid(`${at}.port`, port, `port is not valid: ${wrong.join(', ')}`));
  if (path === undefined || path === '' || path === '/') return faults;
  if (!path.startsWith('/')) faults.push(invalid(`${at}.path`, path, "must start with a '/'"));
  for (const [index, step] of path.slice(1).replace(/\/$/, '').split('/').entries()) {
    if (step === '') faults.push(invalid(`${at}.path`, path, `segment[${index}] may not be empty`));
    else
      for (const why of dns1123Subdomain(step)) faults.push(invalid(`${at}.path`, path, `segment[${index}]: ${why}`));
  }
  return faults;
}

function conditionFaults(at: string, conditions: Loose[] | undefined, scope: Scope): FieldError[] {
  const list = conditions ?? [];
  const faults: FieldError[] = list.length > 64 ? [tooMany(at, list.length, 64)] : [];
  const names = new Set<string>();
  for (const [index, { name = '', expression = '' }] of list.entries()) {
    const place = `${at}[${index}]`;
    if (expression.trim() === '') faults.push(required(`${place}.expression`));
    else faults.push(...expressionFaults(`${place}.expression`, expression, scope, 'bool'));
    if (name === '') faults.push(required(`${place}.name`));
    else faults.push(...each(`${place}.name`, name, qualifiedName(name)));
    if (name !== '' && names.has(name)) faults.push(duplicate(`${place}.name`, name));
    names.add(name);
  }
  return faults;
}

type Wanted = 'bool' | 'string' | 'null';

function expressionFaults(at: string, source: string, scope: Scope, ...wanted: Wanted[]): FieldError[] {
  const { expression, error } = compile(source, scope);
  if (!expression) return [invalid(at, source, error ?? '')];
  const { type } = expression;
  if (wanted.length === 0 || wanted.some((kind) => kind === type.kind)) return [];
  const names = wanted.map((kind) => (kind === 'null' ? 'null_type' : kind));
  const what = names.length === 1 ? names[0] : `one of [${names.join(' ')}]`;
  const found = type.kind === 'null' ? 'null_type' : typeText(type);
  return [invalid(at, source, `must evaluate to ${what} but got ${found}`)];
}

/** https://kubernetes.io/docs/reference/access-authn-authz/validating-admission-policy/ */
export function policyFaults({ metadata, spec }: KubeObject): FieldError[] {
  const faults: FieldError[] = supported('spec.failurePolicy', spec.failurePolicy, ['Fail', 'Ignore']);
  const { paramKind, matchConstraints, variables = [], validations = [], auditAnnotations = [] } = spec;
  if (paramKind) faults.push(...paramKindFaults(paramKind));
  if (!matchConstraints) faults.push(required('spec.matchConstraints'));
  else {
    faults.push(...matchFaults('spec.matchConstraints', matchConstraints));
    if (!matchConstraints.resourceRules?.length) faults.push(required('spec.matchConstraints.resourceRules'));
  }
  faults.push(...conditionFaults('spec.matchConditions', spec.matchConditions, conditionScope(!!paramKind)));
  for (const [index, variable] of variables.entries()) {
    const before = policyScope({ paramKind, variables: variables.slice(0, index) });
    faults.push(...variableFaults(`spec.variables[${index}]`, variable, before));
  }
  const scope = policyScope(spec);
  if (validations.length === 0 && auditAnnotations.length === 0) {
    const why = 'validations or auditAnnotations must contain at least one item';
    return [...faults, required('spec.validations', why), required('spec.auditAnnotations', why)];
  }
  for (const [index, validation] of validations.entries())
    faults.push(...validationFaults(`spec.validations[${index}]`, validation, scope));
  const keys = new Set<string>();
  for (const [index, { key = '', valueExpression = '' }] of auditAnnotations.entries()) {
    const at = `spec.auditAnnotations[${index}]`;
    const whole = `${metadata.name}/${key}`;
    faults.push(...each(`${at}.key`, whole, qualifiedName(whole)));
    if (valueExpression.trim() === '')
      faults.push(required(`${at}.valueExpression`, 'valueExpression is not specified'));
    else faults.push(...expressionFaults(`${at}.valueExpression`, valueExpression.trim(), scope, 'string', 'null'));
    if (keys.has(key)) faults.push(duplicate(`${at}.key`, key));
    keys.add(key);
  }
  return faults;
}

function paramKindFaults({ apiVersion = '', kind = '' }: Loose): FieldError[] {
  const faults: FieldError[] = [];
  if (apiVersion === '') faults.push(required('spec.paramKind.apiVersion'));
  if (kind === '') faults.push(required('spec.paramKind.kind'));
  return faults;
}

function variableFaults(at: string, { name = '', expression = '' }: Loose, scope: Scope): FieldError[] {
  const faults: FieldError[] = [];
  if (name === '') faults.push(required(`${at}.name`, 'name is not specified'));
  else if (!/^[A-Za-z_]\w*$/.test(name)) faults.push(invalid(`${at}.name`, name, 'must be a valid CEL identifier'));
  if (expression.trim() === '') faults.push(required(`${at}.expression`, 'expression is not specified'));
  else faults.push(...expressionFaults(`${at}.expression`, expression, scope));
  return faults;
}

function validationFaults(at: string, validation: Loose, scope: Scope): FieldError[] {
  const { expression = '', message, messageExpression, reason } = validation;
  const faults: FieldError[] =
    expression.trim() === ''
      ? [required(`${at}.expression`, 'expression is not specified')]
      : expressionFaults(`${at}.expression`, expression, scope, 'bool');
  if (messageExpression) {
    const without = new Map([...scope].filter(([name]) => !name.startsWith('authorizer')));
    faults.push(
      ...(messageExpression.trim() === ''
        ? [invalid(`${at}.messageExpression`, messageExpression, 'must be non-empty if specified')]
        : expressionFaults(`${at}.messageExpression`, messageExpression, without, 'string')),
    );
  }
  if (message && message.trim() === '')
    faults.push(invalid(`${at}.message`, message, 'must be non-empty if specified'));
  else if (/[\n\r]/.test(message?.trim() ?? ''))
    faults.push(invalid(`${at}.message`, message, 'must not contain line breaks'));
  faults.push(...supported(`${at}.reason`, reason, ['Forbidden', 'Invalid', 'RequestEntityTooLarge']));
  return faults;
}

function matchFaults(at: string, match: Loose): FieldError[] {
  const faults = supported(`${at}.matchPolicy`, match.matchPolicy, ['Equivalent', 'Exact']);
  faults.push(...labelSelector(`${at}.namespaceSelector`, match.namespaceSelector));
  faults.push(...labelSelector(`${at}.objectSelector`, match.objectSelector));
  for (const field of ['resourceRules', 'excludeResourceRules'])
    for (const [index, rule] of (match[field] ?? []).entries()) {
      const place = `${at}.${field}[${index}]`;
      for (const [position, name] of (rule.resourceNames ?? []).entries())
        faults.push(...each(`${place}.resourceNames[${position}]`, name, pathSegment(name)));
      faults.push(...ruleFaults(place, rule));
    }
  return faults;
}

export function bindingFaults({ spec }: KubeObject): FieldError[] {
  const { policyName = '', paramRef, matchResources, validationActions = [] } = spec;
  const faults =
    policyName === ''
      ? [required('spec.policyName')]
      : each('spec.policyName', policyName, dns1123Subdomain(policyName));
  if (paramRef) faults.push(...paramRefFaults('spec.paramRef', paramRef));
  if (matchResources) faults.push(...matchFaults('spec.matchResources', matchResources));
  const at = 'spec.validationActions';
  const allowed = ['Audit', 'Deny', 'Warn'];
  for (const [index, action] of validationActions.entries()) {
    if (!allowed.includes(action)) faults.push(notSupported(`${at}[${index}]`, action, allowed));
    if (validationActions.indexOf(action) < index) faults.push(duplicate(`${at}[${index}]`, action));
  }
  if (validationActions.includes('Deny') && validationActions.includes('Warn'))
    faults.push(
      invalid(
        at,
        validationActions,
        'must not contain both Deny and Warn (repeating the same validation failure information in the API response and headers serves no purpose)',
      ),
    );
  if (validationActions.length === 0) faults.push(required(at, 'at least one validation action is required'));
  return faults;
}

function paramRefFaults(at: string, { name, selector, parameterNotFoundAction }: Loose): FieldError[] {
  const both = 'name and selector are mutually exclusive';
  const faults: FieldError[] = name ? each(`${at}.name`, name, pathSegment(name)) : [];
  if (name && selector) faults.push(forbidden(`${at}.name`, both));
  faults.push(...labelSelector(`${at}.selector`, selector));
  if (name && selector) faults.push(forbidden(`${at}.selector`, both));
  if (!name && !selector) faults.push(required(at, 'one of name or selector must be specified'));
  if (!parameterNotFoundAction) faults.push(required(`${at}.parameterNotFoundAction`));
  else faults.push(...supported(`${at}.parameterNotFoundAction`, parameterNotFoundAction, ['Deny', 'Allow']));
  return faults;
}
