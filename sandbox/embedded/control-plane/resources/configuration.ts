import { isDeepStrictEqual } from 'node:util';
import { configMapKey } from '../../../../kubernetes/names.ts';
import type { KubeObject } from '../../../../kubernetes/object.ts';
import { forbidden, invalid, required, tooLong } from '../schema/field-errors.ts';
import { syntaxFault } from '../schema/json-fault.ts';
import { named } from './cells.ts';
import { each, immutable } from './faults.ts';
import type { FieldError, Strategy } from './strategy.ts';

/** Bytes a ConfigMap or a Secret may hold. */
const most = 1024 * 1024;
const sealed = 'field is immutable when `immutable` is set';

const countOf = (map: object | undefined): number => Object.keys(map ?? {}).length;

function sealedFaults(object: KubeObject, old: KubeObject, fields: string[]): FieldError[] {
  if (!old.immutable) return [];
  const faults = object.immutable ? [] : [forbidden('immutable', sealed)];
  for (const field of fields)
    if (!isDeepStrictEqual(object[field] ?? {}, old[field] ?? {})) faults.push(forbidden(field, sealed));
  return faults;
}

const decodedLength = (base64: string): number => Buffer.byteLength(base64, 'base64');

export const configMaps: Strategy = {
  generationFields: [],
  validate({ data = {}, binaryData = {} }) {
    const faults: FieldError[] = [];
    let size = 0;
    for (const [key, value] of Object.entries<string>(data)) {
      faults.push(...each(`data[${key}]`, key, configMapKey(key)));
      if (Object.hasOwn(binaryData, key))
        faults.push(invalid(`data[${key}]`, key, 'duplicate of key present in binaryData'));
      size += Buffer.byteLength(value);
    }
    for (const [key, value] of Object.entries<string>(binaryData)) {
      faults.push(...each(`binaryData[${key}]`, key, configMapKey(key)));
      size += decodedLength(value);
    }
    return size > most ? [...faults, tooLong('[]', most)] : faults;
  },
  changesFirst: true,
  validateUpdate: (object, old) => sealedFaults(object, old, ['data', 'binaryData']),
  cells: named(({ data, binaryData }) => [countOf(data) + countOf(binaryData)]),
};

/** What a Secret of a type must hold: all of one of these sets. */
const needs: Record<string, string[]> = {
  'kubernetes.io/dockercfg': ['.dockercfg'],
  'kubernetes.io/dockerconfigjson': ['.dockerconfigjson'],
  'kubernetes.io/ssh-auth': ['ssh-privatekey'],
  'kubernetes.io/tls': ['tls.crt', 'tls.key'],
};

function typeFaults({ type, data = {}, metadata }: KubeObject): FieldError[] {
  if (type === 'kubernetes.io/service-account-token' && !metadata.annotations?.['kubernetes.io/service-account.name'])
    return [required('metadata.annotations[kubernetes.io/service-account.name]')];
  if (type === 'kubernetes.io/basic-auth' && data.username === undefined && data.password === undefined)
    return [required('data[username]'), required('data[password]')];
  const missing = (needs[type] ?? []).filter((key) => data[key] === undefined);
  if (missing.length > 0) return missing.map((key) => required(`data[${key}]`));
  const [document] = type?.startsWith('kubernetes.io/docker') ? needs[type]! : [];
  if (!document) return [];
  const fault = objectFault(Buffer.from(data[document], 'base64').toString());
  return fault ? [invalid(`data[${document}]`, '<secret contents redacted>', fault)] : [];
}

/** Why a text is no object of JSON; nothing at all, `null`, counts as one. */
function objectFault(text: string): string {
  const fault = syntaxFault(text);
  if (fault) return fault;
  const value: unknown = JSON.parse(text);
  const type = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return type === 'object' ? '' : `json: cannot unmarshal ${type} into Go value of type map[string]interface {}`;
}

export const secrets: Strategy = {
  generationFields: [],
  defaults(secret) {
    secret.type ||= 'Opaque';
    if (!secret.stringData) return;
    const added = Object.entries<string>(secret.stringData).map(([key, text]) => [
      key,
      Buffer.from(text).toString('base64'),
    ]);
    secret.data = { ...secret.data, ...Object.fromEntries(added) };
    delete secret.stringData;
  },
  validate(secret) {
    const entries = Object.entries<string>(secret.data ?? {});
    const faults = entries.flatMap(([key]) => each(`data[${key}]`, key, configMapKey(key)));
    const size = entries.reduce((sum, [, value]) => sum + decodedLength(value), 0);
    if (size > most) faults.push(tooLong('data', most));
    return [...faults, ...typeFaults(secret)];
  },
  changesFirst: true,
  validateUpdate: (secret, old) => [
    ...immutable('type', secret.type, old.type),
    ...sealedFaults(secret, old, ['data']),
  ],
  cells: named(({ type, data }) => [type, countOf(data)]),
  selectableFields: { type: ({ type }) => type ?? '' },
};

export const serviceAccounts: Strategy = { cells: named() };
