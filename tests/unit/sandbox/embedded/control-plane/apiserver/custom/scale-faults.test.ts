import { expect, it } from 'vitest';
import type { Loose } from '../../../../../../../kubernetes/object.ts';
import { scaleFaults } from '../../../../../../../sandbox/embedded/control-plane/apiserver/custom/scale-faults.ts';

const scale = { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size', labelSelectorPath: '.status.s' };
const type = { version: 'v1', definition: { spec: { versions: [{ name: 'v1', subresources: { scale } }] } } } as Loose;
const faults = (object: Loose, part?: string) =>
  scaleFaults(type, object, part).map(({ field, message }) => `${field}: ${message}`);

it.each<[Loose, string[]]>([
  [{ spec: { size: 3 }, status: { size: 0, s: 'a=b' } }, []],
  [{}, []],
  [{ spec: { size: -1 } }, ['.spec.size: Invalid value: -1: should be a non-negative integer']],
  [{ spec: { size: 2 ** 31 } }, ['.spec.size: Invalid value: 2147483648: should be less than or equal to 2147483647']],
  [
    { spec: { size: 'big' } },
    ['.spec.size: Invalid value: 0: .spec.size accessor error: big is of the type string, expected int64'],
  ],
  [
    { spec: 1 },
    ['.spec.size: Invalid value: 0: .spec accessor error: 1 is of the type int64, expected map[string]interface{}'],
  ],
  [
    { status: { s: 5 } },
    ['.status.s: Invalid value: "": .status.s accessor error: 5 is of the type int64, expected string'],
  ],
])('a Scale of %j', (object, expected) => expect(faults(object)).toEqual(expected));

it('an update of the status does not look at the spec', () =>
  expect(faults({ spec: { size: -1 } }, 'status')).toEqual([]));
