import { isDeepStrictEqual } from 'node:util';
import { dns1035Label, dns1123Subdomain, portNumber } from '../../../../../kubernetes/names.ts';
import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { FieldError } from '../../resources/strategy.ts';
import { duplicate, forbidden, invalid, notSupported, required, tooMany } from '../../schema/field-errors.ts';
import { fieldAt } from '../../schema/field-path.ts';
import { internalColumn, internalSchema, internalSubresources } from './internal-definition.ts';
import { schemaFaults } from './schema-faults.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/custom-resource-definition-v1/ */
export function validateDefinition(object: KubeObject, old?: KubeObject): FieldError[] {
  const { metadata, spec, status = {} } = object;
  const { group = '', names = {} } = spec;
  const faults: FieldError[] = [];
  if (metadata.name !== `${names.plural ?? ''}.${group}`)
    faults.push(invalid('metadata.name', metadata.name, `must be spec.names.plural+"."+spec.group`));
  faults.push(...specFaults(spec));
  if (old) faults.push(...changeFaults(spec, old));
  faults.push(...storedFaults(status.storedVersions, spec.versions ?? []));
  return [...faults, ...approvalFaults(object, old)];
}

function specFaults(spec: Loose): FieldError[] {
  const { group, names = {}, versions = [], conversion } = spec;
  const faults: FieldError[] = [];
  if (!group) faults.push(required('spec.group'));
  else if (dns1123Subdomain(group).length > 0)
    faults.push(invalid('spec.group', group, dns1123Subdomain(group).join()));
  else if (!group.includes('.')) faults.push(invalid('spec.group', group, 'should be a domain with at least one dot'));
  if (!spec.scope) faults.push(required('spec.scope'));
  else if (!['Cluster', 'Namespaced'].includes(spec.scope))
    faults.push(notSupported('spec.scope', spec.scope, ['Cluster', 'Namespaced']));
  for (const [index, { schema }] of versions.entries())
    if (!schema?.openAPIV3Schema) faults.push(required(`spec.versions[${index}].schema.openAPIV3Schema`));
  const lifted = liftedParts(versions);
  for (const [index, version] of versions.entries())
    faults.push(...versionFaults(version, `spec.versions[${index}]`, lifted));
  const shown = () => versions.map((version: Loose) => internalVersion(version, lifted));
  if (new Set(versions.map(({ name }: Loose) => name)).size < versions.length)
    faults.push(invalid('spec.versions', shown(), 'must contain unique version names'));
  if (versions.filter(({ storage }: Loose) => storage).length !== 1)
    faults.push(invalid('spec.versions', shown(), 'must have exactly one version marked as storage version'));
  for (const field of ['plural', 'singular', 'kind', 'listKind'])
    if (!names[field]) faults.push(required(`spec.names.${field}`));
  faults.push(...nameFaults(names, 'spec.names'));
  const [first = {}] = versions;
  if (lifted.has('schema')) faults.push(...partFaults(first, 'schema', 'spec'));
  for (const part of ['subresources', 'additionalPrinterColumns', 'selectableFields'])
    if (lifted.has(part)) faults.push(...partFaults(first, part, 'spec'));
  if (spec.preserveUnknownFields === true)
    faults.push(
      invalid(
        'spec.preserveUnknownFields',
        true,
        'cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead',
      ),
    );
  return [...faults, ...conversionFaults(conversion)];
}

const parts = ['schema', 'subresources', 'additionalPrinterColumns', 'selectableFields'];

/** What is the same in all versions stands above them, and faults of it are told there. */
function liftedParts(versions: Loose[]): Set<string> {
  return new Set(
    parts.filter(
      (part) => versions.length > 0 && versions.every((one) => isDeepStrictEqual(one[part], versions[0][part])),
    ),
  );
}

