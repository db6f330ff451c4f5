import type { KubeObject } from '../../../../kubernetes/object.ts';
import { byCreation, desiredAnnotation, fences, maxAnnotation, sizeOf } from './deployment-scale.ts';
import { sameTemplate, templateHashLabel } from './pod-template.ts';
import { controllerReference } from './references.ts';
import { templateHash } from './template-hash.ts';

export const revisionAnnotation = 'deployment.kubernetes.io/revision';
const historyAnnotation = 'deployment.kubernetes.io/revision-history';

/** Annotations of a Deployment that its ReplicaSets do not inherit. */
const ownAnnotations = new Set([
  'kubectl.kubernetes.io/last-applied-configuration',
  revisionAnnotation,
  historyAnnotation,
  desiredAnnotation,
  maxAnnotation,
  'deprecated.deployment.rollback.to',
]);

const revisionOf = (set: KubeObject): number => Number(set.metadata.annotations?.[revisionAnnotation] ?? 0) || 0;

/** The ReplicaSet of the present template (the oldest, should there be several), and all others. */
export function split(
  deployment: KubeObject,
  sets: KubeObject[],
): { newest: KubeObject | undefined; old: KubeObject[] } {
  const newest = [...sets].sort(byCreation).find((set) => sameTemplate(set.spec.template, deployment.spec.template));
  return { newest, old: sets.filter((set) => set !== newest) };
}

export function nextRevision(old: KubeObject[]): number {
  return Math.max(0, ...old.map(revisionOf)) + 1;
}

/** The annotations the present ReplicaSet must carry; undefined when it does. */
export function annotationsFor(
  deployment: KubeObject,
  set: KubeObject,
  revision: number,
): Record<string, string> | undefined {
  const annotations: Record<string, string> = { ...set.metadata.annotations };
  let changed = false;
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (ownAnnotations.has(key) || annotations[key] === value) continue;
    annotations[key] = value;
    changed = true;
  }
  const before = revisionOf(set);
  if (before < revision) {
    if (annotations[revisionAnnotation]) {
      const history = annotations[historyAnnotation];
      annotations[historyAnnotation] = history ? `${history},${before}` : String(before);
    }
    annotations[revisionAnnotation] = String(revision);
    changed = true;
  }
  return changed ? annotations : undefined;
}

/** The annotations that keep a Deployment's size with its ReplicaSets. */
export function sizeAnnotations(deployment: KubeObject): Record<string, string> {
  const replicas: number = deployment.spec.replicas;
  return { [desiredAnnotation]: String(replicas), [maxAnnotation]: String(replicas + fences(deployment).surge) };
}

export function sizeAnnotationsDiffer(deployment: KubeObject, set: KubeObject): boolean {
  return Object.entries(sizeAnnotations(deployment)).some(([key, value]) => set.metadata.annotations?.[key] !== value);
}

/** A new ReplicaSet for the present template, named and selected by the template's hash. */
export function replicaSetOf(deployment: KubeObject, revision: number, replicas: number): KubeObject {
  const { template, selector, minReadySeconds } = deployment.spec;
  const code = templateHash(template, deployment.status?.collisionCount);
  const labels = { ...template.metadata?.labels, [templateHashLabel]: code };
  const name = `${deployment.metadata.name!.slice(0, 253 - 1 - code.length)}-${code}`;
  const annotations: Record<string, string> = {};
  for (const [key, value] of Object.entries(deployment.metadata.annotations ?? {})) {
    if (!ownAnnotations.has(key)) annotations[key] = value;
  }
  return {
    apiVersion: 'apps/v1',
    kind: 'ReplicaSet',
    metadata: {
      name,
      namespace: deployment.metadata.namespace!,
      labels,
      annotations: { ...annotations, ...sizeAnnotations(deployment), [revisionAnnotation]: String(revision) },
      ownerReferences: [controllerReference(deployment)],
    },
    spec: {
      replicas,
      ...(minReadySeconds && { minReadySeconds }),
      selector: { ...selector, matchLabels: { ...selector.matchLabels, [templateHashLabel]: code } },
      template: { ...template, metadata: { ...template.metadata, labels } },
    },
  };
}

/** Old ReplicaSets beyond the history's limit, oldest revision first; none that still has or wants pods. */
export function superfluous(deployment: KubeObject, old: KubeObject[]): KubeObject[] {
  const limit = deployment.spec.revisionHistoryLimit;
  if (limit === undefined || limit === 2_147_483_647) return [];
  const kept = old.filter((set) => !set.metadata.deletionTimestamp);
  const excess = kept.length - limit;
  if (excess <= 0) return [];
  return kept
    .sort((a, b) => revisionOf(a) - revisionOf(b) || byCreation(a, b))
    .slice(0, excess)
    .filter(
      (set) =>
        (set.status?.replicas ?? 0) === 0 &&
        sizeOf(set) === 0 &&
        (set.metadata.generation ?? 0) <= (set.status?.observedGeneration ?? 0),
    );
}
