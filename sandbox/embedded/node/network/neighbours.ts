/** The API of another cluster of the same home, as pods reach it. */
export interface Neighbour {
  name: string;
  /** In the network of every cluster. */
  address: string;
  api: { host: string; port: number };
}

/** Clusters side by side, to each other: an address, a name and one port each. Who comes in is their API's business. */
export interface Neighbours {
  enter(name: string, server: string): void;
  leave(name: string): void;
  /** By `NAME.clusters.internal`. */
  named(host: string): Neighbour | undefined;
  at(address: string): Neighbour | undefined;
}

/** The port that API servers have elsewhere. */
export const neighbourPort = 6443;
const zone = '.clusters.internal';
const range = '10.99.1';

export const neighbourName = (cluster: string): string => `${cluster}${zone}`;

export function createNeighbours(): Neighbours {
  const byName = new Map<string, Neighbour>();
  return {
    enter(name, server) {
      const taken = new Set([...byName.values()].map((neighbour) => neighbour.address));
      let last = 1;
      while (taken.has(`${range}.${last}`) && last < 254) last += 1;
      const { hostname, port } = new URL(server);
      const address = byName.get(name)?.address ?? `${range}.${last}`;
      byName.set(name, { name, address, api: { host: hostname, port: Number(port || 443) } });
    },
    leave: (name) => void byName.delete(name),
    named(host) {
      const name = host.toLowerCase().replace(/\.$/, '');
      return name.endsWith(zone) ? byName.get(name.slice(0, -zone.length)) : undefined;
    },
    at: (address) => [...byName.values()].find((neighbour) => neighbour.address === address),
  };
}
