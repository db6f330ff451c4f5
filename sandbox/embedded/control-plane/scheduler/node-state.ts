import type { KubeObject } from '../../../../kubernetes/object.ts';
import { type Amounts, add, amounts, hostPortsOf, requestsOf } from './requests.ts';

/** A node and what its pods have taken of it. */
export interface NodeState {
  node: KubeObject;
  allocatable: Amounts;
  used: Amounts;
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

  all(): Iterable<NodeState> {
    return this.states.values();
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
    const state: NodeState = { node, allocatable, used: new Map(), pods: new Map() };
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
    const pod = state?.pods.get(uid);
    if (!state || !pod) return true;
    state.pods.delete(uid);
    add(state.used, requestsOf(pod), -1);
    return true;
  }
}

function enter(state: NodeState, pod: KubeObject): void {
  state.pods.set(pod.metadata.uid!, pod);
  add(state.used, requestsOf(pod));
}

export function* takenPorts(state: NodeState): Iterable<string> {
  for (const pod of state.pods.values()) yield* hostPortsOf(pod);
}
