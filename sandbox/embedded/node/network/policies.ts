import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { selects } from '../../../../kubernetes/selectors.ts';
import { inRange } from './ranges.ts';
import type { Source } from './services.ts';

/** One end of a connection. */
export interface Party {
  address: string;
  /** Absent for what is no pod, or a pod on its node's own network. */
  pod?: KubeObject | undefined;
  /** The node itself: its connections with its pods are always allowed. */
  node?: boolean;
}

export interface Attempt {
  from: Party;
  to: Party;
  port: number;
  protocol: 'TCP' | 'UDP';
}

export interface Policies {
  /** Whether the policies of both ends let a connection pass. */
  permit(attempt: Attempt): boolean;
  /** A promise while what is asked cannot be answered yet. */
  pending(): Promise<void> | undefined;
  close(): void;
}

export interface PoliciesOptions {
  policies: Source;
  /** Called when the first policy is seen: until then nothing has to be known of namespaces. */
  namespaces: () => Source & { synced: Promise<void> };
}

/** https://kubernetes.io/docs/concepts/services-networking/network-policies/ */
export function createPolicies(options: PoliciesOptions): Policies {
  const byNamespace = new Map<string, Map<string, KubeObject>>();
  let namespaces: Source | undefined;
  let pending: Promise<void> | undefined;

  const stop = options.policies.on((now, before) => {
    const { namespace = '', name = '' } = (now ?? before)!.metadata;
    if (now && !namespaces) {
      const source = options.namespaces();
      namespaces = source;
      pending = source.synced.then(() => {
        pending = undefined;
      });
    }
    let held = byNamespace.get(namespace);
    if (!held) {
      held = new Map();
      byNamespace.set(namespace, held);
    }
    if (now) held.set(name, now);
    else if (held.delete(name) && held.size === 0) byNamespace.delete(namespace);
  });

  function about({ pod }: Party, type: 'Ingress' | 'Egress'): KubeObject[] {
    const held = pod && byNamespace.get(pod.metadata.namespace ?? '');
    if (!held) return [];
    return [...held.values()].filter(
      (policy) => typesOf(policy).includes(type) && selects(policy.spec.podSelector ?? {}, pod.metadata.labels),
    );
  }

  function isPeer(peer: Loose, party: Party, home: string): boolean {
    if (peer.ipBlock) {
      const { cidr, except = [] } = peer.ipBlock;
      return inRange(party.address, cidr) && !except.some((range: string) => inRange(party.address, range));
    }
    if (!party.pod) return false;
    const { namespace = '', labels } = party.pod.metadata;
    if (peer.namespaceSelector) {
      if (!selects(peer.namespaceSelector, namespaces?.get(namespace)?.metadata.labels)) return false;
    } else if (namespace !== home) return false;
    return !peer.podSelector || selects(peer.podSelector, labels);
  }

  function lets(policy: KubeObject, rules: Loose[], side: 'from' | 'to', attempt: Attempt): boolean {
    const party = side === 'from' ? attempt.from : attempt.to;
    return rules.some((rule) => {
      const ports: Loose[] = rule.ports ?? [];
      if (ports.length > 0 && !ports.some((port) => isPort(port, attempt))) return false;
      const peers: Loose[] = rule[side] ?? [];
      return peers.length === 0 || peers.some((peer) => isPeer(peer, party, policy.metadata.namespace ?? ''));
    });
  }

  return {
    permit(attempt) {
      const { from, to } = attempt;
      if (byNamespace.size === 0 || from.address === to.address || from.node || to.node) return true;
      const leaving = about(from, 'Egress');
      if (leaving.length && !leaving.some((policy) => lets(policy, policy.spec.egress ?? [], 'to', attempt)))
        return false;
      const coming = about(to, 'Ingress');
      return coming.length === 0 || coming.some((policy) => lets(policy, policy.spec.ingress ?? [], 'from', attempt));
    },
    pending: () => pending,
    close: stop,
  };
}

/** What a policy that does not say speaks of. */
function typesOf({ spec }: KubeObject): string[] {
  return spec.policyTypes?.length ? spec.policyTypes : ['Ingress', ...(spec.egress?.length ? ['Egress'] : [])];
}

function isPort({ protocol = 'TCP', port, endPort }: Loose, attempt: Attempt): boolean {
  if (protocol !== attempt.protocol) return false;
  if (port === undefined) return true;
  if (typeof port === 'number') return attempt.port >= port && attempt.port <= (endPort ?? port);
  const { pod } = attempt.to;
  const containers: Loose[] = [...(pod?.spec?.containers ?? []), ...(pod?.spec?.initContainers ?? [])];
  return containers.some(({ ports = [] }) =>
    ports.some(
      (own: Loose) =>
        own.name === port && own.containerPort === attempt.port && (own.protocol ?? 'TCP') === attempt.protocol,
    ),
  );
}