function versionFaults(version: Loose, at: string, lifted: Set<string>): FieldError[] {
  const faults: FieldError[] = [];
  const { name = '', deprecated, deprecationWarning: warning } = version;
  if (dns1035Label(name).length > 0) faults.push(invalid(`${at}.name`, name, dns1035Label(name).join()));
  const wrong = (why: string) => faults.push(invalid(`${at}.deprecationWarning`, warning, why));
  if (warning !== undefined && !deprecated) wrong('can only be set for deprecated versions');
  else if (warning !== undefined && warning.length > 256) wrong('must be <= 256 characters long');
  else if (warning === '') wrong('must not be an empty string');
  for (const part of parts) if (!lifted.has(part)) faults.push(...partFaults(version, part, at));
  return faults;
}

function partFaults(version: Loose, part: string, at: string): FieldError[] {
  const schema = version.schema?.openAPIV3Schema;
  switch (part) {
    case 'schema':
      return schema ? schemaFaults(schema, `${at}.${at === 'spec' ? 'validation' : 'schema'}.openAPIV3Schema`) : [];
    case 'subresources':
      return scaleFaults(version.subresources?.scale, `${at}.subresources.scale`);
    case 'additionalPrinterColumns':
      return (version.additionalPrinterColumns ?? []).flatMap((column: Loose, index: number) =>
        columnFaults(column, `${at}.additionalPrinterColumns[${index}]`),
      );
    default:
      return selectableFaults(version.selectableFields ?? [], schema, `${at}.selectableFields`);
  }
}

/** As the server itself holds a version, which is how its faults show it. */
function internalVersion(version: Loose, lifted: Set<string>): Loose {
  const part = (name: string): Loose => (lifted.has(name) ? null : (version[name] ?? null));
  return {
    Name: version.name ?? '',
    Served: version.served ?? false,
    Storage: version.storage ?? false,
    Deprecated: version.deprecated ?? false,
    DeprecationWarning: version.deprecationWarning ?? null,
    Schema: part('schema') && { OpenAPIV3Schema: internalSchema(version.schema.openAPIV3Schema) },
    Subresources: part('subresources') && internalSubresources(version.subresources),
    AdditionalPrinterColumns: part('additionalPrinterColumns')?.map(internalColumn) ?? null,
    SelectableFields: part('selectableFields')?.map(({ jsonPath = '' }: Loose) => ({ JSONPath: jsonPath })) ?? null,
  };
}

function nameFaults(names: Loose, at: string): FieldError[] {
  const faults: FieldError[] = [];
  const label = (field: string, value: string, before = ''): void => {
    const why = dns1035Label(before ? value.toLowerCase() : value);
    if (why.length > 0) faults.push(invalid(`${at}.${field}`, value, `${before}${why.join()}`));
  };
  for (const field of ['plural', 'singular']) if (names[field]) label(field, names[field]);
  const mixed = 'may have mixed case, but should otherwise match: ';
  for (const field of ['kind', 'listKind']) if (names[field]) label(field, names[field], mixed);
  for (const [index, name] of (names.shortNames ?? []).entries()) label(`shortNames[${index}]`, name);
  if (names.kind && names.kind === names.listKind)
    faults.push(invalid(`${at}.listKind`, names.listKind, 'kind and listKind may not be the same'));
  for (const [index, name] of (names.categories ?? []).entries()) label(`categories[${index}]`, name);
  return faults;
}

function simplePath(path: string, at: string): FieldError[] {
  return path.startsWith('.') ? [] : [invalid(at, path, 'must be a simple json path starting with .')];
}

function scaleFaults(scale: Loose, at: string): FieldError[] {
  if (!scale) return [];
  const below = (field: string, roots: string[], why: string): FieldError[] => {
    const path = scale[field];
    if (!path) return field === 'labelSelectorPath' ? [] : [required(`${at}.${field}`)];
    const simple = simplePath(path, `${at}.${field}`);
    if (simple.length > 0) return simple;
    return roots.some((root) => path.startsWith(root)) ? [] : [invalid(`${at}.${field}`, path, why)];
  };
  return [
    ...below('specReplicasPath', ['.spec.'], 'should be a json path under .spec'),
    ...below('statusReplicasPath', ['.status.'], 'should be a json path under .status'),
    ...below('labelSelectorPath', ['.spec.', '.status.'], 'should be a json path under either .spec or .status'),
  ];
}

