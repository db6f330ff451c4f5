import { expect, it } from 'vitest';
import {
  internalColumn,
  internalSchema,
  internalSubresources,
} from '../../../../../../../sandbox/embedded/control-plane/apiserver/custom/internal-definition.ts';

it('shows a definition as the server holds it', () => {
  const schema = {
    type: 'object',
    properties: { b: { type: 'array', items: { type: 'string' } }, a: { additionalProperties: true } },
    'x-kubernetes-validations': [{ rule: 'true' }],
  };
  const shown = internalSchema(schema);
  expect(Object.keys(shown).slice(0, 4)).toEqual(['ID', 'Schema', 'Ref', 'Description']);
  expect(Object.keys(shown.Properties)).toEqual(['a', 'b']);
  expect(shown.Properties.a).toMatchObject({ Type: '', AdditionalProperties: { Allows: true, Schema: null } });
  expect(shown.Properties.b.Items).toMatchObject({ Schema: { Type: 'string', Items: null }, JSONSchemas: null });
  expect(shown.XValidations).toEqual([
    { Rule: 'true', Message: '', MessageExpression: '', Reason: null, FieldPath: '', OptionalOldSelf: null },
  ]);
  expect(internalSubresources({ status: {} })).toEqual({ Status: {}, Scale: null });
  expect(internalColumn({ name: 'Size', type: 'integer' })).toMatchObject({ Name: 'Size', Priority: 0, JSONPath: '' });
});
