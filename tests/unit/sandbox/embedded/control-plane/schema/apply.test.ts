import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import {
  ApplyConflict,
  applyPatch,
  type Ownership,
  TypedPatchError,
  trackUpdate,
} from '../../../../../../sandbox/embedded/control-plane/schema/apply.ts';
import { shapeOfKind } from '../../../../../../sandbox/embedded/control-plane/schema/shape.ts';

const shape = shapeOfKind('apps', 'v1', 'Deployment')!;
const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second));
const by = (manager: string, more: Partial<Ownership> = {}): Ownership => ({
  shape,
  apiVersion: 'apps/v1',
  manager,
  subresource: '',
  now: at(0),
  reset: [['f:status']],
  ...more,
});

const deployment = (spec: Loose, metadata: Loose = {}): Loose => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'default', ...metadata },
  spec,
});
const container = (name: string, image: string, more: Loose = {}) => ({ name, image, ...more });
const podSpec = (...containers: Loose[]) => ({
  selector: { matchLabels: { app: 'web' } },
  template: { metadata: { labels: { app: 'web' } }, spec: { containers } },
});

describe('updates', () => {
  it('own what they set, as the real server writes it', () => {
    const object = deployment(
      {
        replicas: 1,
        strategy: { rollingUpdate: { maxSurge: '25%' }, type: 'RollingUpdate' },
        ...podSpec(container('nginx', 'nginx:1.27', { resources: {} })),
      },
      { labels: { app: 'web' } },
    );
    expect(trackUpdate(undefined, object, by('kubectl-create'))).toEqual([
      {
        manager: 'kubectl-create',
        operation: 'Update',
        apiVersion: 'apps/v1',
        time: '2026-01-01T00:00:00Z',
        fieldsType: 'FieldsV1',
        fieldsV1: {
          'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
          'f:spec': {
            'f:replicas': {},
            'f:selector': {},
            'f:strategy': { 'f:rollingUpdate': { '.': {}, 'f:maxSurge': {} }, 'f:type': {} },
            'f:template': {
              'f:metadata': { 'f:labels': { '.': {}, 'f:app': {} } },
              'f:spec': {
                'f:containers': { 'k:{"name":"nginx"}': { '.': {}, 'f:image': {}, 'f:name': {}, 'f:resources': {} } },
              },
            },
          },
        },
      },
    ]);
  });

  it('keep the time when nothing changed, and take over what they change', () => {
    const live = deployment({ replicas: 1, ...podSpec(container('a', 'x')) });
    live.metadata.uid = 'u';
    live.metadata.managedFields = trackUpdate(undefined, live, by('first'));
    const same = structuredClone(live);
    expect(trackUpdate(live, same, by('second', { now: at(9) }))).toEqual(live.metadata.managedFields);
    const changed = structuredClone(live);
    changed.spec.replicas = 3;
    const entries = trackUpdate(live, changed, by('second', { now: at(9) }))!;
    expect(entries.map((entry) => [entry.manager, entry.time])).toEqual([
      ['first', '2026-01-01T00:00:00Z'],
      ['second', '2026-01-01T00:00:09Z'],
    ]);
    expect(entries[0].fieldsV1['f:spec']['f:replicas']).toBeUndefined();
    expect(entries[1].fieldsV1).toEqual({ 'f:spec': { 'f:replicas': {} } });
  });

  it('become one beyond ten managers', () => {
    let live: Loose;
    for (let index = 0; index < 14; index++) {
      const next = deployment({ replicas: 1 }, { uid: 'u', labels: { ...live?.metadata.labels, [`l${index}`]: 'x' } });
      next.metadata.managedFields = trackUpdate(live, next, by(`m${index}`, { now: at(index) }));
      live = next;
    }
    const managers = live.metadata.managedFields.map((entry: Loose) => entry.manager);
    expect(managers).toHaveLength(10);
    expect(managers).toContain('ancient-changes');
  });
});

