import type { Client } from '../../client/client.ts';
import { createInformer, type Informer } from '../../client/informer.ts';
import type { Clock } from '../../clock.ts';
import { type Configuration, createConfiguration, resources } from './configuration.ts';
import { createLane, type Lane } from './lane.ts';

/** What the kubelets of one cluster look at together, so that a second node costs no second copy. */
export interface Watched {
  /** Those that have a node. */
  pods: Informer;
  nodes: Informer;
  configmaps: Informer;
  secrets: Informer;
  volumes: Informer;
  configuration: Configuration;
  lane: Lane;
}

export interface WatchOptions {
  client: Client;
  clock: Clock;
  signal: AbortSignal;
  log: (message: string) => void;
}

export function watchCluster({ client, clock, signal, log }: WatchOptions): Watched {
  const informer = (resource: (typeof resources)[keyof typeof resources], fieldSelector?: string): Informer =>
    createInformer({ client, resource, clock, signal, log, ...(fieldSelector && { fieldSelector }) });
  const configmaps = informer(resources.configmaps);
  const secrets = informer(resources.secrets);
  return {
    pods: informer(resources.pods, 'spec.nodeName!='),
    nodes: informer(resources.nodes),
    configmaps,
    secrets,
    volumes: informer(resources.volumes),
    configuration: createConfiguration(client, { configmap: configmaps, secret: secrets }),
    lane: createLane(12),
  };
}
