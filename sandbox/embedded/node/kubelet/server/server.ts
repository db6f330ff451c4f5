import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import type { TLSSocket } from 'node:tls';
import { createWebSocketStream, type WebSocket, WebSocketServer } from 'ws';
import type { Clock } from '../../../clock.ts';
import type { Network } from '../../network/network.ts';
import type { ServiceTable } from '../../network/services.ts';
import type { Kubelet } from '../kubelet.ts';
import type { Instance } from '../records.ts';
import { LogError, serveLogs } from './logs.ts';
import { forwardChannels, forwardSpdy } from './port-forward.ts';
import {
  connectRaw,
  type ProxyTarget,
  podTarget,
  proxyRequest,
  proxyUpgrade,
  serviceTarget,
  unavailable,
} from './proxy.ts';
import { runAttach, runExec } from './remote-command.ts';
import { spdyProtocols, spdyStreams } from './remote-spdy.ts';
import { internalError, type RemoteStreams, remoteOptions } from './remote-streams.ts';
import { channelProtocols, webSocketStreams } from './remote-websocket.ts';
import { resourceMetrics } from './resource-metrics.ts';
import { summaryOf } from './summary.ts';

export interface KubeletServerOptions {
  certificate: string;
  key: string;
  /** Whoever connects must show a certificate of this CA; without it anybody on this machine may. */
  clientCa?: string;
  port?: number;
  clock: Clock;
  newId: () => string;
  log: (message: string) => void;
}

/** What the server serves, known only after it has its port. */
interface Served {
  kubelet: Kubelet;
  network: Network;
  services: ServiceTable;
}

export interface KubeletServer {
  port: number;
  serve(served: Served): void;
  close(): Promise<void>;
}

const tunnel = 'SPDY/3.1+portforward.k8s.io';

