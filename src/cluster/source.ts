import type { KubeObject } from '../../kubernetes/object.ts';

/** What is known of one kind in one namespace. */
export interface View {
  /**
   * `syncing` until the first complete list; `denied` when the identity may not read it; `absent` when the cluster
   * serves no such kind (its CustomResourceDefinition is not installed), which is a complete answer too.
   */
  state: 'syncing' | 'synced' | 'denied' | 'absent';
  /** Never changed in place: a new array when anything in it changed. */
  items: readonly KubeObject[];
  /** The server's own sentence, where denied. */
  message?: string;
}

/** A cluster as checks and the map see it: shared, read-only, folded from watches. */
export interface ClusterSource {
  /** Keeps watches on these resources open until released; the last one to let go ends them. */
  want(resources: readonly string[]): () => void;
  /** Objects of a resource in a namespace; cluster-wide kinds ignore the namespace. */
  view(resource: string, namespace: string): View;
  /** Called, once a tick, after something in one of these namespaces (or a cluster-wide kind) changed. */
  subscribe(namespaces: readonly string[], listener: () => void): () => void;
  /** The last lines of a container's log; throws an Error with the server's sentence. */
  logs(namespace: string, pod: string, container?: string): Promise<string>;
}
