import type { Strategy } from '../resources/strategy.ts';

const plain: Strategy = {};

/** What is particular to a kind; most kinds have nothing. */
export function strategyOf(_group: string, _resource: string): Strategy {
  return plain;
}
