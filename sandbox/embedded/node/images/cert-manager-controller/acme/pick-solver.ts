import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';

interface Picked {
  solver: Loose;
  challenge: Loose;
}

/** How well a selector fits: names count most, then the longest zone, then labels. */
type Rank = [names: number, zone: number, labels: number];

const labelsIn = (name: string): number => name.split('.').length;

/** How well the selector fits; undefined when it does not. */
function rankOf(selector: Loose, order: KubeObject, name: string): Rank | undefined {
  const { matchLabels = {}, dnsNames = [], dnsZones = [] } = selector;
  const labels = order.metadata.labels ?? {};
  const wanted = Object.entries(matchLabels);
  if (!wanted.every(([key, value]) => labels[key] === value)) return undefined;
  if (dnsNames.length > 0 && !dnsNames.includes(name)) return undefined;
  const bare = name.replace(/^\*\./, '');
  const zones = dnsZones.filter((zone: string) => bare === zone || bare.endsWith(`.${zone}`));
  if (dnsZones.length > 0 && zones.length === 0) return undefined;
  return [dnsNames.length > 0 ? 1 : 0, Math.max(0, ...zones.map(labelsIn)), wanted.length];
}

/** The solver of an issuer that fits a name best, with the challenge it solves. https://cert-manager.io/docs/configuration/acme/#adding-multiple-solver-types */
export function pickSolver(name: string, challenges: Loose[], solvers: Loose[], order: KubeObject): Picked | undefined {
  let best: { picked: Picked; rank: Rank } | undefined;
  for (const solver of solvers) {
    const challenge = challenges.find(
      ({ type }) => (type === 'http-01' && solver.http01) || (type === 'dns-01' && solver.dns01),
    );
    if (!challenge) continue;
    const rank = solver.selector ? rankOf(solver.selector, order, name) : best ? undefined : ([0, 0, 0] as Rank);
    if (!rank) continue;
    const better = !best || compare(rank, best.rank) > 0;
    if (better) best = { picked: { solver, challenge }, rank };
  }
  return best?.picked;
}

function compare(one: Rank, other: Rank): number {
  for (const at of [0, 1, 2] as const) if (one[at] !== other[at]) return one[at] - other[at];
  return 0;
}
