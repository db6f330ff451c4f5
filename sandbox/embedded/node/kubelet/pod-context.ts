import type { NodeContext } from './node-context.ts';
import { hostsFile, identityOf, resolvConf } from './pod-network.ts';
import type { PodWorker } from './pod-worker.ts';
import type { PodContext } from './runtime.ts';
import type { PodVolumes } from './volumes.ts';

/** What the pod's containers are made with, once it has its network. */
export function contextOf(node: NodeContext, worker: PodWorker, volumes: PodVolumes): PodContext {
  const { pod, ip = '', network } = worker;
  const identity = identityOf(pod, node.clusterDomain);
  return {
    pod,
    ip,
    hostIP: node.hostIP(),
    node: node.node,
    hostname: identity.hostname,
    hosts: hostsFile(pod, identity, ip),
    resolvConf: resolvConf(identity),
    trusted: node.trusted,
    network: network!,
    volumes,
    clock: node.clock,
    configuration: node.configuration,
    services: () => node.services(pod.metadata.namespace!),
    allocatable: node.allocatable,
    newId: node.newId,
    cpu: node.cpu,
  };
}
