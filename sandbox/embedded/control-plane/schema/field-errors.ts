import type { Loose } from '../../../../kubernetes/object.ts';
import type { FieldError } from '../resources/strategy.ts';

/** The faults of an object, each worded as Kubernetes words them; `details.causes` and the message list them. */
export const required = (field: string, detail = ''): FieldError => ({
  field,
  reason: 'FieldValueRequired',
  message: detail ? `Required value: ${detail}` : 'Required value',
});

export const invalid = (field: string, value: Loose, detail: string): FieldError => ({
  field,
  reason: 'FieldValueInvalid',
  message: `Invalid value: ${shown(value)}${detail ? `: ${detail}` : ''}`,
});

export const typeInvalid = (field: string, value: Loose, detail: string): FieldError => ({
  ...invalid(field, value, detail),
  reason: 'FieldValueTypeInvalid',
});

export const notSupported = (field: string, value: Loose, allowed: readonly string[]): FieldError => ({
  field,
  reason: 'FieldValueNotSupported',
  message: `Unsupported value: ${shown(value)}: supported values: ${allowed.map((each) => JSON.stringify(each)).join(', ')}`,
});

export const duplicate = (field: string, value: Loose): FieldError => ({
  field,
  reason: 'FieldValueDuplicate',
  message: `Duplicate value: ${shown(value)}`,
});

export const forbidden = (field: string, detail: string): FieldError => ({
  field,
  reason: 'FieldValueForbidden',
  message: `Forbidden: ${detail}`,
});

export const tooLong = (field: string, most: number): FieldError => ({
  field,
  reason: 'FieldValueTooLong',
  message: `Too long: may not be more than ${most} ${most === 1 ? 'byte' : 'bytes'}`,
});

export const tooMany = (field: string, count: number, most: number): FieldError => ({
  field,
  reason: 'FieldValueTooMany',
  message: `Too many: ${count}: must have at most ${most} ${most === 1 ? 'item' : 'items'}`,
});

export const notFound = (field: string, value: Loose): FieldError => ({
  field,
  reason: 'FieldValueNotFound',
  message: `Not found: ${shown(value)}`,
});

/** Values stand as Go writes JSON, which keeps `<`, `>` and `&` out of HTML; a text is only quoted. */
function shown(value: Loose): string {
  if (value === undefined) return 'null';
  if (typeof value !== 'object') return JSON.stringify(value);
  return JSON.stringify(value).replace(/[<>&]/g, (sign) => `\\u00${sign.charCodeAt(0).toString(16)}`);
}
