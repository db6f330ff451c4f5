import { describe, expect, it } from 'vitest';
import type { Schema } from '../../../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import {
  listFaults,
  pruneCustom,
  validateCustom,
} from '../../../../../../sandbox/embedded/control-plane/schema/custom.ts';
import { applyDefaults } from '../../../../../../sandbox/embedded/control-plane/schema/defaults.ts';
import { readTexts } from '../../../../../../sandbox/embedded/control-plane/schema/explain.ts';
import { customShape } from '../../../../../../sandbox/embedded/control-plane/schema/shape.ts';

const schema: Schema = {
  type: 'object',
  required: ['spec'],
  properties: {
    spec: {
      type: 'object',
      required: ['teeth'],
      properties: {
        teeth: { type: 'integer', minimum: 1, maximum: 64 },
        color: { type: 'string', enum: ['red', 'blue'], default: 'red' },
        name: { type: 'string', pattern: '^[a-z]+$', maxLength: 5, nullable: true },
        size: { 'x-kubernetes-int-or-string': true },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true },
        tags: { type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set', maxItems: 2 },
      },
    },
  },
};
const gear = (spec: Loose): Loose => ({ apiVersion: 'x/v1', kind: 'Gear', metadata: { name: 'g' }, spec });
const faults = (spec: Loose) =>
  [...validateCustom(gear(spec), schema), ...listFaults(gear(spec), schema)].map(
    ({ field, message }) => `${field}: ${message}`,
  );

describe('custom resources', () => {
  it('lose what their schema does not know', () => {
    const object = { ...gear({ teeth: 1, nosuch: 2, free: { any: { thing: 1 } } }), extra: 1 };
    expect(pruneCustom(object, schema)).toEqual(['unknown field "extra"', 'unknown field "spec.nosuch"']);
    expect(object.spec).toEqual({ teeth: 1, free: { any: { thing: 1 } } });
  });
  it('get their defaults', () => {
    const object = gear({ teeth: 1, color: null });
    applyDefaults(object, customShape(schema));
    expect(object.spec).toEqual({ teeth: 1, color: 'red' });
  });
  it.each<[Loose, string[]]>([
    [{ teeth: 3, size: 1, name: null }, []],
    [{ teeth: 3, size: '50%' }, []],
    [{ teeth: 'many' }, ['spec.teeth: Invalid value: "string": spec.teeth in body must be of type integer: "string"']],
    [{ teeth: 0 }, ['spec.teeth: Invalid value: 0: spec.teeth in body should be greater than or equal to 1']],
    [{}, ['spec.teeth: Required value']],
    [{ teeth: 1, color: 'green' }, ['spec.color: Unsupported value: "green": supported values: "red", "blue"']],
    [{ teeth: 1, name: 'A' }, [`spec.name: Invalid value: "A": spec.name in body should match '^[a-z]+$'`]],
    [{ teeth: 1, name: 'abcdef' }, ['spec.name: Too long: may not be more than 5 bytes']],
    [{ teeth: 1, tags: ['a', 'a'] }, ['spec.tags[1]: Duplicate value: "a"']],
    [{ teeth: 1, tags: ['a', 'b', 'c'] }, ['spec.tags: Too many: 3: must have at most 2 items']],
  ])('%j', (spec, expected) => expect(faults(spec)).toEqual(expected));
});

describe('explain', () => {
  it('has texts for types and fields', () => {
    const texts = readTexts('io.k8s.api.apps.v1.DeploymentSpec')!;
    expect(texts.text).toBe('DeploymentSpec is the specification of the desired behavior of the Deployment.');
    expect(texts.fields.replicas).toContain('Number of desired pods.');
    expect(texts.fields.template).toContain('PodTemplateSpec');
    expect(readTexts('io.k8s.api.autoscaling.v2.HorizontalPodAutoscaler')!.text).toContain('HorizontalPodAutoscaler');
    expect(readTexts('io.k8s.apimachinery.pkg.util.intstr.NoSuch')).toBeUndefined();
  });
});
