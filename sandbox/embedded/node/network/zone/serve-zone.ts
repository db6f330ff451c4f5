import type { Network } from '../network.ts';
import { serveDns } from './dns-server.ts';
import { createProviderApi } from './provider.ts';
import { type Zone, zoneAddress, zoneHost } from './zone.ts';

export interface ZoneService {
  /** Of the name server, on 127.0.0.1, UDP and TCP. */
  port: number;
  close(): Promise<void>;
}

export interface ServeOptions {
  zone: Zone;
  network: Network;
  log?: (message: string) => void;
}

/** Lets the machine ask the zone, and this cluster's pods change it. Rejects when no port can be had. */
export async function serveZone({ zone, network, log = () => {} }: ServeOptions): Promise<ZoneService> {
  const dns = await serveDns(zone.lookup, log);
  const api = createProviderApi(zone, log);
  const place = network.addPod({ namespace: '', hostname: zoneHost, ip: zoneAddress, search: [], dots: 1 });
  await place.listen(80, api.connection);
  return {
    port: dns.port,
    async close() {
      place.close();
      api.close();
      await dns.close();
    },
  };
}
