import { isDeepStrictEqual } from 'node:util';
import { tolerates, unschedulableTaint, wantsNode } from '../../../../kubernetes/node-selection.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { podFromTemplate } from './pod-template.ts';

export const hashLabel = 'controller-revision-hash';
const generationLabel = 'pod-template-generation';
const generationAnnotation = 'deprecated.daemonset.template.generation';

/** Daemons stay on nodes in trouble. https://kubernetes.io/docs/concepts/workloads/controllers/daemonset/#taints-and-tolerations */
const ownTolerations: Loose[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: unschedulableTaint, operator: 'Exists', effect: 'NoSchedule' },
];
const networkToleration = { key: 'node.kubernetes.io/network-unavailable', operator: 'Exists', effect: 'NoSchedule' };

function tolerationsOf({ spec }: Loose): Loose[] {
  return [...ownTolerations, ...(spec.hostNetwork ? [networkToleration] : [])];
}

/** Whether a set's pod belongs on a node, and whether one that is there may stay. */
export function placement(set: KubeObject, node: KubeObject): { run: boolean; stay: boolean } {
  const { template } = set.spec;
  const tolerations = [...(template.spec.tolerations ?? []), ...tolerationsOf(template)];
  if (!wantsNode({ spec: template.spec } as KubeObject, node)) return { run: false, stay: false };
  const untolerated = (node.spec?.taints ?? []).filter((taint: Loose) => !tolerates(tolerations, taint));
  const stay = !untolerated.some((taint: Loose) => taint.effect === 'NoExecute');
  return { run: stay && !untolerated.some((taint: Loose) => taint.effect === 'NoSchedule'), stay };
}

/** Where a daemon pod is, or is meant to be. */
function nodeOf(pod: KubeObject): string | undefined {
  if (pod.spec.nodeName) return pod.spec.nodeName;
  const terms = pod.spec.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms;
  for (const term of terms ?? []) {
    for (const field of term.matchFields ?? []) if (field.key === 'metadata.name') return field.values?.[0];
  }
  return undefined;
}

/** A set's pods by their nodes, on each those first that are there for longest. */
export function byNode(pods: KubeObject[]): Map<string, KubeObject[]> {
  const nodes = new Map<string, KubeObject[]>();
  for (const pod of pods) {
    const node = nodeOf(pod);
    if (node) nodes.set(node, [...(nodes.get(node) ?? []), pod]);
  }
  for (const here of nodes.values()) here.sort(byArrival);
  return nodes;
}

function byArrival(a: KubeObject, b: KubeObject): number {
  if (!a.spec.nodeName !== !b.spec.nodeName) return a.spec.nodeName ? -1 : 1;
  const [first, second] = [a, b].map(({ metadata }) => `${metadata.creationTimestamp} ${metadata.name}`);
  return first! < second! ? -1 : 1;
}

/** A pod for one node: the scheduler is told which. */
export function daemonPod(set: KubeObject, node: string, hash: string): KubeObject {
  const { template } = set.spec;
  const pod = podFromTemplate(template, set);
  const generation = set.metadata.annotations?.[generationAnnotation];
  pod.metadata.labels = {
    ...pod.metadata.labels,
    [hashLabel]: hash,
    ...(generation && { [generationLabel]: generation }),
  };
  const affinity = template.spec.affinity ?? {};
  const selection = { matchFields: [{ key: 'metadata.name', operator: 'In', values: [node] }] };
  const tolerations: Loose[] = [...(template.spec.tolerations ?? [])];
  for (const toleration of tolerationsOf(template)) {
    if (!tolerations.some((held) => isDeepStrictEqual(held, toleration))) tolerations.push(toleration);
  }
  pod.spec = {
    ...template.spec,
    affinity: {
      ...affinity,
      nodeAffinity: {
        ...affinity.nodeAffinity,
        requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [selection] },
      },
    },
    tolerations,
  };
  return pod;
}
