import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';

type FailureAction = 'FailJob' | 'Ignore' | 'Count' | 'FailIndex';

/** What the first fitting rule of a pod failure policy says of a pod. https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy */
export function failureAction(job: KubeObject, pod: KubeObject): FailureAction | undefined {
  return matchedRule(job, pod)?.action;
}

/** Why the job fails with this pod, if it does. */
export function fatalMessage(job: KubeObject, pod: KubeObject): string | undefined {
  const match = matchedRule(job, pod);
  return match?.action === 'FailJob' ? match.message : undefined;
}

function matchedRule(job: KubeObject, pod: KubeObject): { action: FailureAction; message: string } | undefined {
  const rules: Loose[] = job.spec.podFailurePolicy?.rules ?? [];
  const name = `${pod.metadata.namespace}/${pod.metadata.name}`;
  for (const [index, rule] of rules.entries()) {
    const where = `matching ${rule.action} rule at index ${index}`;
    if (rule.onExitCodes) {
      const container = exitedAs(pod, rule.onExitCodes);
      if (!container) continue;
      const code = container.state.terminated.exitCode;
      return {
        action: rule.action,
        message: `Container ${container.name} for pod ${name} failed with exit code ${code} ${where}`,
      };
    }
    const condition = (pod.status?.conditions ?? []).find((held: Loose) =>
      (rule.onPodConditions ?? []).some(
        (pattern: Loose) => held.type === pattern.type && held.status === (pattern.status ?? 'True'),
      ),
    );
    if (condition) return { action: rule.action, message: `Pod ${name} has condition ${condition.type} ${where}` };
  }
  return undefined;
}

/** The container whose exit code the rule speaks of. */
function exitedAs(pod: KubeObject, { containerName, operator, values }: Loose): Loose {
  const statuses: Loose[] = [...(pod.status?.containerStatuses ?? []), ...(pod.status?.initContainerStatuses ?? [])];
  return statuses.find((status) => {
    const code = status.state?.terminated?.exitCode;
    if (!code || (containerName !== undefined && status.name !== containerName)) return false;
    return values.includes(code) === (operator === 'In');
  });
}

/** Which rule of a success policy is met. https://kubernetes.io/docs/concepts/workloads/controllers/job/#success-policy */
export function metSuccessRule(
  job: KubeObject,
  succeeded: Set<number>,
  parse: (text: string) => Set<number>,
): string | undefined {
  const rules: Loose[] = job.spec.successPolicy?.rules ?? [];
  if (succeeded.size === 0) return undefined;
  const at = rules.findIndex(({ succeededIndexes, succeededCount }) => {
    if (succeededIndexes === undefined) return succeededCount !== undefined && succeeded.size >= succeededCount;
    const wanted = parse(succeededIndexes);
    if (wanted.size === 0) return false;
    const met = wanted.intersection(succeeded).size;
    return met === wanted.size || (succeededCount !== undefined && met >= succeededCount);
  });
  return at < 0 ? undefined : `Matched rules at index ${at}`;
}