const columnTypes = ['boolean', 'date', 'integer', 'number', 'string'];
const columnFormats = ['byte', 'date', 'date-time', 'double', 'float', 'int32', 'int64', 'password'];

function columnFaults({ name, type, format, jsonPath }: Loose, at: string): FieldError[] {
  const faults: FieldError[] = name ? [] : [required(`${at}.name`)];
  const oneOf = (list: string[]): string => `must be one of ${list.join()}`;
  if (!type) faults.push(required(`${at}.type`, oneOf(columnTypes)));
  else if (!columnTypes.includes(type)) faults.push(invalid(`${at}.type`, type, oneOf(columnTypes)));
  if (format && !columnFormats.includes(format)) faults.push(invalid(`${at}.format`, format, oneOf(columnFormats)));
  if (!jsonPath) faults.push(required(`${at}.JSONPath`));
  else faults.push(...simplePath(jsonPath, `${at}.JSONPath`));
  return faults;
}

const mostSelectable = 8;

function selectableFaults(fields: Loose[], schema: Loose, at: string): FieldError[] {
  const faults: FieldError[] = [];
  const seen = new Set<string>();
  for (const [index, { jsonPath }] of fields.entries()) {
    const field = `${at}[${index}].jsonPath`;
    if (!jsonPath) {
      faults.push(required(field));
      continue;
    }
    const found = fieldAt(jsonPath, schema ?? {}, false);
    if ('error' in found) {
      faults.push(invalid(field, jsonPath, `is an invalid path: ${found.error}`));
      continue;
    }
    if (found.root === 'metadata') faults.push(invalid(field, jsonPath, 'must not point to fields in metadata'));
    if (!['string', 'boolean', 'integer'].includes(found.schema.type ?? ''))
      faults.push(
        invalid(
          field,
          jsonPath,
          'must point to a field of type string, boolean or integer. Enum string fields and strings with formats are allowed.',
        ),
      );
    if (seen.has(found.path)) faults.push(duplicate(field, jsonPath));
    seen.add(found.path);
  }
  if (seen.size > mostSelectable) faults.push(tooMany(at, seen.size, mostSelectable));
  return faults;
}

function conversionFaults(conversion: Loose): FieldError[] {
  if (!conversion) return [];
  const at = 'spec.conversion';
  const { strategy, webhook } = conversion;
  const { clientConfig: client, conversionReviewVersions: reviews = [] } = webhook ?? {};
  const faults: FieldError[] = [];
  if (!strategy) faults.push(required(`${at}.strategy`));
  else if (!['None', 'Webhook'].includes(strategy))
    faults.push(notSupported(`${at}.strategy`, strategy, ['None', 'Webhook']));
  if (strategy !== 'Webhook') {
    const why = 'should not be set when strategy is not set to Webhook';
    if (client) faults.push(forbidden(`${at}.webhookClientConfig`, why));
    if (reviews.length > 0) faults.push(forbidden(`${at}.conversionReviewVersions`, why));
    return faults;
  }
  if (!client) faults.push(required(`${at}.webhookClientConfig`, 'required when strategy is set to Webhook'));
  else faults.push(...clientFaults(client, `${at}.webhookClientConfig`));
  return [...faults, ...reviewFaults(reviews, `${at}.conversionReviewVersions`)];
}

