import { nodePreference, tolerates } from '../../../../kubernetes/node-selection.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { requestsOf, weightOf } from '../../../../kubernetes/pod-requests.ts';
import type { NodeState } from './node-state.ts';
import { type NamespaceLabels, neighbourScore } from './pod-affinity.ts';
import { type DefaultSelector, spreadScores } from './topology-spread.ts';

export interface ScoreOptions {
  namespaceLabels: NamespaceLabels;
  defaultSelector: DefaultSelector;
}

/** How good each of the nodes is that fit, in their order, with the real scheduler's weights. https://kubernetes.io/docs/reference/scheduling/config/#scheduling-plugins */
export function scoresOf(
  pod: KubeObject,
  fitting: NodeState[],
  states: NodeState[],
  { namespaceLabels, defaultSelector }: ScoreOptions,
): number[] {
  const totals = fitting.map(() => 0);
  const count = (weight: number, scores: number[] | undefined): void => {
    for (const [index, score] of (scores ?? []).entries()) totals[index]! += weight * score;
  };
  count(3, reversed(shares(fitting.map(({ node }) => softTaints(pod, node)))));
  count(2, shares(fitting.map(({ node }) => nodePreference(pod, node))));
  count(
    1,
    fitting.map((state) => emptiness(pod, state)),
  );
  count(2, spreadScores(pod, fitting, states, defaultSelector));
  const liking = neighbourScore(pod, states, namespaceLabels);
  count(2, liking && stretched(fitting.map(({ node }) => liking(node))));
  count(1, balances(pod, fitting));
  count(1, imageScores(pod, fitting, states));
  return totals;
}

/** Of the largest, 0 to 100. */
function shares(counts: number[]): number[] {
  const most = Math.max(...counts);
  return counts.map((count) => (most === 0 ? 0 : Math.trunc((100 * count) / most)));
}

const reversed = (scores: number[]): number[] => scores.map((score) => 100 - score);

/** From the smallest to the largest, 0 to 100. */
function stretched(counts: number[]): number[] {
  const least = Math.min(...counts);
  const range = Math.max(...counts) - least;
  return counts.map((count) => (range === 0 ? 0 : Math.trunc((100 * (count - least)) / range)));
}

function softTaints(pod: KubeObject, node: KubeObject): number {
  return (node.spec?.taints ?? []).filter(
    (taint: Loose) => taint.effect === 'PreferNoSchedule' && !tolerates(pod.spec.tolerations, taint),
  ).length;
}

const compared = ['cpu', 'memory'];

/** The share that would be left. */
function emptiness(pod: KubeObject, { allocatable, weight }: NodeState): number {
  let sum = 0;
  let known = 0;
  for (const name of compared) {
    const capacity = allocatable.get(name) ?? 0;
    if (capacity === 0) continue;
    known += 1;
    const wanted = (weight.get(name) ?? 0) + (weightOf(pod).get(name) ?? 0);
    if (wanted <= capacity) sum += Math.trunc((100 * (capacity - wanted)) / capacity);
  }
  return known === 0 ? 0 : Math.trunc(sum / known);
}

/** How even CPU and memory would be used; of no weight for pods that ask for neither. */
function balances(pod: KubeObject, fitting: NodeState[]): number[] | undefined {
  const requests = requestsOf(pod);
  if (compared.every((name) => !requests.get(name))) return undefined;
  return fitting.map(({ allocatable, used }) => {
    const shares = compared
      .filter((name) => allocatable.get(name))
      .map((name) => Math.min(1, ((used.get(name) ?? 0) + (requests.get(name) ?? 0)) / allocatable.get(name)!));
    const [one = 0, other = one] = shares;
    return Math.trunc((1 - Math.abs(one - other) / 2) * 100);
  });
}

const megabyte = 1024 * 1024;

/** Nodes that have large images already; less for images that few nodes have. */
function imageScores(pod: KubeObject, fitting: NodeState[], states: NodeState[]): number[] {
  const containers: Loose[] = [...(pod.spec.initContainers ?? []), ...(pod.spec.containers ?? [])];
  const names = containers.map(({ image = '' }) =>
    image.lastIndexOf(':') > image.lastIndexOf('/') ? image : `${image}:latest`,
  );
  const sizeOn = ({ node }: NodeState, name: string): number =>
    (node.status?.images ?? []).find((image: Loose) => image.names?.includes(name))?.sizeBytes ?? 0;
  const least = 23 * megabyte;
  const most = 1000 * megabyte * containers.length;
  return fitting.map((state) => {
    let sum = 0;
    for (const name of names) {
      const size = sizeOn(state, name);
      if (size > 0)
        sum += Math.trunc((size * states.filter((other) => sizeOn(other, name) > 0).length) / states.length);
    }
    return Math.trunc((100 * (Math.min(Math.max(sum, least), most) - least)) / (most - least));
  });
}
