import type { Agent } from 'node:https';
import type { SkippableClock } from '../../clock.ts';
import type { MetricsCollector } from '../metrics/collector.ts';
import type { Store } from '../store/store.ts';
import type { RemoteGroups } from './aggregation/remote-groups.ts';
import type { Allocator } from './allocator.ts';
import type { Authenticator } from './authentication.ts';
import type { RoleBasedAuthorizer } from './authorization/rbac.ts';
import type { Metrics } from './metrics.ts';
import type { Caller } from './outbound/caller.ts';
import type { ResourceTypes } from './resource-type.ts';
import type { ServiceAccountTokens } from './service-account-tokens.ts';

/** What one cluster's API server is made of; nothing of it is shared with another cluster. */
export interface Services {
  store: Store;
  clock: SkippableClock;
  /** Lets time pass at once, on the node too; resolves when what it set off is done. */
  skip(milliseconds: number): Promise<void>;
  types: ResourceTypes;
  allocator: Allocator;
  authenticator: Authenticator;
  authorizer: RoleBasedAuthorizer;
  /** How the API server shows itself to kubelets; PEM texts. */
  kubeletTls: { key: string; cert: string; ca: string };
  kubeletAgent: Agent;
  metrics: Metrics;
  /** Reaches webhooks, and servers behind APIServices. */
  caller: Caller;
  /** Groups that other servers answer for. */
  remote: RemoteGroups;
  /** How the API server shows itself to those; PEM texts. */
  frontProxy: { key: string; cert: string };
  /** What pods and nodes use, as their kubelets told last. */
  usage: MetricsCollector;
  tokens: ServiceAccountTokens;
  serverVersion: string;
  /** Set once the bootstrap objects are there. */
  ready: boolean;
  /** Errors of our own, with their stacks. */
  log(message: string): void;
}
