import { repellingTaint, tolerates, unschedulableTaint, wantsNode } from '../../../../kubernetes/node-selection.ts';
import type { KubeObject } from '../../../../kubernetes/object.ts';
import { hostPortsOf, portsClash, requestsOf } from '../../../../kubernetes/pod-requests.ts';
import { type NodeState, takenPorts } from './node-state.ts';
import { type NamespaceLabels, neighboursOf } from './pod-affinity.ts';
import { claimTaken, type PodClaims, type VolumeViews, volumeRefusal } from './pod-volumes.ts';
import { spreadRefusal } from './topology-spread.ts';

/** Why a node is not for a pod; `final` when no pod's leaving would help. */
export interface Refusal {
  reasons: string[];
  final: boolean;
}

const final = (reason: string): Refusal => ({ reasons: [reason], final: true });
const passing = (reason: string): Refusal => ({ reasons: [reason], final: false });

/** What filters know beside nodes and pods. */
export interface Surroundings {
  views: VolumeViews;
  namespaceLabels: NamespaceLabels;
}

export type Filter = (state: NodeState) => Refusal | undefined;

/** What keeps the pod off a node, asked in the real scheduler's order. `states` are all nodes with what is on them. */
export function filterFor(pod: KubeObject, claims: PodClaims, states: NodeState[], around: Surroundings): Filter {
  const neighbours = neighboursOf(pod, states, around.namespaceLabels);
  const spread = spreadRefusal(pod, states);
  const taken = claimTaken(pod, claims, states);
  const ports = hostPortsOf(pod);
  const cordoned = { key: unschedulableTaint, effect: 'NoSchedule' };

  return (state) => {
    const { node } = state;
    if (node.spec?.unschedulable && !tolerates(pod.spec.tolerations, cordoned)) {
      return final('node(s) were unschedulable');
    }
    if (repellingTaint(pod, node)) return final('node(s) had untolerated taint(s)');
    if (!wantsNode(pod, node)) return final("node(s) didn't match Pod's node affinity/selector");
    if (ports.length > 0 && portsClash(ports, takenPorts(state))) {
      return passing("node(s) didn't have free ports for the requested pod ports");
    }
    const refused = shortage(pod, state) ?? taken ?? volumeRefusal(node, claims, around.views);
    if (refused) return refused;
    const uneven = spread?.(node);
    const rule = "node(s) didn't match pod topology spread constraints";
    if (uneven) return uneven === 'label' ? final(`${rule} (missing required label)`) : passing(rule);
    switch (neighbours?.refusal(node)) {
      case 'near':
        return final("node(s) didn't match pod affinity rules");
      case 'apart':
        return passing("node(s) didn't match pod anti-affinity rules");
      case 'repelled':
        return passing("node(s) didn't satisfy existing pods anti-affinity rules");
      default:
        return undefined;
    }
  };
}

function shortage(pod: KubeObject, { allocatable, used, pods }: NodeState): Refusal | undefined {
  const reasons: string[] = [];
  let never = false;
  const most = allocatable.get('pods') ?? 110;
  if (pods.size + 1 > most) reasons.push('Too many pods');
  for (const [name, wanted] of requestsOf(pod)) {
    if (wanted === 0) continue;
    const capacity = allocatable.get(name) ?? 0;
    if (wanted <= capacity - (used.get(name) ?? 0)) continue;
    reasons.push(`Insufficient ${name}`);
    if (wanted > capacity) never = true;
  }
  return reasons.length > 0 ? { reasons, final: never } : undefined;
}
