import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Change, Entry } from '../../../../../../sandbox/embedded/control-plane/store/entry.ts';
import { Store } from '../../../../../../sandbox/embedded/control-plane/store/store.ts';

const collection = '/c';
type Step = { name: string; namespace: string; act: 'put' | 'remove' | 'commit' };
const step: fc.Arbitrary<Step> = fc.record({
  name: fc.constantFrom('a', 'b', 'c'),
  namespace: fc.constantFrom('m', 'n'),
  act: fc.constantFrom('put', 'put', 'remove', 'commit'),
});
const key = ({ namespace, name }: Entry) => `${namespace}/${name}`;
const told = (entries: readonly Entry[]) => entries.map((entry) => `${key(entry)}@${entry.revision}`);

async function run(store: Store, { name, namespace, act }: Step): Promise<void> {
  if (act === 'commit') await store.committed();
  else if (act === 'remove') store.remove(collection, namespace, name);
  else store.put(collection, namespace, name, { apiVersion: 'v1', kind: 'C', metadata: { name } });
}

test('a list and a watch from its revision give the state of any later moment', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 30 }),
      fc.nat(29),
      fc.option(fc.constantFrom('m', 'n'), { nil: undefined }),
      async (steps, cut, namespace) => {
        const store = new Store({ file: ':memory:' });
        for (const one of steps.slice(0, cut)) await run(store, one);
        const state = new Map(store.list(collection, namespace).map((entry) => [key(entry), entry]));
        const from = store.revision;
        let last = from;
        const onChange = (change: Change): void => {
          // Nothing twice, nothing out of order.
          expect(change.revision).toBeGreaterThan(last);
          last = change.revision;
          if (change.type === 'DELETED') expect(state.delete(key(change.entry))).toBe(true);
          else {
            expect(state.has(key(change.entry))).toBe(change.type === 'MODIFIED');
            state.set(key(change.entry), change.entry);
          }
        };
        expect(store.watch(collection, { from, namespace, onChange })).toBe(true);
        for (const one of steps.slice(cut)) await run(store, one);
        await store.committed();
        expect(told([...state.values()]).sort()).toEqual(told(store.list(collection, namespace)).sort());
        store.close();
      },
    ),
    { numRuns: 150 },
  );
});

test('the past can be listed at every revision, as it was then', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 25 }), async (steps) => {
      const store = new Store({ file: ':memory:' });
      const past = new Map<number, string[]>();
      for (const one of steps) {
        await run(store, one);
        past.set(store.revision, told(store.list(collection)));
      }
      for (const [revision, entries] of past) expect(told(store.listAt(collection, revision) ?? [])).toEqual(entries);
      store.close();
    }),
    { numRuns: 150 },
  );
});
