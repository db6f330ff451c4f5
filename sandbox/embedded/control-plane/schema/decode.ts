import type { Schema } from '../../../../kubernetes/facts.ts';
import { copyOf, type Loose } from '../../../../kubernetes/object.ts';
import { canonicalQuantity } from '../../../../kubernetes/quantity.ts';
import { goFields, goName, isFree, resolve, type Shape } from './shape.ts';

export interface Decoded {
  /** A new object: unknown fields, nulls and zeroes that Go leaves out are gone; quantities and times are canonical. */
  value: Loose;
  /** `unknown field "spec.x"`, for fieldValidation Strict (refuse) and Warn. */
  unknown: string[];
  /** The first wrong type, in Go's words: `json: cannot unmarshal string into Go struct field …`. The rest was decoded. */
  error?: string;
  /** The same, as a strategic merge patch words it: `unrecognized type: int32`. */
  conversion?: string;
}

interface Walk {
  schemas: Record<string, Schema>;
  unknown: string[];
  error: string | undefined;
  conversion: string | undefined;
  /** The Go struct and the names that lead to the value at hand, for errors. */
  struct: string;
  fields: string[];
}

/** Reads what a client sent as the Go types would. `value` is JSON as parsed; see {@link duplicateFields} for doubled names. */
export function decode(value: Loose, shape: Shape): Decoded {
  const walk: Walk = {
    schemas: shape.schemas,
    unknown: [],
    error: undefined,
    conversion: undefined,
    struct: '',
    fields: [],
  };
  const reference = shape.name ? { $ref: shape.name } : shape.schema;
  const decoded = decodeValue(value, reference, '', walk, undefined);
  const { unknown, error, conversion = error } = walk;
  return { value: decoded ?? {}, unknown, ...(error && conversion ? { error, conversion } : {}) };
}

/** What has no place here is undefined. */
function decodeValue(value: Loose, schema: Schema, path: string, walk: Walk, goType: string | undefined): Loose {
  if (value === null || value === undefined) return undefined;
  const special = schema.$ref && specials[schema.$ref];
  if (special) return special(value, walk, goType ?? goName(schema.$ref!));
  const actual = resolve(schema, walk.schemas);
  if (actual['x-kubernetes-int-or-string']) return typeof value === 'object' ? undefined : value;
  switch (actual.type) {
    case 'object':
      return decodeObject(value, schema, actual, path, walk, goType);
    case 'array':
      return decodeArray(value, actual, path, walk, goType);
    case 'string':
      if (typeof value !== 'string') return mismatch(value, goType ?? 'string', walk, 'string');
      if (actual.format === 'byte') checkBase64(value, walk);
      return value;
    case 'boolean':
      return typeof value === 'boolean' ? value : mismatch(value, goType ?? 'bool', walk, 'bool');
    case 'integer':
      return decodeInteger(value, goType ?? (actual.format === 'int64' ? 'int64' : 'int32'), walk);
    case 'number':
      return typeof value === 'number' ? value : mismatch(value, 'float64', walk, 'float64');
    default:
      return copyOf(value);
  }
}

function decodeObject(value: Loose, schema: Schema, actual: Schema, path: string, walk: Walk, goType?: string): Loose {
  if (typeof value !== 'object' || Array.isArray(value))
    return mismatch(value, goType ?? typeName(schema, walk), walk, actual.properties ? 'struct' : 'map');
  if (isFree(actual) || actual['x-kubernetes-preserve-unknown-fields']) return copyOf(value);
  const out: Loose = {};
  const name = schema.$ref;
  const fields = name ? goFields(name) : undefined;
  const { struct } = walk;
  for (const key of Object.keys(value)) {
    const property = actual.properties?.[key];
    const inner = path ? `${path}.${key}` : key;
    if (!property && !actual.additionalProperties) {
      walk.unknown.push(`unknown field ${JSON.stringify(inner)}`);
      continue;
    }
    const field = fields?.get(key);
    if (property) {
      walk.fields.push(field?.within ? `${field.within}.${key}` : key);
      if (name) walk.struct = name.slice(name.lastIndexOf('.') + 1);
    }
    const element = property ?? (actual.additionalProperties as Schema);
    let decoded = decodeValue(value[key], element, inner, walk, field?.goType);
    if (property) walk.fields.pop();
    else if (decoded === undefined) decoded = zeroOf(resolve(element, walk.schemas));
    walk.struct = struct;
    if (decoded === undefined) continue;
    if (field?.dropsZero && isZero(decoded, element) && !refusedEmpty.has(`${name}.${key}`)) continue;
    out[key] = decoded;
  }
  return out;
}

function decodeArray(value: Loose, actual: Schema, path: string, walk: Walk, goType?: string): Loose {
  if (!Array.isArray(value)) return mismatch(value, goType ? `[]${goType}` : typeName(actual, walk), walk, 'slice');
  const items = actual.items ?? {};
  return value.map((item, index) => {
    const decoded = decodeValue(item, items, `${path}[${index}]`, walk, goType);
    return decoded === undefined ? zeroOf(resolve(items, walk.schemas)) : decoded;
  });
}

function decodeInteger(value: Loose, goType: string, walk: Walk): Loose {
  if (typeof value !== 'number') return mismatch(value, goType, walk, goType);
  const limit = goType === 'int64' ? 2 ** 63 : 2 ** 31;
  if (!Number.isInteger(value) || value >= limit || value < -limit)
    return mismatch(value, goType, walk, goType, String(value));
  return value;
}

