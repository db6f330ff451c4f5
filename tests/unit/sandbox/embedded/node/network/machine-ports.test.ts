import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Server } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { type MachinePorts, openMachinePorts } from '../../../../../../sandbox/embedded/node/network/machine-ports.ts';
import { createRig, type NetworkRig, outcome, ready } from './rig.ts';

const balancer = '127.91.7.1';
let rig: NetworkRig;
let ports: MachinePorts;
let events: string[];
let others: Server[];
/** Ports below 1024 may not be opened, as by most users. */
let forbidden: boolean;

beforeEach(async () => {
  rig = createRig();
  events = [];
  others = [];
  forbidden = false;
  await rig.pod('web', '10.244.0.2', { listens: [80] });
  rig.endpoints('web', [{ port: 80, protocol: 'TCP' }], [ready('10.244.0.2', { nodeName: 'node-1' })]);
  ports = openMachinePorts({
    services: rig.services,
    clock: rig.clock,
    nodeAddress: () => '10.99.0.1',
    connect: rig.network.connect,
    event: (_, type, reason, message) => void events.push(`${type} ${reason} ${message}`),
    listen(server, address, port) {
      if (forbidden && port < 1024) server.emit('error', Object.assign(new Error(), { code: 'EACCES' }));
      else server.listen({ host: address, port, exclusive: true });
    },
  });
});
afterEach(async () => {
  await ports.close();
  for (const server of others) server.close();
});

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

async function publish(spec: Loose, address?: string): Promise<void> {
  const status = address ? { loadBalancer: { ingress: [{ ip: address }] } } : {};
  rig.service('web', { clusterIP: '10.96.0.7', ...spec }, 'default', status);
  await ports.settled();
}

async function hear(address: string, port: number): Promise<string> {
  const socket = connect({ host: address, port, allowHalfOpen: true });
  await once(socket, 'connect');
  const heard = await text(socket);
  socket.end();
  return heard;
}
const knock = (address: string, port: number) => {
  const socket = connect(port, address);
  return outcome(once(socket, 'connect').finally(() => socket.destroy()));
};

test('node ports and load balancers answer on this machine as long as their Service is there', async () => {
  const [port, nodePort] = [await freePort(), await freePort()];
  const shape = { type: 'LoadBalancer', ports: [{ port, nodePort, targetPort: 80, protocol: 'TCP' }] };
  await publish(shape, balancer);
  expect(await hear(balancer, port)).toBe('web');
  expect(await hear('127.0.0.1', nodePort)).toBe('web');
  expect(await knock('127.0.0.1', port)).toBe('ECONNREFUSED');
  await publish({ type: 'ClusterIP' });
  expect(await knock(balancer, port)).toBe('ECONNREFUSED');
  expect(await knock('127.0.0.1', nodePort)).toBe('ECONNREFUSED');
  await publish({ ...shape, type: 'NodePort' });
  expect(await hear('127.0.0.1', nodePort)).toBe('web');
  rig.services.remove('web');
  expect(await knock('127.0.0.1', nodePort)).toBe('ECONNREFUSED');
  expect(events).toEqual([]);
});

test('a busy port is told with its remedy, once, and opened when it is free', async () => {
  const other = createServer().listen(0, '127.0.0.1');
  others.push(other);
  await once(other, 'listening');
  const { port: nodePort } = other.address() as AddressInfo;
  await publish({ type: 'NodePort', ports: [{ port: 80, nodePort, protocol: 'TCP' }] });
  const told = `Warning PortBusy node port ${nodePort} cannot be opened on 127.0.0.1: something else on this machine has it; inside the cluster and in Atelier's shell it answers; end what listens there, or choose another nodePort`;
  expect(events).toEqual([told]);
  rig.clock.skip(10_000);
  await ports.settled();
  expect(events).toEqual([told]);
  other.close();
  await once(other, 'close');
  rig.clock.skip(10_000);
  await ports.settled();
  expect(await hear('127.0.0.1', nodePort)).toBe('web');
});

test('where port 80 may not be opened, 8880 is', async () => {
  forbidden = true;
  await publish({ type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP' }] }, balancer);
  expect(await hear(balancer, 8880)).toBe('web');
  expect(events).toHaveLength(1);
  expect(events[0]).toMatch(/^Warning PortNotPermitted port 80 of 127\.91\.7\.1 .* answers at 127\.91\.7\.1:8880;/);
});

test('what the cluster refuses is reset; an address beyond loopback is never opened', async () => {
  const nodePort = await freePort();
  await publish({ type: 'LoadBalancer', ports: [{ port: 8081, nodePort, protocol: 'TCP' }] }, '0.0.0.0');
  rig.endpoints('web', [{ port: 80, protocol: 'TCP' }], []);
  const socket = connect(nodePort, '127.0.0.1');
  socket.resume();
  const [error] = await once(socket, 'error');
  expect(error.code).toBe('ECONNRESET');
  expect(await knock('127.0.0.2', 8081)).toBe('ECONNREFUSED');
});

test('bytes pass both ways, whole, after one side has ended', async () => {
  const echo = await rig.pod('echo', '10.244.0.8');
  await echo.listen(80, (socket) => {
    let size = 0;
    socket.on('data', (chunk: Buffer) => {
      size += chunk.length;
    });
    socket.on('end', () => socket.end(String(size)));
  });
  rig.endpoints('web', [{ port: 80, protocol: 'TCP' }], [ready('10.244.0.8')]);
  const nodePort = await freePort();
  await publish({ type: 'NodePort', ports: [{ port: 80, nodePort, protocol: 'TCP' }] });
  const socket = connect({ port: nodePort, host: '127.0.0.1', allowHalfOpen: true });
  socket.end(Buffer.alloc(5_000_000));
  expect(await text(socket)).toBe('5000000');
});
