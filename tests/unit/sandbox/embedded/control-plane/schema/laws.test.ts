import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { applyPatch, type Ownership } from '../../../../../../sandbox/embedded/control-plane/schema/apply.ts';
import { jsonPatch, mergePatch } from '../../../../../../sandbox/embedded/control-plane/schema/patch.ts';
import { shapeOfKind } from '../../../../../../sandbox/embedded/control-plane/schema/shape.ts';
import { strategicMergePatch } from '../../../../../../sandbox/embedded/control-plane/schema/strategic-merge.ts';

const tree = fc.letrec<{ tree: Loose }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3 },
    fc.integer(),
    fc.string(),
    fc.array(fc.nat(3), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom('a', 'b', 'c', '~/'), tie('tree'), { maxKeys: 3, noNullPrototype: true }),
  ),
})).tree;
const map = fc.dictionary(fc.constantFrom('a', 'b', 'c', '~/'), tree, { maxKeys: 4, noNullPrototype: true });

describe('laws of merge patch (RFC 7386)', () => {
  const patch = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.oneof(tree, fc.constant(null)), { maxKeys: 3 });

  it('on nothing gives itself, and an empty one changes nothing', () => {
    fc.assert(
      fc.property(map, (value) => {
        expect(mergePatch(undefined, value)).toEqual(value);
        expect(mergePatch(value, {})).toEqual(value);
      }),
    );
  });

  it('twice is once, and leaves what it does not name', () => {
    fc.assert(
      fc.property(map, patch, (value, change) => {
        const once = mergePatch(value, change);
        expect(mergePatch(once, change)).toEqual(once);
        for (const key of Object.keys(value)) if (!(key in change)) expect(once[key]).toEqual(value[key]);
        for (const [key, inner] of Object.entries(change)) if (inner === null) expect(once).not.toHaveProperty([key]);
      }),
    );
  });
});

describe('laws of JSON patch (RFC 6902)', () => {
  const pointed = (key: string) => key.replaceAll('~', '~0').replaceAll('/', '~1');
  const key = fc.constantFrom('new', 'a~b', 'a/b', '~1');

  it('what was added is there, and removed leaves what was', () => {
    fc.assert(
      fc.property(map, key, tree, (value, name, added) => {
        const path = `/${pointed(name)}`;
        const test = { op: 'test', path, value: added };
        expect(jsonPatch(value, [{ op: 'add', path, value: added }, test, { op: 'remove', path }])).toEqual(value);
      }),
    );
  });

  it('operations one by one are operations at once, and never change what they were given', () => {
    const step = fc.oneof(
      fc.record({ op: fc.constant('add'), path: fc.constantFrom('/a', '/b', '/c'), value: tree }),
      fc.record({ op: fc.constant('copy'), from: fc.constant(''), path: fc.constantFrom('/d', '/e') }),
    );
    fc.assert(
      fc.property(map, fc.array(step, { maxLength: 4 }), (value, steps) => {
        const before = structuredClone(value);
        const single = steps.reduce<Loose>((held, one) => jsonPatch(held, [one]), value);
        expect(jsonPatch(value, steps)).toEqual(single);
        expect(value).toEqual(before);
      }),
    );
  });

  it('a move there and back changes nothing', () => {
    fc.assert(
      fc.property(map, tree, (value, moved) => {
        const from = jsonPatch(value, [{ op: 'add', path: '/here', value: moved }]);
        const [there, back] = [
          { op: 'move', from: '/here', path: '/there' },
          { op: 'move', from: '/there', path: '/here' },
        ];
        expect(jsonPatch(from, [there, back])).toEqual(from);
      }),
    );
  });
});

const podShape = shapeOfKind('', 'v1', 'Pod')!;
const image = fc.constantFrom('i', 'j', 'k');
const names = ['a', 'b', 'c', 'd'];
const containers = fc.uniqueArray(fc.record({ name: fc.constantFrom(...names), image }), {
  selector: ({ name }) => name,
});
const namesOf = (list: Loose[] | undefined): string[] => (list ?? []).map(({ name }) => name);
const sorted = (list: string[]) => list.toSorted();

