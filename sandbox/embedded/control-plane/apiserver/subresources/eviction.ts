import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { selects } from '../../../../../kubernetes/selectors.ts';
import { parseBody } from '../body.ts';
import type { ResourceCall } from '../call.ts';
import { deleteEntry } from '../delete.ts';
import { badRequest, internalError, refusal } from '../errors.ts';
import { mustGet } from '../read.ts';
import { contentOf, type Reply } from '../reply.ts';
import { stamp } from '../stamp.ts';
import { isDryRun } from '../write.ts';

/** https://kubernetes.io/docs/concepts/scheduling-eviction/api-eviction/ */
export async function evict(call: ResourceCall): Promise<Reply> {
  const { services, info } = call;
  const body = parseBody(call, 'Eviction')?.value ?? {};
  const name = body.metadata?.name;
  if (name && name !== info.name) throw badRequest('name in URL does not match name in Eviction object');
  const options = body.deleteOptions ?? {};
  const dryRun = isDryRun(call, options.dryRun);
  const pod = mustGet(call).object;
  const budget = budgetOf(call, pod);
  if (budget && !isFree(pod, budget)) spend(call, pod, budget, dryRun);
  if (!dryRun) markTarget(call, pod);
  const entry = services.store.get('/pods', info.namespace, info.name);
  if (entry) await deleteEntry({ ...call, info: { ...info, subresource: '', verb: 'delete' } }, entry, options);
  return {
    code: 201,
    content: contentOf({ kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 }),
  };
}

const collection = 'policy/poddisruptionbudgets';

function budgetOf({ services, info }: ResourceCall, pod: KubeObject): KubeObject | undefined {
  const budgets = services.store
    .list(collection, info.namespace)
    .map((entry) => entry.object)
    .filter((budget) => selects(budget.spec?.selector, pod.metadata.labels));
  if (budgets.length > 1)
    throw internalError(
      'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
    );
  return budgets[0];
}

/** Pods that serve nobody may always go. */
function isFree(pod: KubeObject, budget: KubeObject): boolean {
  if (pod.metadata.deletionTimestamp || ['Succeeded', 'Failed', 'Pending'].includes(pod.status?.phase)) return true;
  const ready = pod.status?.conditions?.some((one: Loose) => one.type === 'Ready' && one.status === 'True');
  if (ready) return false;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return (
    budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow' ||
    (desiredHealthy > 0 && currentHealthy >= desiredHealthy)
  );
}

const violation = "Cannot evict pod as it would violate the pod's disruption budget.";

function spend({ services, info }: ResourceCall, pod: KubeObject, budget: KubeObject, dryRun: boolean): void {
  const { name = '', generation = 0 } = budget.metadata;
  const status = budget.status ?? {};
  const refuse = (message: string, retryAfterSeconds?: number): Error =>
    refusal(429, 'TooManyRequests', violation, {
      causes: [{ reason: 'DisruptionBudget', message }],
      ...(retryAfterSeconds && { retryAfterSeconds }),
    });
  if ((status.observedGeneration ?? 0) < generation)
    throw refuse(`The disruption budget ${name} is still being processed by the server.`, 10);
  const { disruptionsAllowed = 0, desiredHealthy = 0, currentHealthy = 0 } = status;
  if (disruptionsAllowed <= 0)
    throw refuse(
      `The disruption budget ${name} needs ${desiredHealthy} healthy pods and has ${currentHealthy} currently`,
    );
  if (dryRun) return;
  const disruptedPods = { ...status.disruptedPods, [pod.metadata.name ?? '']: stamp(services.clock.now()) };
  services.store.put(collection, info.namespace, name, {
    ...budget,
    metadata: { ...budget.metadata },
    status: { ...status, disruptionsAllowed: disruptionsAllowed - 1, disruptedPods },
  });
}

function markTarget({ services, info }: ResourceCall, pod: KubeObject): void {
  const conditions = (pod.status?.conditions ?? []).filter((one: Loose) => one.type !== 'DisruptionTarget');
  conditions.push({
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'EvictionByEvictionAPI',
    message: 'Eviction API: evicting',
    lastProbeTime: null,
    lastTransitionTime: stamp(services.clock.now()),
  });
  services.store.put('/pods', info.namespace, info.name, {
    ...pod,
    metadata: { ...pod.metadata },
    status: { ...pod.status, conditions },
  });
}
