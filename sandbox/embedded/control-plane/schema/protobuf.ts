import { loadMessages, type MessageField, schemaNames } from '../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../kubernetes/object.ts';

/** An object whose type is known, but not what it holds. */
export class BadMessage extends Error {
  readonly apiVersion: string;
  readonly kind: string;

  constructor(apiVersion: string, kind: string, message: string) {
    super(message);
    this.apiVersion = apiVersion;
    this.kind = kind;
  }
}

/**
 * Reads request bodies of type `application/vnd.kubernetes.protobuf`: `k8s\0`, then runtime.Unknown around the object.
 * https://kubernetes.io/docs/reference/using-api/api-concepts/#protobuf-encoding
 */
export function decodeProtobuf(body: Uint8Array): Loose {
  if (!isProtobuf(body))
    throw new Error('provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]');
  if (body.length === 4) throw new Error('empty body');
  const unknown = readRaw(body.subarray(4));
  const type = unknown.get(1)?.at(-1) as Uint8Array | undefined;
  const meta = readRaw(type ?? new Uint8Array());
  const apiVersion = text(meta.get(1)?.at(-1));
  const kind = text(meta.get(2)?.at(-1));
  const raw = (unknown.get(2)?.at(-1) as Uint8Array | undefined) ?? new Uint8Array();
  const name = messageName(apiVersion, kind);
  if (!name) throw new Error(`no kind ${JSON.stringify(kind)} is registered for version ${JSON.stringify(apiVersion)}`);
  try {
    return { kind, apiVersion, ...decodeMessage(raw, name) };
  } catch (error) {
    throw new BadMessage(apiVersion, kind, (error as Error).message);
  }
}

const isProtobuf = (body: Uint8Array): boolean =>
  body[0] === 0x6b && body[1] === 0x38 && body[2] === 0x73 && body[3] === 0;

function messageName(apiVersion: string, kind: string): string | undefined {
  const key = apiVersion.includes('/') ? `${apiVersion}/${kind}` : `/${apiVersion}/${kind}`;
  return schemaNames().get(key) ?? anyGroup(kind);
}

/** Options (DeleteOptions, Status) are sent under any group. */
function anyGroup(kind: string): string | undefined {
  const name = `io.k8s.apimachinery.pkg.apis.meta.v1.${kind}`;
  return loadMessages().has(name) ? name : undefined;
}

type Raw = Uint8Array | bigint;

const utf8 = new TextDecoder();
const text = (value: Raw | undefined): string => (value instanceof Uint8Array ? utf8.decode(value) : '');