describe('server-side apply', () => {
  const first = () =>
    applyPatch(undefined, deployment({ replicas: 1, ...podSpec(container('a', 'x')) }), false, by('one')).object;

  it('changes nothing the second time', () => {
    const live = first();
    const again = applyPatch(
      live,
      deployment({ replicas: 1, ...podSpec(container('a', 'x')) }),
      false,
      by('one', { now: at(5) }),
    );
    expect(again.changed).toBe(false);
    expect(again.object).toEqual(live);
  });

  it('names the conflict, and takes the field by force', () => {
    const live = first();
    const other = deployment({ replicas: 2 });
    let conflict: Loose;
    try {
      applyPatch(live, other, false, by('two'));
    } catch (error) {
      conflict = error;
    }
    expect(conflict).toBeInstanceOf(ApplyConflict);
    expect(conflict.message).toBe('Apply failed with 1 conflict: conflict with "one": .spec.replicas');
    expect(conflict.causes).toEqual([
      { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.spec.replicas' },
    ]);
    const { object } = applyPatch(live, other, true, by('two'));
    expect(object.spec.replicas).toBe(2);
    const owners = object.metadata.managedFields!.filter((entry) => entry.fieldsV1['f:spec']?.['f:replicas']);
    expect(owners.map((entry) => entry.manager)).toEqual(['two']);
  });

  it('groups several conflicts by manager, with the subresource', () => {
    const live = first();
    const scaled = structuredClone(live);
    scaled.spec.replicas = 5;
    scaled.spec.paused = true;
    scaled.metadata.managedFields = trackUpdate(live, scaled, by('kubectl', { subresource: 'scale' }))!;
    const wanted = deployment({ replicas: 1, paused: false, ...podSpec(container('a', 'x')) });
    expect(() => applyPatch(scaled, wanted, false, by('one'))).toThrow(
      'Apply failed with 2 conflicts: conflicts with "kubectl" with subresource "scale" using apps/v1:\n- .spec.paused\n- .spec.replicas',
    );
  });

  it('removes what is no longer applied, and keeps what another applies', () => {
    const live = applyPatch(
      undefined,
      deployment({ ...podSpec(container('a', 'x'), container('b', 'y')), minReadySeconds: 5 }),
      false,
      by('one'),
    ).object;
    const shared = applyPatch(live, deployment({ ...podSpec(container('b', 'y')) }), false, by('two')).object;
    const { object } = applyPatch(shared, deployment(podSpec(container('a', 'x'))), false, by('one'));
    expect(object.spec.minReadySeconds).toBeUndefined();
    expect(object.spec.template.spec.containers.map((each: Loose) => each.name)).toEqual(['a', 'b']);
    const alone = applyPatch(object, deployment({ ...podSpec() }), false, by('two')).object;
    expect(alone.spec.template.spec.containers.map((each: Loose) => each.name)).toEqual(['a']);
  });

  it('keeps ports of one number and two protocols apart', () => {
    const ports = [{ containerPort: 53 }, { containerPort: 53, protocol: 'UDP' }];
    const live = applyPatch(undefined, deployment(podSpec(container('a', 'x', { ports }))), false, by('one')).object;
    const set = live.metadata.managedFields![0].fieldsV1['f:spec']['f:template']['f:spec']['f:containers'];
    expect(Object.keys(set['k:{"name":"a"}']['f:ports'])).toEqual([
      'k:{"containerPort":53,"protocol":"TCP"}',
      'k:{"containerPort":53,"protocol":"UDP"}',
    ]);
  });

  it('says what does not fit', () => {
    const wrong = deployment({ replicas: 'three', nosuch: 1, ...podSpec(container('a', 'x'), container('a', 'y')) });
    expect(() => applyPatch(undefined, wrong, false, by('one'))).toThrow(TypedPatchError);
    expect(() => applyPatch(undefined, wrong, false, by('one'))).toThrow(
      [
        'failed to create typed patch object (default/web; apps/v1, Kind=Deployment): errors:',
        '  .spec.replicas: expected numeric (int or float), got string',
        '  .spec.nosuch: field not declared in schema',
        '  .spec.template.spec.containers: duplicate entries for key [name="a"]',
      ].join('\n'),
    );
  });

  it('gives what nobody owned to before-first-apply', () => {
    const live = deployment({ replicas: 1, ...podSpec(container('a', 'x')) }, { uid: 'u' }) as KubeObject;
    const { object } = applyPatch(live, deployment({ paused: true }), false, by('one'));
    expect(object.metadata.managedFields!.map((entry) => [entry.manager, entry.operation])).toEqual([
      ['one', 'Apply'],
      ['before-first-apply', 'Update'],
    ]);
  });

  it('lets kubectl take over its own client-side apply', () => {
    const object = deployment({ replicas: 1, ...podSpec(container('a', 'x')) });
    const last = JSON.stringify(object);
    const live = structuredClone(object);
    live.metadata = {
      ...live.metadata,
      uid: 'u',
      annotations: { 'kubectl.kubernetes.io/last-applied-configuration': last },
    };
    live.metadata.managedFields = trackUpdate(undefined, live, by('kubectl-client-side-apply'));
    const wanted = structuredClone(object);
    wanted.spec.replicas = 4;
    expect(applyPatch(live, wanted, false, by('kubectl')).object.spec.replicas).toBe(4);
    expect(() => applyPatch(live, wanted, false, by('helm'))).toThrow(ApplyConflict);
  });
});

describe('laws of apply', () => {
  const labels = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2'), { minKeys: 1 });
  const images = fc.uniqueArray(fc.record({ name: fc.constantFrom('x', 'y', 'z'), image: fc.constantFrom('i', 'j') }), {
    selector: (each) => each.name,
    minLength: 1,
  });
  const config = fc
    .record({ labels, images, replicas: fc.option(fc.nat(5), { nil: undefined }) })
    .map(({ labels, images, replicas }) =>
      deployment(
        {
          ...podSpec(...images.map(({ name, image }) => container(name, image))),
          ...(replicas === undefined ? {} : { replicas }),
        },
        { labels },
      ),
    );

  it('what is applied by force is there, and a second apply changes nothing', () => {
    fc.assert(
      fc.property(config, config, config, (a, b, c) => {
        let live = applyPatch(undefined, a, true, by('one')).object;
        live = applyPatch(live, b, true, by('two')).object;
        live = applyPatch(live, c, true, by('one')).object;
        for (const [key, value] of Object.entries(c.metadata.labels)) expect(live.metadata.labels![key]).toBe(value);
        if (c.spec.replicas !== undefined) expect(live.spec.replicas).toBe(c.spec.replicas);
        for (const { name, image } of c.spec.template.spec.containers)
          expect(live.spec.template.spec.containers.find((each: Loose) => each.name === name).image).toBe(image);
        expect(applyPatch(live, c, false, by('one')).changed).toBe(false);
      }),
      { numRuns: 200 },
    );
  });

  it('an applier alone gets exactly the labels and containers of its last apply', () => {
    fc.assert(
      fc.property(config, config, (a, b) => {
        const { object } = applyPatch(applyPatch(undefined, a, true, by('one')).object, b, true, by('one'));
        expect(object.metadata.labels ?? {}).toEqual(b.metadata.labels);
        const names = (from: Loose) =>
          (from.spec.template.spec.containers ?? []).map((each: Loose) => each.name).sort();
        expect(names(object)).toEqual(names(b));
        expect(object.spec.replicas).toBe(b.spec.replicas);
      }),
      { numRuns: 200 },
    );
  });
});
