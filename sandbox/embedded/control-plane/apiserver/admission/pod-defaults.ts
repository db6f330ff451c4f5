import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { ResourceCall } from '../call.ts';
import { forbidden } from '../errors.ts';

/** https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/ */
export function admitPriority(call: ResourceCall, pod: KubeObject): void {
  const { spec } = pod;
  const refuse = (why: string): Error => forbidden(call.type, pod.metadata.name ?? '', why);
  let found: KubeObject | undefined;
  if (spec.priorityClassName) {
    found = call.services.store.get(classes, '', spec.priorityClassName)?.object;
    if (!found) throw refuse(`no PriorityClass with name ${spec.priorityClassName} was found`);
  } else {
    // Of several, made before the rule was there, the lowest.
    found = call.services.store
      .list(classes)
      .map(({ object }) => object)
      .filter(({ globalDefault }) => globalDefault === true)
      .sort((one, other) => one.value - other.value)[0];
    if (found) spec.priorityClassName = found.metadata.name;
  }
  const priority = found?.value ?? 0;
  if (spec.priority !== undefined && spec.priority !== priority)
    throw refuse(
      `the integer value of priority (${spec.priority}) must not be provided in pod spec; priority admission controller computed ${priority} from the given PriorityClass name`,
    );
  spec.priority = priority;
  const policy = found?.preemptionPolicy;
  if (policy && spec.preemptionPolicy && spec.preemptionPolicy !== policy)
    throw refuse(
      `the string value of PreemptionPolicy (${spec.preemptionPolicy}) must not be provided in pod spec; priority admission controller computed ${policy} from the given PriorityClass name`,
    );
  spec.preemptionPolicy ??= policy ?? 'PreemptLowerPriority';
}

const classes = 'scheduling.k8s.io/priorityclasses';

/** There is one default at most. Throws 403. */
export function checkPriorityClass({ services, type }: ResourceCall, { metadata, globalDefault }: KubeObject): void {
  if (type.collection !== classes || !globalDefault) return;
  const other = services.store
    .list(classes)
    .find(({ object, name }) => object.globalDefault === true && name !== metadata.name);
  if (!other) return;
  const why = `PriorityClass ${other.name} is already marked as default. Only one default can exist`;
  throw forbidden(type, metadata.name ?? '', why);
}

/** What a class has given stays, when an update does not say it. */
export function keepPriority({ spec }: KubeObject, { spec: old }: KubeObject): void {
  spec.priority ??= old.priority;
  spec.preemptionPolicy ??= old.preemptionPolicy;
}

/** A node that falls silent keeps its pods for five minutes. */
export function admitTolerations({ spec }: KubeObject): void {
  for (const key of ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']) {
    const tolerated = spec.tolerations?.some(
      (one: Loose) => (one.key === key || !one.key) && (one.effect === 'NoExecute' || !one.effect),
    );
    if (tolerated) continue;
    spec.tolerations ??= [];
    spec.tolerations.push({ key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 300 });
  }
}
