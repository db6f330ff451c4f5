import type { Loose } from '../../../../../kubernetes/object.ts';
import type { ContainerRecord } from '../records.ts';

export type Phase = 'Pending' | 'Running' | 'Succeeded' | 'Failed';

/** Whether a container that ended so is started again. https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#restart-policy */
export function restarts(record: ContainerRecord, policy: string, exitCode: number): boolean {
  if (record.role === 'ephemeral') return false;
  if (record.role === 'sidecar') return true;
  const own = record.spec.restartPolicy ?? policy;
  for (const rule of record.spec.restartPolicyRules ?? []) {
    const { operator, values = [] } = rule.exitCodes ?? {};
    const inList = values.includes(exitCode);
    if ((operator === 'In' && inList) || (operator === 'NotIn' && !inList)) return true;
  }
  if (own === 'Always') return record.role !== 'init' || exitCode !== 0;
  return own === 'OnFailure' && exitCode !== 0;
}

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-phase */
export function phaseOf(spec: Loose, records: ContainerRecord[], terminal: boolean): Phase {
  const policy = spec.restartPolicy ?? 'Always';
  const mains = records.filter((record) => record.role === 'main');
  const begun = mains.some((record) => 'running' in record.state || 'terminated' in record.state || record.last);
  let pendingInit = 0;
  let pendingSidecar = 0;
  let running = 0;
  let waiting = 0;
  let stopped = 0;
  let succeeded = 0;
  let final = 0;
  for (const record of records) {
    const { state, last } = record;
    if (record.role === 'init') {
      const end = 'terminated' in state ? state.terminated : 'waiting' in state ? last : undefined;
      if (!end) pendingInit += 1;
      else if (end.exitCode !== 0 && !restarts(record, policy, end.exitCode)) return 'Failed';
      else if (end.exitCode !== 0 && !begun) pendingInit += 1;
    } else if (record.role === 'sidecar') {
      if ('running' in state) {
        running += 1;
        if (!record.started) pendingSidecar += 1;
      } else if ('waiting' in state && !last) {
        pendingSidecar += 1;
        waiting += 1;
      }
    } else if (record.role === 'main') {
      const end = 'terminated' in state ? state.terminated : 'waiting' in state ? last : undefined;
      if ('running' in state) running += 1;
      else if (!end) waiting += 1;
      else {
        stopped += 1;
        if (end.exitCode === 0) succeeded += 1;
        if (!restarts(record, policy, end.exitCode)) final += 1;
      }
    }
  }
  if (pendingInit > 0 || (pendingSidecar > 0 && !begun) || waiting > 0) return 'Pending';
  if (running > 0) return 'Running';
  if (stopped === 0) return 'Pending';
  if (!terminal && stopped !== final) return 'Running';
  return stopped === succeeded ? 'Succeeded' : 'Failed';
}