describe('laws of strategic merge (the published directives)', () => {
  const merge = (live: Loose[], patch: Loose): Loose =>
    strategicMergePatch({ metadata: {}, spec: { containers: structuredClone(live) } }, { spec: patch }, podShape).spec;

  it('keyed lists are united by their key; what is sent wins, and twice is once', () => {
    fc.assert(
      fc.property(containers, containers, (live, sent) => {
        const once = merge(live, { containers: sent }).containers;
        expect(sorted(namesOf(once))).toEqual(sorted([...new Set([...namesOf(live), ...namesOf(sent)])]));
        for (const { name, image } of sent) expect(once.find((each: Loose) => each.name === name).image).toBe(image);
        expect(merge(once, { containers: sent }).containers).toEqual(once);
      }),
    );
  });

  it('$patch: delete removes that item alone; $patch: replace leaves what is sent alone', () => {
    fc.assert(
      fc.property(containers, fc.constantFrom(...names), containers, (live, name, sent) => {
        const left = merge(live, { containers: [{ name, $patch: 'delete' }] }).containers;
        expect(left).toEqual(live.filter((each) => each.name !== name));
        expect(merge(live, { containers: [...sent, { $patch: 'replace' }] }).containers).toEqual(sent);
      }),
    );
  });

  it('$setElementOrder puts what it names in its order', () => {
    fc.assert(
      fc.property(containers, fc.shuffledSubarray(names, { minLength: 1 }), (live, order) => {
        const elements = order.map((name) => ({ name }));
        const sent = order.map((name) => ({ name, image: 'new' }));
        const { containers: merged } = merge(live, { '$setElementOrder/containers': elements, containers: sent });
        expect(namesOf(merged).filter((name) => order.includes(name))).toEqual(order);
        expect(namesOf(merged).length).toBe(new Set([...namesOf(live), ...order]).size);
      }),
    );
  });

  it('$deleteFromPrimitiveList takes those values out and no others', () => {
    const values = fc.uniqueArray(fc.constantFrom('x/a', 'x/b', 'x/c', 'x/d'));
    fc.assert(
      fc.property(values, values, (finalizers, gone) => {
        const live = { metadata: { finalizers }, spec: {} };
        const patch = { metadata: { '$deleteFromPrimitiveList/finalizers': gone } };
        const { metadata } = strategicMergePatch(live, patch, podShape);
        expect(metadata.finalizers ?? []).toEqual(finalizers.filter((each) => !gone.includes(each)));
      }),
    );
  });

  it('$retainKeys leaves of a union what is sent', () => {
    const source = fc.constantFrom(
      { emptyDir: { medium: 'Memory' } },
      { configMap: { name: 'c' } },
      { secret: { secretName: 's' } },
    );
    fc.assert(
      fc.property(source, source, (before, after) => {
        const live = { metadata: {}, spec: { volumes: [{ name: 'v', ...before }] } };
        const keys = ['name', ...Object.keys(after)];
        const patch = { spec: { volumes: [{ name: 'v', $retainKeys: keys, ...after }] } };
        expect(Object.keys(strategicMergePatch(live, patch, podShape).spec.volumes[0]).sort()).toEqual(keys.toSorted());
      }),
    );
  });

  it('null removes a field, and $patch: delete a map', () => {
    const labels = fc.dictionary(fc.constantFrom('p', 'q', 'r'), fc.constantFrom('1', '2'), { minKeys: 1 });
    fc.assert(
      fc.property(labels, fc.constantFrom('p', 'q', 'r'), (held, gone) => {
        const live = { metadata: { labels: held }, spec: {} };
        const { [gone]: _, ...left } = held;
        expect(strategicMergePatch(live, { metadata: { labels: { [gone]: null } } }, podShape).metadata.labels).toEqual(
          left,
        );
        const emptied = strategicMergePatch(live, { metadata: { labels: { $patch: 'delete' } } }, podShape);
        expect(emptied.metadata.labels ?? {}).toEqual({});
      }),
    );
  });
});

