import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../clock.ts';
import type { Network } from '../network/network.ts';
import type { CpuMeter } from '../usage/cpu-meter.ts';
import type { Refusal } from './admission.ts';
import type { Configuration } from './configuration.ts';
import type { Images } from './images.ts';
import type { Lane } from './lane.ts';
import type { Tokens } from './tokens.ts';
import type { VolumeFacts } from './volumes.ts';

/** What all pods of a node share. */
export interface NodeContext {
  client: Client;
  clock: Clock;
  network: Network;
  images: Images;
  configuration: Configuration;
  tokens: Tokens;
  lane: Lane;
  volumes: VolumeFacts;
  services: (namespace: string) => KubeObject[];
  node: string;
  hostIP: () => string;
  podCidr: string;
  clusterDomain: string;
  /** Authorities that containers trust: PEM. */
  trusted: string;
  allocatable: Record<string, string>;
  /** What all containers of the node take their CPU from. */
  cpu: CpuMeter;
  newId: () => string;
  /** Why this node cannot take the pod, which somebody gave it without asking a scheduler. */
  admit(pod: KubeObject): Refusal | undefined;
  event(pod: KubeObject, type: 'Normal' | 'Warning', reason: string, message: string, field?: string): void;
  log(message: string): void;
  /** The pod is gone from the API, and nothing of it is left here. */
  gone(uid: string): void;
}
