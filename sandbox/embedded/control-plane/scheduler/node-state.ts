import type { KubeObject } from '../../../../kubernetes/object.ts';
import { type Amounts, add, amounts, hostPortsOf, requestsOf, weightOf } from '../../../../kubernetes/pod-requests.ts';

/** A node and what its pods have taken of it. */
export interface NodeState {
  name: string;
  node: KubeObject;
  allocatable: Amounts;
  used: Amounts;
  /** The same with something for containers that ask for nothing. */
  weight: Amounts;
  pods: Map<string, KubeObject>;
}

/** Follows nodes and the pods on them, the ones only assumed to be there included. */
export class NodeStates {
  private readonly states = new Map<string, NodeState>();
  /** Pods of nodes that are not known (yet), and where every counted pod is. */
  private readonly places = new Map<string, { node: string; pod: KubeObject }>();

  get size(): number {
    return this.states.size;
  }

  all(): NodeState[] {
    return [...this.states.values()];
  }

  get(name: string): NodeState | undefined {
    return this.states.get(name);
  }

  setNode(node: KubeObject): void {
    const name = node.metadata.name!;
    const allocatable = amounts(node.status?.allocatable ?? node.status?.capacity);
    const held = this.states.get(name);
    if (held) {
      held.node = node;
      held.allocatable = allocatable;
      return;
    }
    const state: NodeState = { name, node, allocatable, used: new Map(), weight: new Map(), pods: new Map() };
    this.states.set(name, state);
    for (const place of this.places.values()) if (place.node === name) enter(state, place.pod);
  }

  removeNode(name: string): void {
    this.states.delete(name);
  }

  place(pod: KubeObject, node: string): void {
    const uid = pod.metadata.uid!;
    const before = this.places.get(uid);
    if (before?.node === node && before.pod.spec === pod.spec) {
      before.pod = pod;
      this.states.get(node)?.pods.set(uid, pod);
      return;
    }
    this.remove(uid);
    this.places.set(uid, { node, pod });
    const state = this.states.get(node);
    if (state) enter(state, pod);
  }

  remove(uid: string): boolean {
    const place = this.places.get(uid);
    if (!place) return false;
    this.places.delete(uid);
    const state = this.states.get(place.node);
    if (state) leave(state, uid);
    return true;
  }
}

/** A copy to try things on. */
export function copyOf(state: NodeState): NodeState {
  return { ...state, used: new Map(state.used), weight: new Map(state.weight), pods: new Map(state.pods) };
}

export function enter(state: NodeState, pod: KubeObject): void {
  state.pods.set(pod.metadata.uid!, pod);
  add(state.used, requestsOf(pod));
  add(state.weight, weightOf(pod));
}

export function leave(state: NodeState, uid: string): void {
  const pod = state.pods.get(uid);
  if (!pod) return;
  state.pods.delete(uid);
  add(state.used, requestsOf(pod), -1);
  add(state.weight, weightOf(pod), -1);
}

export function* takenPorts(state: NodeState): Iterable<string> {
  for (const pod of state.pods.values()) yield* hostPortsOf(pod);
}
