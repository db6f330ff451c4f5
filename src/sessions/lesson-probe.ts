import { fetchOnce, type Probe } from '../checks/probe.ts';

/** Asks an address as the learner's own shell would: loopback as it is, the rest through the embedded cluster's proxy. */
export function probeFor(proxy: () => string | undefined): Probe {
  return (url, from, signal) => {
    const { hostname } = new URL(url);
    const direct = from === 'server' || ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
    return fetchOnce(url, signal, direct ? undefined : proxy());
  };
}
