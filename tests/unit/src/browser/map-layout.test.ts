import { describe, expect, test } from 'vitest';
import { layoutMap } from '../../../../src/browser/map/layout.ts';
import { mapStore } from '../../../../src/browser/map/store.ts';
import type { MapObject } from '../../../../src/checks/map-states.ts';

const ROOM = { width: 774, height: 250 };
const object = (uid: string, kind: string, more: Partial<MapObject> = {}): MapObject => ({
  uid,
  kind,
  name: uid,
  state: 'Running',
  tone: 'ok',
  ...more,
});
const deployment = (pods: number) => [
  object('web', 'Deployment'),
  object('web-1', 'ReplicaSet', { owner: 'web' }),
  ...Array.from({ length: pods }, (_, index) => object(`web-1-${index}`, 'Pod', { owner: 'web-1' })),
];

describe('the map of a namespace', () => {
  test('makers stand left of what they made, and of what finds it', () => {
    const service = object('svc', 'Service', { selects: ['web-1-0'] });
    const { cards, edges } = layoutMap([...deployment(1), service], ROOM);
    const x = (key: string) => cards.find((card) => card.key === key)?.x ?? Number.NaN;
    expect(x('web')).toBeLessThan(x('web-1'));
    expect(x('web-1')).toBeLessThan(x('web-1-0'));
    expect(x('web-1-0')).toBeLessThan(x('svc'));
    expect(edges.map(({ key, selects }) => [key, selects])).toEqual([
      ['web>web-1', false],
      ['web-1>web-1-0', false],
      ['web-1-0>svc', true],
    ]);
  });

  test('it fits a laptop’s bench, and no two cards touch', () => {
    const { cards, width, height } = layoutMap([...deployment(3), object('svc', 'Service', { selects: [] })], ROOM);
    expect(width).toBeLessThanOrEqual(ROOM.width);
    expect(height).toBeLessThanOrEqual(ROOM.height);
    for (const a of cards) {
      for (const b of cards) {
        if (a === b) continue;
        const apart = a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
        expect(apart, `${a.key} and ${b.key}`).toBe(true);
      }
    }
  });

  test('a hundred pods become one card, with a dot each', () => {
    const { cards, height } = layoutMap(deployment(100), ROOM);
    expect(cards).toHaveLength(3);
    expect(cards.find((card) => card.pods)?.pods).toHaveLength(100);
    expect(height).toBeLessThanOrEqual(ROOM.height);
  });

  test('a past revision without pods is left out', () => {
    const old = object('web-0', 'ReplicaSet', { owner: 'web', tone: 'idle' });
    expect(layoutMap([...deployment(1), old], ROOM).cards.map(({ key }) => key)).not.toContain('web-0');
  });

  test('a narrow bench, and a phone without ReplicaSets, need no scrolling sideways', () => {
    const objects = [...deployment(2), object('svc', 'Service', { selects: ['web-1-0'] })];
    expect(layoutMap(objects, { width: 520, height: 250 }).width).toBeLessThanOrEqual(520);
    const phone = layoutMap(objects, { width: 390, height: 250 });
    expect(phone.width).toBeLessThanOrEqual(390);
    expect(phone.cards.map(({ key }) => key)).not.toContain('web-1');
    expect(phone.edges.map(({ key }) => key)).toContain('web>web-1-0');
  });

  test('the same objects stand the same, in whatever order they come', () => {
    const objects = [...deployment(3), object('svc', 'Service', { selects: ['web-1-1'] }), object('lone', 'Pod')];
    const places = (list: MapObject[]) => layoutMap(list, ROOM).cards.map(({ key, x, y }) => [key, x, y]);
    expect(places(objects.toReversed()).sort()).toEqual(places(objects).sort());
  });

  test('on stage all of it is larger', () => {
    const usual = layoutMap(deployment(1), { width: 774, height: 250 });
    const stage = layoutMap(deployment(1), { width: 1548, height: 500, scale: 2 });
    expect(stage.cards[0]?.width).toBe((usual.cards[0]?.width ?? 0) * 2);
  });
});

test('the store tells what changed to those who came before and after', () => {
  const store = mapStore();
  const seen: (string[] | undefined)[] = [];
  const stop = store.subscribe((objects) => seen.push(objects?.map(({ uid }) => uid)));
  store.replace([object('a', 'Pod'), object('b', 'Pod')]);
  store.change({ upsert: [object('c', 'Pod')], remove: ['a'] });
  stop();
  store.replace([]);
  expect(seen).toEqual([undefined, ['a', 'b'], ['b', 'c']]);
});