/** The kubelet's API, as an API server calls it. Rejects when it cannot listen. */
export async function startKubeletServer(options: KubeletServerOptions): Promise<KubeletServer> {
  const { clock, newId, log } = options;
  let served: Served | undefined;
  const sockets = new Set<Duplex>();
  const server = createServer({
    cert: options.certificate,
    key: options.key,
    requestCert: true,
    rejectUnauthorized: false,
    ...(options.clientCa && { ca: options.clientCa }),
  });
  const upgrader = new WebSocketServer({
    noServer: true,
    maxPayload: 64 << 20,
    handleProtocols: (offered) => [...channelProtocols].find((protocol) => offered.has(protocol)) ?? false,
  });

  const known = (request: IncomingMessage) => !options.clientCa || (request.socket as TLSSocket).authorized;

  function locate(request: IncomingMessage) {
    const url = new URL(request.url ?? '/', 'https://kubelet');
    const [verb = '', namespace = '', pod = '', container = '', ...rest] = url.pathname
      .slice(1)
      .split('/')
      .map((part) => decodeURIComponent(part));
    return { url, verb, namespace, pod, container, rest };
  }

  function target(request: IncomingMessage): ProxyTarget | undefined {
    const match = /^\/(?:proxy|connect)\/(pods|services)\/([^/]+)\/([^/]+)\/([^/?]*)(.*)$/.exec(request.url ?? '');
    if (!match || !served) return undefined;
    const [, kind, namespace, name, port, rest] = match.map((part) => part ?? '') as [
      string,
      string,
      string,
      string,
      string,
      string,
    ];
    const path = rest.startsWith('/') ? rest : `/${rest}`;
    if (kind === 'pods') {
      const worker = served.kubelet.pod(namespace, name);
      return worker && podTarget(worker, decodeURIComponent(port), path);
    }
    const service = served.services.get(namespace, name);
    const connect = served.network.connect;
    return service && serviceTarget(served.services, connect, service, decodeURIComponent(port), path);
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    if (!known(request)) return plain(response, 401, 'Unauthorized');
    const { url, verb, namespace, pod, container } = locate(request);
    if (verb === 'healthz') return plain(response, 200, 'ok');
    if (!served) return plain(response, 503, 'starting');
    const { kubelet } = served;
    if (verb === 'containerLogs' && request.method === 'GET') {
      return serveLogs(
        kubelet.pod(namespace, pod),
        { pod, container },
        url.searchParams,
        request,
        response,
        clock.now(),
      );
    }
    if (verb === 'proxy') {
      const found = target(request);
      return found ? proxyRequest(found, request, response) : unavailable(response, 'no endpoints available');
    }
    if (url.pathname === '/stats/summary') {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(summaryOf(kubelet, clock)));
      return;
    }
    if (url.pathname === '/metrics/resource') {
      response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
      response.end(resourceMetrics(summaryOf(kubelet, clock)));
      return;
    }
    if (url.pathname === '/pods') {
      response.writeHead(200, { 'content-type': 'application/json' });
      const items = kubelet.pods().map((worker) => worker.pod);
      response.end(JSON.stringify({ kind: 'PodList', apiVersion: 'v1', metadata: {}, items }));
      return;
    }
    if (verb === 'exec' || verb === 'attach' || verb === 'portForward')
      return plain(response, 400, 'Upgrade request required');
    plain(response, 404, '404 page not found');
  }

  async function upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> {
    if (!known(request)) return refuse(socket, 401, 'Unauthorized');
    if (!served) return refuse(socket, 503, 'starting');
    const { url, verb, namespace, pod, container } = locate(request);
    if (verb === 'proxy') {
      const found = target(request);
      return found ? proxyUpgrade(found, request, socket, head) : refuse(socket, 503, 'no endpoints available');
    }
    if (verb === 'connect') {
      const found = target(request);
      if (!found) return refuse(socket, 503, 'no endpoints available');
      const failure = await connectRaw(found, socket, head);
      return failure === undefined ? undefined : refuse(socket, 502, failure);
    }
    const worker = served.kubelet.pod(namespace, pod);
    if (!worker) return refuse(socket, 404, 'pod does not exist');
    const webSocket = /websocket/i.test(request.headers.upgrade ?? '');
    if (verb === 'portForward') {
      if (!worker.network) return refuse(socket, 500, `pod not found ("${pod}_${namespace}")`);
      const forward = { network: worker.network, id: worker.uid.replaceAll('-', '').padEnd(64, '0') };
      if (!webSocket) {
        accept(socket, 'portforward.k8s.io');
        unshift(socket, head);
        forwardSpdy(socket, forward);
      } else if (String(request.headers['sec-websocket-protocol'] ?? '').includes(tunnel)) {
        const opened = await openTunnel(request, socket, head);
        forwardSpdy(createWebSocketStream(opened), forward);
      } else {
        const ports = url.searchParams
          .getAll('ports')
          .concat(url.searchParams.getAll('port'))
          .flatMap((text) => text.split(','))
          .map(Number);
        forwardChannels(await openWebSocket(request, socket, head), ports, forward);
      }
      return;
    }
    if (verb !== 'exec' && verb !== 'attach') return refuse(socket, 404, '404 page not found');
    const instance = worker.record(container)?.instance;
    const remote = remoteOptions(url.searchParams);
    if (!instance) {
      const why = `container not found ("${container}")`;
      if (!webSocket) return refuse(socket, 500, why);
      // A WebSocket is opened first, and told in it what the SPDY behind it came to.
      const told = webSocketStreams(await openWebSocket(request, socket, head), remote);
      const message = `unable to upgrade connection: ${why}`;
      return await told.finish({ ...internalError(message), message });
    }
    let streams: RemoteStreams;
    if (webSocket) streams = webSocketStreams(await openWebSocket(request, socket, head), remote);
    else {
      const offered = String(request.headers['x-stream-protocol-version'] ?? '').split(/,\s*/);
      const protocol = spdyProtocols.find((candidate) => offered.includes(candidate));
      if (!protocol) return refuse(socket, 403, `unable to negotiate protocol: client supports ${offered}`);
      accept(socket, protocol);
      unshift(socket, head);
      streams = await spdyStreams(socket, remote, clock);
    }
    await run(verb, instance, worker.uid, remote, streams);
  }

  async function run(
    verb: 'exec' | 'attach',
    instance: Instance,
    uid: string,
    remote: ReturnType<typeof remoteOptions>,
    streams: RemoteStreams,
  ): Promise<void> {
    try {
      if (verb === 'attach') return await runAttach(instance, streams);
      // What it runs may read the pod's token.
      await served?.kubelet.tokens.ready(uid);
      await runExec(instance, remote, streams, newId);
    } catch (error) {
      log(`${verb}: ${error instanceof Error ? error.stack : error}`);
      await streams.finish(internalError(error instanceof Error ? error.message : String(error)));
    }
  }

  function openWebSocket(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> {
    return new Promise((resolve) => upgrader.handleUpgrade(request, socket, head, resolve));
  }

  /** The name of this subprotocol is none for RFC 6455, so `ws` would refuse it: it is taken off and answered by hand. */
  async function openTunnel(request: IncomingMessage, socket: Duplex, head: Buffer): Promise<WebSocket> {
    delete request.headers['sec-websocket-protocol'];
    const add = (headers: string[], asked: IncomingMessage) => {
      if (asked === request) headers.push(`Sec-WebSocket-Protocol: ${tunnel}`);
    };
    upgrader.on('headers', add);
    try {
      return await openWebSocket(request, socket, head);
    } finally {
      upgrader.off('headers', add);
    }
  }

  server.on('request', (request, response) => {
    answer(request, response).catch((error) => {
      if (error instanceof LogError) plain(response, error.code, error.message);
      else {
        log(`${request.url}: ${error instanceof Error ? error.stack : error}`);
        if (response.headersSent) response.destroy();
        else plain(response, 500, error instanceof Error ? error.message : String(error));
      }
    });
  });
  server.on('upgrade', (request, socket, head) => {
    socket.on('error', () => socket.destroy());
    upgrade(request, socket, head).catch((error) => {
      log(`${request.url}: ${error instanceof Error ? error.message : error}`);
      socket.destroy();
    });
  });
  server.on('secureConnection', (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });

  return {
    port: (server.address() as AddressInfo).port,
    serve(now) {
      served = now;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}

function plain(response: ServerResponse, code: number, text: string): void {
  if (response.headersSent) return void response.end();
  response.writeHead(code, { 'content-type': 'text/plain; charset=utf-8' });
  response.end(text);
}

/** Answers an upgrade with a refusal. */
function refuse(socket: Duplex, code: number, text: string): void {
  const reasons: Record<number, string> = {
    401: 'Unauthorized',
    403: 'Forbidden',
    404: 'Not Found',
    500: 'Internal Server Error',
  };
  socket.end(
    `HTTP/1.1 ${code} ${reasons[code] ?? 'Service Unavailable'}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
  );
}

function accept(socket: Duplex, protocol: string): void {
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: ${protocol}\r\n\r\n`,
  );
}

function unshift(socket: Duplex, head: Buffer): void {
  if (head.length) socket.unshift(head);
}
