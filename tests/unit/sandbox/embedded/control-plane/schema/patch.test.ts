import { describe, expect, it } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import {
  BadPatch,
  FailedPatch,
  jsonPatch,
  mergePatch,
  PatchTooLong,
} from '../../../../../../sandbox/embedded/control-plane/schema/patch.ts';
import { shapeOfKind } from '../../../../../../sandbox/embedded/control-plane/schema/shape.ts';
import { strategicMergePatch } from '../../../../../../sandbox/embedded/control-plane/schema/strategic-merge.ts';

describe('JSON patch', () => {
  const object = { a: { 'b/c': 1 }, list: [1, 2, 3] };
  it.each<[Loose[], Loose]>([
    [[{ op: 'add', path: '/a/d', value: 2 }], { a: { 'b/c': 1, d: 2 }, list: [1, 2, 3] }],
    [[{ op: 'replace', path: '/a/b~1c', value: 5 }], { a: { 'b/c': 5 }, list: [1, 2, 3] }],
    [
      [
        { op: 'add', path: '/list/-', value: 4 },
        { op: 'remove', path: '/list/0' },
      ],
      { a: { 'b/c': 1 }, list: [2, 3, 4] },
    ],
    [[{ op: 'add', path: '/list/1', value: 9 }], { a: { 'b/c': 1 }, list: [1, 9, 2, 3] }],
    [[{ op: 'move', from: '/list/0', path: '/a/x' }], { a: { 'b/c': 1, x: 1 }, list: [2, 3] }],
    [
      [
        { op: 'copy', from: '/a', path: '/z' },
        { op: 'test', path: '/z/b~1c', value: 1 },
      ],
      { a: { 'b/c': 1 }, list: [1, 2, 3], z: { 'b/c': 1 } },
    ],
  ])('%j', (patch, expected) => expect(jsonPatch(object, patch)).toEqual(expected));
  it.each<Loose>([
    [[{ op: 'test', path: '/a/b~1c', value: 2 }]],
    [[{ op: 'remove', path: '/nosuch' }]],
    [[{ op: 'replace', path: '/list/9', value: 1 }]],
    [[{ op: 'add', path: '/no/such', value: 1 }]],
    [[{ op: 'add', path: '/list/7', value: 1 }]],
    [[{ op: 'add', path: '/__proto__/x', value: 1 }]],
  ])('%j fails', (patch) => expect(() => jsonPatch(object, patch)).toThrow(FailedPatch));
  it('takes 10,000 operations and no more', () => {
    const operations = (count: number) =>
      Array.from({ length: count }, (_, value) => ({ op: 'add', path: '/a', value }));
    expect(jsonPatch({}, operations(10_000))).toEqual({ a: 9999 });
    expect(() => jsonPatch({}, operations(10_001))).toThrow(
      new PatchTooLong('The allowed maximum operations in a JSON patch is 10000, got 10001'),
    );
  });
  it('copies of copies do not grow without bound', () => {
    const copies = Array.from({ length: 40 }, (_, index) => ({ op: 'copy', from: '', path: `/k${index}` }));
    expect(() => jsonPatch({ a: 'x'.repeat(100) }, copies)).toThrow(FailedPatch);
  });
  it('must be a list', () => expect(() => jsonPatch(object, {})).toThrow(BadPatch));
});

describe('merge patch', () => {
  it('deletes by null and replaces lists', () => {
    expect(mergePatch({ a: 1, b: { c: 1, d: 2 }, l: [1] }, { a: null, b: { c: null, e: null, f: 3 }, l: [2] })).toEqual(
      {
        b: { d: 2, f: 3 },
        l: [2],
      },
    );
  });
  it.each([
    [[], 'array'],
    [null, 'null'],
    [true, 'bool'],
    ['x', 'string'],
    [1, 'number'],
  ])('%j is no patch of an object', (patch, kind) => {
    expect(() => mergePatch({}, patch)).toThrow(
      `error decoding patch: json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`,
    );
  });
});

describe('strategic merge patch', () => {
  const shape = shapeOfKind('', 'v1', 'Pod')!;
  const pod = (spec: Loose, metadata: Loose = {}) => ({ metadata, spec });
  const names = (list: Loose[]) => list.map((each) => each.name);
  it('merges lists by key, new ones first, as the real server orders them', () => {
    const live = pod({
      containers: [
        { name: 'a', image: 'x', env: [{ name: 'E', value: '1' }] },
        { name: 'b', image: 'y' },
      ],
    });
    const { spec } = strategicMergePatch(
      live,
      {
        spec: {
          containers: [
            { name: 'a', image: 'z' },
            { name: 'c', image: 'n' },
          ],
        },
      },
      shape,
    );
    expect(names(spec.containers)).toEqual(['a', 'c', 'b']);
    expect(spec.containers[0]).toEqual({ name: 'a', image: 'z', env: [{ name: 'E', value: '1' }] });
    expect(live.spec.containers).toHaveLength(2);
  });
  it('honours $setElementOrder, $patch: delete and $patch: replace in lists', () => {
    const live = pod({ containers: [{ name: 'a' }, { name: 'b' }, { name: 'c' }] });
    const order = {
      spec: {
        '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }],
        containers: [{ name: 'b', $patch: 'delete' }],
      },
    };
    expect(names(strategicMergePatch(live, order, shape).spec.containers)).toEqual(['c', 'a']);
    const replace = { spec: { containers: [{ $patch: 'replace' }, { name: 'z' }] } };
    expect(names(strategicMergePatch(live, replace, shape).spec.containers)).toEqual(['z']);
  });
  it('honours $patch and nulls in maps, $retainKeys and $deleteFromPrimitiveList', () => {
    const live = pod({ nodeSelector: { a: '1', b: '2' } }, { finalizers: ['x/1', 'x/2'], labels: { k: 'v' } });
    const patched = strategicMergePatch(
      live,
      {
        metadata: { '$deleteFromPrimitiveList/finalizers': ['x/1'], labels: { $patch: 'replace', n: 'w' } },
        spec: { nodeSelector: { a: null, c: '3' } },
      },
      shape,
    );
    expect(patched).toEqual({
      metadata: { finalizers: ['x/2'], labels: { n: 'w' } },
      spec: { nodeSelector: { b: '2', c: '3' } },
    });
    const deployment = shapeOfKind('apps', 'v1', 'Deployment')!;
    const rolling = { spec: { strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } } };
    const recreate = { spec: { strategy: { $retainKeys: ['type'], type: 'Recreate' } } };
    expect(strategicMergePatch(rolling, recreate, deployment)).toEqual({ spec: { strategy: { type: 'Recreate' } } });
  });
  it('adds to primitive lists without doubling', () => {
    const live = pod({}, { finalizers: ['x/1'] });
    expect(strategicMergePatch(live, { metadata: { finalizers: ['x/2', 'x/1'] } }, shape).metadata.finalizers).toEqual([
      'x/2',
      'x/1',
    ]);
  });
  it('says what it cannot merge', () => {
    const live = pod({ containers: [{ name: 'a' }] });
    expect(() => strategicMergePatch(live, { spec: { containers: [{ image: 'z' }] } }, shape)).toThrow(
      'map: map[image:z] does not contain declared merge key: name',
    );
  });
});
