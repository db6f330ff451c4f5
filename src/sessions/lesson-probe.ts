import { fetchOnce, type Probe } from '../checks/probe.ts';
import { resolveAt, resolveAuthoritative } from '../checks/resolve.ts';
import { trustOf } from '../checks/tls-facts.ts';
import type { ClusterPlace } from './cluster-place.ts';

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]']);

/**
 * Asks addresses and names of the learner's. An embedded cluster is a network of its own: names below the learner's
 * domain, and what the shell reaches, are asked through its proxy, and its zone is asked directly.
 */
export function probeFor(options: {
  /** The embedded cluster's, once known; undefined on a real one. */
  place(): ClusterPlace | undefined;
  domain(): string;
  /** A file of certificates to trust. */
  authorities: string | undefined;
}): Probe {
  const trust = trustOf(options.authorities);
  return {
    http(url, { from, headers }, signal) {
      const { hostname } = new URL(url);
      const domain = options.domain();
      const inside = from === 'shell' || hostname === domain || hostname.endsWith(`.${domain}`);
      const proxy = inside && !LOOPBACK.has(hostname) ? options.place()?.proxy : undefined;
      return fetchOnce(url, signal, { proxy, headers, trust: trust() });
    },
    dns(question, signal) {
      const place = options.place();
      if (!place) return resolveAuthoritative(question, signal);
      if (!place.zone) return Promise.reject(new Error('the zone does not answer yet'));
      return resolveAt(question, place.zone, signal);
    },
  };
}