describe('laws of server-side apply', () => {
  const shape = shapeOfKind('apps', 'v1', 'Deployment')!;
  const by = (manager: string): Ownership => ({
    shape,
    apiVersion: 'apps/v1',
    manager,
    subresource: '',
    now: new Date(0),
  });
  const config = (keys: string[], containerNames: string[]) =>
    fc.record({
      labels: fc.dictionary(fc.constantFrom(...keys), fc.constantFrom('1', '2'), { minKeys: 1 }),
      images: fc.uniqueArray(fc.record({ name: fc.constantFrom(...containerNames), image }), {
        selector: ({ name }) => name,
        minLength: 1,
      }),
    });
  const object = ({ labels, images }: { labels: Record<string, string>; images: Loose[] }): KubeObject => ({
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'default', labels },
    spec: { template: { spec: { containers: images } } },
  });
  const nothing: KubeObject = {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'default' },
  };
  const left = config(['p', 'q'], ['a', 'b']).map(object);
  const right = config(['r', 's'], ['c', 'd']).map(object);
  const apply = (live: KubeObject | undefined, wanted: KubeObject, manager: string) =>
    applyPatch(live, wanted, false, by(manager)).object;

  /** Without order, where order has no meaning. */
  const told = (one: KubeObject) => ({
    labels: one.metadata.labels ?? {},
    containers: (one.spec.template?.spec?.containers ?? []).toSorted((a: Loose, b: Loose) =>
      a.name < b.name ? -1 : 1,
    ),
    owners: (one.metadata.managedFields ?? [])
      .map(({ manager, fieldsV1 }: Loose) => JSON.stringify([manager, fieldsV1]))
      .toSorted(),
  });

  it('managers of different fields never conflict, and who comes first makes no difference', () => {
    fc.assert(
      fc.property(left, right, (a, b) => {
        const one = apply(apply(undefined, a, 'left'), b, 'right');
        const other = apply(apply(undefined, b, 'right'), a, 'left');
        expect(told(one)).toEqual(told(other));
      }),
      { numRuns: 60 },
    );
  });

  it('grouping makes no difference either: each owns what it applied last', () => {
    fc.assert(
      fc.property(left, right, left, (a, b, c) => {
        const between = apply(apply(apply(undefined, a, 'left'), b, 'right'), c, 'left');
        const after = apply(apply(apply(undefined, a, 'left'), c, 'left'), b, 'right');
        expect(told(between)).toEqual(told(after));
        expect(told(between)).toEqual(told(apply(apply(undefined, c, 'left'), b, 'right')));
      }),
      { numRuns: 60 },
    );
  });

  it('who takes everything back leaves what others applied alone', () => {
    fc.assert(
      fc.property(left, right, (a, b) => {
        const alone = told(apply(undefined, b, 'right'));
        const after = told(apply(apply(apply(undefined, a, 'left'), b, 'right'), nothing, 'left'));
        expect([after.labels, after.containers]).toEqual([alone.labels, alone.containers]);
      }),
      { numRuns: 60 },
    );
  });

  it('the same values under two names have two owners, and stay until both let go', () => {
    fc.assert(
      fc.property(left, (a) => {
        const shared = apply(apply(undefined, a, 'one'), a, 'two');
        const first = apply(shared, nothing, 'one');
        expect(told(first).labels).toEqual(told(shared).labels);
        expect(told(first).containers).toEqual(told(shared).containers);
        expect(told(apply(first, nothing, 'two')).labels).toEqual({});
      }),
      { numRuns: 60 },
    );
  });
});
