import type { Manager } from '../manager.ts';
import { conditionOf, isTrue, requests, split } from '../objects.ts';

const message = 'Certificate request has been approved by cert-manager.io';

/** Approves every request that nobody denied: what an installation does that has no other approver. */
export function createApprover(manager: Manager) {
  const recorder = manager.recorder('certificaterequests-approver');
  return async (key: string): Promise<void> => {
    const [namespace, name] = split(key);
    const request = manager.informer(requests).get(name, namespace);
    if (!request || request.metadata.deletionTimestamp) return;
    const done = ['Failed', 'Issued'].includes(conditionOf(request, 'Ready')?.reason);
    if (done || isTrue(request, 'Approved') || isTrue(request, 'Denied')) return;
    const conditions = manager.withCondition(request, 'Approved', 'True', 'cert-manager.io', message);
    await manager.writeStatus(requests, request, { ...request.status, conditions });
    void recorder.event(request, 'Normal', 'cert-manager.io', message);
  };
}
