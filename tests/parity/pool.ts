/** Runs `work` on each item, `width` at a time, in order of the list. */
export async function inPool<Item>(items: Item[], width: number, work: (item: Item) => Promise<void>): Promise<void> {
  const rest = items.values();
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of rest) await work(item);
    }),
  );
}
