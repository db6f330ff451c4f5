/** How long the steps of a pod's life take: milliseconds, through the cluster's clock. The real kubelet's, unless a line says why not. */
export const timings = {
  /** A simulated pull of an image the node has not; no byte is fetched. */
  pull: 250,
  /** https://kubernetes.io/docs/concepts/containers/images/#imagepullbackoff */
  pullBackOff: { first: 10_000, longest: 300_000 },
  /** How long ErrImagePull shows before ImagePullBackOff takes its place. */
  pullErrorShown: 3_000,
  /** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy */
  restartBackOff: { first: 10_000, longest: 300_000 },
  /** How long Error or Completed shows before CrashLoopBackOff takes its place. */
  exitShown: 1_000,
  /** A pod that cannot go on is looked at again, and says so again. */
  resync: 10_000,
  mountRetry: { first: 500, longest: 122_000 },
  /** What a mounted ConfigMap or Secret needs to show a change; up to a minute on a real node. */
  projectedUpdate: 5_000,
  /** What a program has to begin to listen before it is asked; the real one asks at its next round. */
  firstProbe: 100,
  /** At least this long between a preStop hook's end and SIGKILL. */
  leastGrace: 2_000,
  /** How often a node looks at what its pods use, and what a pod that is sent away is given. */
  evictionMonitoring: 10_000,
  evictionGrace: 1_000,
  lease: 10_000,
  nodeStatus: 300_000,
} as const;

/** A delay that doubles from `first` to `longest`. */
export interface BackOff {
  delay: number;
  since: number;
}

export function nextDelay(before: BackOff | undefined, limits: { first: number; longest: number }): number {
  return before ? Math.min(before.delay * 2, limits.longest) : limits.first;
}
