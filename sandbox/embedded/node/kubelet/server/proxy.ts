import { request as httpRequest, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { ServiceTable } from '../../network/services.ts';
import type { PodWorker } from '../pod-worker.ts';
import { dialError } from '../probes.ts';

export interface ProxyTarget {
  open(): Promise<Duplex>;
  host: string;
  port: number;
  path: string;
  tls: boolean;
}

/** `/proxy/pods/NS/POD/PORT/…`; PORT may be a name, and begin with `https:`. */
export function podTarget(worker: PodWorker, port: string, path: string): ProxyTarget | undefined {
  const { scheme, name } = portOf(port);
  const declared = (worker.pod.spec.containers ?? []).flatMap((container: Loose) => container.ports ?? []);
  const number = Number(name) || declared.find((entry: Loose) => entry.name === name)?.containerPort;
  const { network, ip } = worker;
  if (!number || !network || !ip) return undefined;
  return { open: () => network.fromNode(number), host: ip, port: number, path, tls: scheme === 'https' };
}

/** `/proxy/services/NS/NAME/PORT/…`: to one of the Service's endpoints. */
export function serviceTarget(
  services: ServiceTable,
  connect: (host: string, port: number) => Promise<Duplex>,
  service: KubeObject,
  port: string,
  path: string,
): ProxyTarget | undefined {
  const { scheme, name } = portOf(port);
  const ports: Loose[] = service.spec?.ports ?? [];
  const found =
    ports.find((entry) => String(entry.port) === name || entry.name === name) ??
    (name === '' && ports.length === 1 ? ports[0] : undefined);
  const route = found && services.pick(service, found, { address: 'proxy' });
  if (typeof route !== 'object') return undefined;
  const { address } = route;
  return { open: () => connect(address, route.port), host: address, port: route.port, path, tls: scheme === 'https' };
}

function portOf(text: string): { scheme: string; name: string } {
  const match = /^(https?):(.*)$/.exec(text);
  return match ? { scheme: match[1]!, name: match[2]! } : { scheme: 'http', name: text };
}

/** Passes one request on. */
export async function proxyRequest(
  target: ProxyTarget,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  let socket: Duplex;
  try {
    socket = await target.open();
  } catch (error) {
    return unavailable(response, dialError(target.host, target.port, error));
  }
  const headers = { ...request.headers, connection: 'close' };
  for (const name of ['keep-alive', 'proxy-connection', 'upgrade', 'authorization']) delete headers[name as 'host'];
  const onward = httpRequest(
    {
      createConnection: () => (target.tls ? connectTls({ socket, rejectUnauthorized: false }) : socket) as never,
      method: request.method ?? 'GET',
      path: target.path,
      headers,
    },
    (answer) => {
      const { connection: _, 'keep-alive': __, ...rest } = answer.headers;
      response.writeHead(answer.statusCode ?? 502, answer.statusMessage, rest);
      answer.pipe(response);
    },
  );
  onward.on('error', (error) => {
    if (response.headersSent) response.destroy();
    else unavailable(response, error.message);
  });
  response.on('close', () => onward.destroy());
  request.pipe(onward);
}

/** Passes an upgrade on: the bytes of both sides, unchanged. */
export async function proxyUpgrade(
  target: ProxyTarget,
  request: IncomingMessage,
  client: Duplex,
  head: Buffer,
): Promise<void> {
  const socket = await target.open();
  const lines = [`${request.method} ${target.path} HTTP/1.1`];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    if (request.rawHeaders[index]!.toLowerCase() !== 'authorization') {
      lines.push(`${request.rawHeaders[index]}: ${request.rawHeaders[index + 1]}`);
    }
  }
  socket.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (head.length) socket.write(head);
  client.on('error', () => socket.destroy());
  socket.on('error', () => client.destroy());
  client.pipe(socket).pipe(client);
}

/** Joins the caller with what listens there, without a word of HTTP between them. Resolves with the dialer's error. */
export async function connectRaw(target: ProxyTarget, client: Duplex, head: Buffer): Promise<string | undefined> {
  let socket: Duplex;
  try {
    socket = await target.open();
  } catch (error) {
    return dialError(target.host, target.port, error);
  }
  client.write('HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
  if (head.length) socket.write(head);
  client.on('error', () => socket.destroy()).on('close', () => socket.destroy());
  socket.on('error', () => client.destroy()).on('close', () => client.destroy());
  client.pipe(socket).pipe(client);
  return undefined;
}

export function unavailable(response: ServerResponse, why: string): void {
  const body = JSON.stringify({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: `error trying to reach service: ${why}`,
    reason: 'ServiceUnavailable',
    code: 503,
  });
  response.writeHead(503, { 'content-type': 'application/json' });
  response.end(body);
}
