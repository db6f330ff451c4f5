import type { Refusal } from './filters.ts';

export const hopeless = 'Preemption is not helpful for scheduling';
export const noVictims = 'No preemption victims found for incoming pod';

/** `0/3 nodes are available: 1 Insufficient cpu, 2 node(s) were unschedulable.` */
export function unavailable(nodes: number, refusals: Iterable<Refusal>): string {
  const counts = new Map<string, number>();
  for (const { reasons } of refusals) {
    for (const reason of reasons) counts.set(reason, (counts.get(reason) ?? 0) + 1);
  }
  const sorted = [...counts].map(([reason, count]) => `${count} ${reason}`).sort();
  return `0/${nodes} nodes are available: ${sorted.join(', ')}.`;
}

/** What no node could change is not followed by a word on preemption; the last two words are the real one's. */
export const unavailableAtAll = (nodes: number, why: string): string =>
  `0/${nodes} nodes are available: ${why}. not found`;

/** The whole sentence for a pod that fits nowhere, with what came of the thought of ending others. */
export const explain = (nodes: number, refusals: Iterable<Refusal>, preemption: string): string =>
  `${unavailable(nodes, refusals)} no new claims to deallocate, preemption: ${preemption}`;