function clientFaults({ url, service }: Loose, at: string): FieldError[] {
  if ((url === undefined) === !service) return [required(at, 'exactly one of url or service is required')];
  if (service) {
    const { name, namespace, port = 443 } = service;
    const faults: FieldError[] = name ? [] : [required(`${at}.service.name`)];
    if (!namespace) faults.push(required(`${at}.service.namespace`));
    for (const why of portNumber(port)) faults.push(invalid(`${at}.service.port`, port, `port is not valid: ${why}`));
    return faults;
  }
  const form = '; desired format: https://host[/path]';
  const field = `${at}.url`;
  if (!URL.canParse(url)) return [invalid(field, '', `host must be specified${form}`)];
  const { protocol, username, password, hash, search } = new URL(url);
  const faults: FieldError[] = [];
  if (protocol !== 'https:')
    faults.push(invalid(field, protocol.slice(0, -1), `'https' is the only allowed URL scheme${form}`));
  if (username || password)
    faults.push(
      invalid(field, password ? `${username}:${password}` : username, 'user information is not permitted in the URL'),
    );
  if (hash) faults.push(invalid(field, hash.slice(1), 'fragments are not permitted in the URL'));
  if (search) faults.push(invalid(field, search.slice(1), 'query parameters are not permitted in the URL'));
  return faults;
}

function reviewFaults(versions: string[], at: string): FieldError[] {
  if (versions.length === 0) return [required(at)];
  const faults: FieldError[] = [];
  for (const [index, version] of versions.entries()) {
    if (versions.indexOf(version) < index) faults.push(invalid(`${at}[${index}]`, version, 'duplicate version'));
    else for (const why of dns1035Label(version)) faults.push(invalid(`${at}[${index}]`, version, why));
  }
  if (!versions.some((version) => version === 'v1' || version === 'v1beta1'))
    faults.push(invalid(at, versions, 'must include at least one of v1, v1beta1'));
  return faults;
}

function changeFaults({ scope, names, group }: Loose, old: KubeObject): FieldError[] {
  const established = old.status?.conditions?.some((one: Loose) => one.type === 'Established' && one.status === 'True');
  const pairs: [string, Loose, Loose][] = [
    ...(established
      ? ([
          ['spec.scope', scope, old.spec.scope],
          ['spec.names.kind', names?.kind, old.spec.names?.kind],
        ] as [string, Loose, Loose][])
      : []),
    ['spec.group', group, old.spec.group],
    ['spec.names.plural', names?.plural, old.spec.names?.plural],
  ];
  return pairs
    .filter(([, now, before]) => now !== before)
    .map(([field, now]) => invalid(field, now, 'field is immutable'));
}

/** Objects may be stored in versions that were stored before: these stay. */
function storedFaults(stored: string[] | undefined, versions: Loose[]): FieldError[] {
  const at = 'status.storedVersions';
  if (!stored?.length) return [invalid(at, null, 'must have at least one stored version')];
  const left = new Set(stored);
  const faults: FieldError[] = [];
  for (const { name, storage } of versions)
    if (!left.delete(name) && storage) faults.push(invalid(at, stored, `must have the storage version ${name}`));
  for (const [index, version] of stored.entries())
    if (!versions.some(({ name }) => name === version))
      faults.push(
        invalid(
          `${at}[${index}]`,
          version,
          `missing from spec.versions; ${version} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${version} and removes ${version} from status.storedVersions`,
        ),
      );
  return faults;
}

const approval = 'api-approved.kubernetes.io';

/** Groups of Kubernetes itself say who let them in. */
function approvalFaults({ metadata, spec }: KubeObject, old: KubeObject | undefined): FieldError[] {
  const group: string = spec.group ?? '';
  const isProtected = /(^|\.)(k8s|kubernetes)\.io$/.test(group);
  const value = metadata.annotations?.[approval];
  if (!isProtected || (old && old.metadata.annotations?.[approval] === value)) return [];
  const field = `metadata.annotations[${approval}]`;
  if (!value)
    return [
      required(
        field,
        `protected groups must have approval annotation "${approval}", see https://github.com/kubernetes/enhancements/pull/1111`,
      ),
    ];
  if (value.startsWith('unapproved') || (URL.canParse(value) && new URL(value).host)) return [];
  return [
    invalid(
      field,
      value,
      `protected groups must have approval annotation "${approval}" with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111`,
    ),
  ];
}
