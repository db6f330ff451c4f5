import type { Store } from '../store/store.ts';

const firstPort = 30_000;
const lastPort = 32_767;
const serviceRange = '10.96.0.0/16';

/** Gives out addresses of the service range and node ports; what is taken is read from the Services. */
export class Allocator {
  readonly #store: Store;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Throws an Error in the real allocator's words when `wanted` is taken or out of range, or nothing is left. */
  allocate(kind: 'clusterIP' | 'nodePort', wanted?: string | number): string | number {
    return kind === 'clusterIP'
      ? this.#address(wanted as string | undefined)
      : this.#port(wanted as number | undefined);
  }

  #address(wanted: string | undefined): string {
    const taken = new Set(this.#services().flatMap((spec) => spec.clusterIPs ?? []));
    if (wanted) {
      if (!/^10\.96\.\d{1,3}\.\d{1,3}$/.test(wanted))
        throw new Error('the provided network does not match the current range');
      if (wanted === '10.96.0.0' || wanted === '10.96.255.255')
        throw new Error(
          `the provided IP (${wanted}) is not in the valid range. The range of valid IPs is ${serviceRange}`,
        );
      if (taken.has(wanted)) throw new Error('provided IP is already allocated');
      return wanted;
    }
    for (let attempt = 0; attempt < 200; attempt++) {
      // The lower part of the range is left to addresses that are asked for by number.
      const number = 256 + Math.floor(Math.random() * (65_534 - 256));
      const address = `10.96.${number >> 8}.${number & 255}`;
      if (!taken.has(address)) return address;
    }
    throw new Error('range is full');
  }

  #port(wanted: number | undefined): number {
    const taken = new Set(
      this.#services().flatMap((spec) => [
        ...(spec.ports ?? []).map((port: { nodePort?: number }) => port.nodePort),
        spec.healthCheckNodePort,
      ]),
    );
    if (wanted) {
      if (wanted < firstPort || wanted > lastPort)
        throw new Error(
          `provided port is not in the valid range. The range of valid ports is ${firstPort}-${lastPort}`,
        );
      if (taken.has(wanted)) throw new Error('provided port is already allocated');
      return wanted;
    }
    for (let attempt = 0; attempt < 500; attempt++) {
      const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort + 1));
      if (!taken.has(port)) return port;
    }
    throw new Error('range is full');
  }

  #services() {
    return this.#store.list('/services').map((entry) => entry.object.spec ?? {});
  }
}
