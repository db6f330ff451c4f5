import { startScheduler } from '../scheduler/scheduler.ts';
import { type ControllersOptions, createContext } from './context.ts';
import { startCronJobs } from './cron-jobs.ts';
import { startDaemonSets } from './daemon-sets.ts';
import { startDeployments } from './deployments.ts';
import { startEndpointSlices, startEndpoints } from './endpoint-slices.ts';
import { startGarbageCollector } from './garbage-collector.ts';
import { startJobExpiry } from './job-expiry.ts';
import { startJobs } from './jobs.ts';
import { followKinds } from './kinds.ts';
import { startNamespaces } from './namespaces.ts';
import { startReplicaSets } from './replica-sets.ts';
import { startRootCertificates, startServiceAccounts } from './service-accounts.ts';
import { startStatefulSets } from './stateful-sets.ts';
import { startStorageProtection } from './storage-protection.ts';
import { startVolumes } from './volumes.ts';

/** Starts every loop of one cluster and its scheduler; they end with `signal`. */
export function startControllers(options: ControllersOptions): void {
  const context = createContext(options);
  startServiceAccounts(context);
  startRootCertificates(context);
  startDeployments(context);
  startReplicaSets(context);
  startStatefulSets(context);
  startDaemonSets(context);
  startVolumes(context);
  startStorageProtection(context);
  startJobs(context);
  startJobExpiry(context);
  startCronJobs(context);
  startScheduler(context);
  startEndpointSlices(context);
  startEndpoints(context);
  const kinds = followKinds(context);
  startGarbageCollector(context, kinds);
  startNamespaces(context, kinds);
}