/** Never stored empty, and empty refused in other words than absent. */
const refusedEmpty = new Set([
  'io.k8s.api.autoscaling.v2.HPAScalingRules.policies',
  'io.k8s.api.core.v1.PersistentVolumeSpec.capacity',
]);

function isZero(value: Loose, schema: Schema): boolean {
  if (value === '' || value === 0 || value === false) return true;
  if (Array.isArray(value)) return value.length === 0;
  // An empty map is left out, an empty struct is not.
  return typeof value === 'object' && !schema.$ref && Object.keys(value).length === 0;
}

function zeroOf(schema: Schema): Loose {
  if (schema.type === 'object') return {};
  if (schema.type === 'array') return null;
  if (schema.type === 'boolean') return false;
  return schema.type === 'integer' || schema.type === 'number' ? 0 : schema.type === 'string' ? '' : null;
}

const jsonKind = (value: Loose): string =>
  Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;

/** `target` is what Go makes of the type underneath: `string`, `int32`, `struct`. */
function mismatch(value: Loose, goType: string, walk: Walk, target: string, literal?: string): undefined {
  const shown = literal === undefined ? jsonKind(value) : `number ${literal}`;
  const place = walk.struct ? `Go struct field ${walk.struct}.${walk.fields.join('.')} of type` : 'Go value of type';
  walk.conversion ??= walk.error ?? conversionFault(value, goType, target);
  walk.error ??= `json: cannot unmarshal ${shown} into ${place} ${goType}`;
  return undefined;
}

function conversionFault(value: Loose, goType: string, target: string): string {
  const source = Array.isArray(value) ? 'slice' : typeof value === 'object' ? 'map' : goKind(value);
  if (target === 'struct') return `cannot restore struct from: ${source}`;
  if (target === 'slice' || target === 'map') return `cannot restore ${target} from ${source}`;
  const convertible = target === 'string' ? source === 'int64' : source === 'float64' && target !== 'bool';
  return convertible ? `cannot convert ${source} to ${goType}` : `unrecognized type: ${target}`;
}

function goKind(value: Loose): string {
  if (typeof value === 'number') return Number.isInteger(value) ? 'int64' : 'float64';
  return typeof value === 'boolean' ? 'bool' : 'string';
}

/** `map[string]string`, `[]v1.Container`, `v1.PodSpec` */
function typeName(schema: Schema, walk: Walk): string {
  if (schema.$ref) return goName(schema.$ref);
  if (schema.type === 'array') return `[]${typeName(schema.items ?? {}, walk)}`;
  if (schema.type === 'object' && typeof schema.additionalProperties === 'object') {
    if (schema.additionalProperties.$ref === quantity) return 'v1.ResourceList';
    return `map[string]${typeName(schema.additionalProperties, walk)}`;
  }
  if (schema.type === 'integer') return schema.format ?? 'int32';
  return schema.type === 'boolean' ? 'bool' : (schema.type ?? 'interface {}');
}

function checkBase64(value: string, walk: Walk): void {
  const clean = value.replace(/[\r\n]/g, '');
  const wrong = /[^A-Za-z0-9+/=]/.exec(clean)?.index ?? /=(?=[^=])|={3}/.exec(clean)?.index;
  const at = wrong ?? (clean.length % 4 === 0 ? undefined : clean.length - (clean.length % 4));
  if (at === undefined || walk.error) return;
  walk.error = `illegal base64 data at input byte ${at}`;
  walk.conversion = `error decoding from json: ${walk.error}`;
}

type Special = (value: Loose, walk: Walk, goType: string) => Loose;

const quantity = 'io.k8s.apimachinery.pkg.api.resource.Quantity';

/** Types that read themselves. */
const specials: Record<string, Special> = {
  [quantity]: (value, walk) => {
    try {
      return canonicalQuantity(typeof value === 'object' || typeof value === 'boolean' ? '' : value);
    } catch (error) {
      walk.error ??= (error as Error).message;
      return undefined;
    }
  },
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': (value, walk) => {
    if (typeof value === 'string' || Number.isInteger(value)) return value;
    const literal = typeof value === 'number' ? String(value) : undefined;
    walk.conversion ??= `json: cannot unmarshal ${literal ? `number ${literal}` : jsonKind(value)} into Go value of type int32`;
    return mismatch(value, 'int32', walk, 'int32', literal);
  },
  'io.k8s.apimachinery.pkg.apis.meta.v1.Time': (value, walk) => decodeTime(value, walk, 0),
  'io.k8s.apimachinery.pkg.apis.meta.v1.MicroTime': (value, walk) => decodeTime(value, walk, 6),
};

function decodeTime(value: Loose, walk: Walk, digits: number): Loose {
  if (typeof value !== 'string') {
    walk.error ??= `json: cannot unmarshal ${jsonKind(value)} into Go value of type string`;
    return undefined;
  }
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)$/.exec(value);
  const time = match ? Date.parse(`${match[1]}${match[3]}`) : Number.NaN;
  if (!match || Number.isNaN(time)) {
    const layout = digits > 0 ? '2006-01-02T15:04:05.000000Z07:00' : '2006-01-02T15:04:05Z07:00';
    const shown = JSON.stringify(value);
    const year = /^\d{4}/.test(value) ? '-' : '2006';
    const rest = year === '2006' ? value : value.slice(4);
    walk.error ??= `parsing time ${shown} as ${JSON.stringify(layout)}: cannot parse ${JSON.stringify(rest)} as ${JSON.stringify(year)}`;
    return undefined;
  }
  const whole = new Date(time).toISOString().slice(0, 19);
  return digits > 0 ? `${whole}.${(match[2] ?? '').padEnd(digits, '0').slice(0, digits)}Z` : `${whole}Z`;
}
