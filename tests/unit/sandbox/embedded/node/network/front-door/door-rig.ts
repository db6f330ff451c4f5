import { mkdtempSync, rmSync } from 'node:fs';
import { createServer as createHttpServer, type Server as HttpServer, type RequestListener } from 'node:http';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createClock } from '../../../../../../../sandbox/embedded/clock.ts';
import {
  createFrontDoor,
  type FrontDoor,
  type FrontDoorOptions,
} from '../../../../../../../sandbox/embedded/node/network/front-door/front-door.ts';
import { createZone, type Zone } from '../../../../../../../sandbox/embedded/node/network/zone/zone.ts';
import { openWorkshopAuthority } from '../../../../../../../sandbox/embedded/workshop-ca/authority.ts';
import { createRig, type NetworkRig, ready } from '../rig.ts';

export interface DoorRig {
  door: FrontDoor;
  clock: ReturnType<typeof createClock>;
  /** Of the two listeners. */
  http: number;
  https: number;
  /** The workshop's root. */
  root: string;
  /** A cluster behind the door, with a load balancer at the address on 80 and 443. */
  cluster(name: string, address: string): Promise<ClusterRig>;
  /** Bytes to one of the ports; what came back till the end. */
  raw(port: number, text: string | Buffer): Promise<string>;
  close(): Promise<void>;
}

export interface ClusterRig extends NetworkRig {
  zone: Zone;
  record(name: string, ...targets: string[]): void;
  /** What answers at the load balancer's port 80. */
  serve(listener: RequestListener): Promise<HttpServer>;
}

export async function openDoor(limits: FrontDoorOptions['limits'] = {}): Promise<DoorRig> {
  const home = mkdtempSync(join(tmpdir(), 'atelier-door-'));
  const clock = createClock();
  const { root } = await openWorkshopAuthority({ home, now: new Date() });
  const door = createFrontDoor({ clock, authority: join(home, 'workshop-ca'), limits });
  const sockets = new Set<Socket>();
  const open = async (scheme: 'http' | 'https') => {
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    door.serve(scheme, listener);
    return (listener.address() as AddressInfo).port;
  };
  return {
    door,
    clock,
    http: await open('http'),
    https: await open('https'),
    root,
    async cluster(name, address) {
      const domain = `${name}.localhost`;
      const zone = createZone({ domain, file: join(home, `${name}.json`), clock });
      const rig = createRig({ zone });
      door.expect(name, domain);
      door.ready(name, { zone, network: rig.network, services: rig.table });
      const balancer = (port: number) => ({ name: `p${port}`, port, targetPort: port, protocol: 'TCP' });
      rig.service(
        'traefik',
        { type: 'LoadBalancer', clusterIP: '10.96.0.20', ports: [balancer(80), balancer(443)] },
        'default',
        { loadBalancer: { ingress: [{ ip: address }] } },
      );
      const ports = [80, 443].map((port) => ({ name: `p${port}`, port, protocol: 'TCP' }));
      rig.endpoints('traefik', ports, [ready('10.244.0.9')]);
      return {
        ...rig,
        zone,
        record: (name, ...targets) => zone.change({ create: [{ name, type: 'A', targets }] }),
        async serve(listener) {
          const server = createHttpServer(listener);
          const pod = await rig.pod('traefik', '10.244.0.9');
          await pod.listen(80, (socket) => void server.emit('connection', socket));
          return server;
        },
      };
    },
    raw: (port, text) =>
      new Promise((resolve, reject) => {
        const socket = connect(port, '127.0.0.1');
        sockets.add(socket);
        let heard = '';
        socket.setEncoding('latin1').on('data', (data) => {
          heard += data;
        });
        socket.on('error', reject);
        socket.on('close', () => resolve(heard));
        socket.write(text);
      }),
    async close() {
      for (const socket of sockets) socket.destroy();
      await door.close();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
