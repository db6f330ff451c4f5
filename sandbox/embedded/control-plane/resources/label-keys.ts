import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';

/** Labels a pod names instead of their values get them from the pod itself. https://kubernetes.io/docs/concepts/scheduling-eviction/assign-pod-node/#matchlabelkeys */
export function resolveLabelKeys({ metadata, spec }: KubeObject): void {
  const labels = metadata.labels ?? {};
  for (const kind of ['podAffinity', 'podAntiAffinity']) {
    const affinity = spec.affinity?.[kind] ?? {};
    const preferred: Loose[] = affinity.preferredDuringSchedulingIgnoredDuringExecution ?? [];
    const required: Loose[] = affinity.requiredDuringSchedulingIgnoredDuringExecution ?? [];
    for (const term of [...preferred.map((one) => one.podAffinityTerm ?? {}), ...required]) {
      addTo(term, term.matchLabelKeys, 'In', labels);
      addTo(term, term.mismatchLabelKeys, 'NotIn', labels);
    }
  }
  for (const constraint of spec.topologySpreadConstraints ?? []) {
    addTo(constraint, constraint.matchLabelKeys, 'In', labels);
  }
}

/** Without a selector nothing is meant, and nothing is added. */
function addTo(
  { labelSelector }: Loose,
  keys: string[] | undefined,
  operator: string,
  labels: Record<string, string>,
): void {
  if (!labelSelector) return;
  for (const key of keys ?? []) {
    const value = labels[key];
    if (value === undefined) continue;
    labelSelector.matchExpressions = [...(labelSelector.matchExpressions ?? []), { key, operator, values: [value] }];
  }
}