/** Field number → its values as they stand on the wire. */
function readRaw(bytes: Uint8Array): Map<number, Raw[]> {
  const fields = new Map<number, Raw[]>();
  let at = 0;
  const varint = (): bigint => {
    let value = 0n;
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('unexpected EOF');
      if (shift >= 64n) throw new Error('proto: integer overflow');
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  const take = (length: number): Uint8Array => {
    if (at + length > bytes.length) throw new Error('unexpected EOF');
    at += length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const tag = Number(varint());
    const wire = tag & 7;
    let value: Raw;
    if (wire === 0) value = varint();
    else if (wire === 1) value = take(8);
    else if (wire === 2) value = take(Number(varint()));
    else if (wire === 5) value = take(4);
    else throw new Error(`proto: illegal wireType ${wire}`);
    const known = fields.get(tag >> 3);
    if (known) known.push(value);
    else fields.set(tag >> 3, [value]);
  }
  return fields;
}

function decodeMessage(bytes: Uint8Array, name: string): Loose {
  const special = specials[name];
  if (special) return special(bytes);
  const fields = loadMessages().get(name);
  if (!fields) throw new Error(`no message ${name}`);
  const out: Loose = {};
  for (const [number, values] of readRaw(bytes)) {
    const field = fields.get(number);
    if (!field) continue;
    if (field.inline) Object.assign(out, decodeMessage(values.at(-1) as Uint8Array, field.type));
    else setField(out, field, values);
  }
  return out;
}

function setField(out: Loose, field: MessageField, values: Raw[]): void {
  if (field.map) {
    out[field.name] = Object.fromEntries(
      values.map((entry) => {
        const pair = readRaw(entry as Uint8Array);
        const value = pair.get(2)?.at(-1);
        return [text(pair.get(1)?.at(-1)), value === undefined ? zero(field.type) : decodeValue(value, field.type)];
      }),
    );
    return;
  }
  if (field.repeated) {
    out[field.name] = values.flatMap((value) => unpack(value, field.type));
    return;
  }
  const value = decodeValue(values.at(-1)!, field.type);
  // Go writes zeroes of plain scalars too; only pointers tell a zero from nothing.
  const dropped = !field.pointer && !field.always && (value === '' || value === 0 || value === false);
  if (value !== undefined && value !== null && !dropped) out[field.name] = value;
}

/** Scalars of a repeated field may come packed. */
function unpack(value: Raw, type: string): Loose[] {
  if (!(value instanceof Uint8Array) || !/^u?int(32|64)$|^bool$/.test(type)) return [decodeValue(value, type)];
  const packed: Loose[] = [];
  let shift = 0n;
  let sum = 0n;
  for (const byte of value) {
    sum |= BigInt(byte & 0x7f) << shift;
    shift += 7n;
    if (byte < 0x80) {
      packed.push(decodeValue(sum, type));
      [shift, sum] = [0n, 0n];
    }
  }
  return packed;
}

function zero(type: string): Loose {
  if (type === 'string' || type === 'bytes') return '';
  if (type === 'bool') return false;
  return /^(u?int|double|float)/.test(type) ? 0 : decodeMessage(new Uint8Array(), type);
}

function decodeValue(value: Raw, type: string): Loose {
  if (typeof value === 'bigint') {
    if (type === 'bool') return value !== 0n;
    return Number(type.startsWith('u') ? value : BigInt.asIntN(type === 'int32' ? 32 : 64, value));
  }
  if (type === 'string') return utf8.decode(value);
  if (type === 'bytes') return Buffer.from(value).toString('base64');
  const view = new DataView(value.buffer, value.byteOffset, value.byteLength);
  if (type === 'double') return view.getFloat64(0, true);
  if (type === 'float') return view.getFloat32(0, true);
  return decodeMessage(value, type);
}

const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const crd = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

/** A Time that is zero is written as an empty message, and left out of JSON. */
function decodeTime(bytes: Uint8Array, digits: number): string | undefined {
  const fields = readRaw(bytes);
  const seconds = fields.get(1)?.at(-1) as bigint | undefined;
  if (seconds === undefined) return undefined;
  const value = Number(BigInt.asIntN(64, seconds));
  if (value <= -62_135_596_800) return undefined;
  const nanos = Number((fields.get(2)?.at(-1) as bigint | undefined) ?? 0n);
  const whole = new Date(value * 1000).toISOString().slice(0, 19);
  return digits > 0 ? `${whole}.${String(nanos).padStart(9, '0').slice(0, digits)}Z` : `${whole}Z`;
}

const rawJson = (bytes: Uint8Array): Loose => {
  const raw = readRaw(bytes).get(1)?.at(-1);
  return raw === undefined || text(raw) === '' ? undefined : JSON.parse(text(raw));
};

const items = (bytes: Uint8Array): string[] => (readRaw(bytes).get(1) ?? []).map(text);

/** Types that write themselves as JSON. */
const specials: Record<string, (bytes: Uint8Array) => Loose> = {
  [`${meta}.Time`]: (bytes) => decodeTime(bytes, 0),
  [`${meta}.MicroTime`]: (bytes) => decodeTime(bytes, 6),
  [`${meta}.FieldsV1`]: rawJson,
  [`${meta}.Duration`]: (bytes) => `${Number((readRaw(bytes).get(1)?.at(-1) as bigint | undefined) ?? 0n) / 1e9}s`,
  'io.k8s.apimachinery.pkg.runtime.RawExtension': rawJson,
  'io.k8s.apimachinery.pkg.api.resource.Quantity': (bytes) => text(readRaw(bytes).get(1)?.at(-1)) || '0',
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': (bytes) => {
    const fields = readRaw(bytes);
    const isText = fields.get(1)?.at(-1) === 1n;
    return isText ? text(fields.get(3)?.at(-1)) : decodeValue((fields.get(2)?.at(-1) as bigint) ?? 0n, 'int32');
  },
  'io.k8s.api.authentication.v1.ExtraValue': items,
  'io.k8s.api.authorization.v1.ExtraValue': items,
  'io.k8s.api.certificates.v1.ExtraValue': items,
  [`${meta}.Verbs`]: items,
  [`${crd}.JSON`]: rawJson,
  [`${crd}.JSONSchemaPropsOrStringArray`]: (bytes) => {
    const fields = readRaw(bytes);
    const schema = fields.get(1)?.at(-1);
    return schema ? decodeMessage(schema as Uint8Array, `${crd}.JSONSchemaProps`) : (fields.get(2) ?? []).map(text);
  },
  [`${crd}.JSONSchemaPropsOrBool`]: (bytes) => {
    const fields = readRaw(bytes);
    const schema = fields.get(2)?.at(-1);
    return schema ? decodeMessage(schema as Uint8Array, `${crd}.JSONSchemaProps`) : fields.get(1)?.at(-1) === 1n;
  },
  [`${crd}.JSONSchemaPropsOrArray`]: (bytes) => {
    const fields = readRaw(bytes);
    const schema = fields.get(1)?.at(-1);
    if (schema) return decodeMessage(schema as Uint8Array, `${crd}.JSONSchemaProps`);
    return (fields.get(2) ?? []).map((each) => decodeMessage(each as Uint8Array, `${crd}.JSONSchemaProps`));
  },
};
