import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { Agent } from 'node:https';
import { join } from 'node:path';
import { socketPath } from '../../socket-path.ts';
import { createClient, type Transport } from '../client/client.ts';
import { createClock, type SkippableClock } from '../clock.ts';
import { logTo } from '../log.ts';
import { createSkipper } from '../skipper.ts';
import { RemoteGroups } from './apiserver/aggregation/remote-groups.ts';
import { Allocator } from './apiserver/allocator.ts';
import { createAuthenticator } from './apiserver/authentication.ts';
import { withNodes } from './apiserver/authorization/node.ts';
import { createAuthorizer } from './apiserver/authorization/rbac.ts';
import { bootstrap } from './apiserver/bootstrap.ts';
import { serveDefinitions } from './apiserver/custom/serve.ts';
import { createInProcessTransport, userNamed } from './apiserver/in-process.ts';
import { registerLocalServices } from './apiserver/local-services.ts';
import { Metrics } from './apiserver/metrics.ts';
import { openNodeDoor } from './apiserver/node-door.ts';
import { Caller } from './apiserver/outbound/caller.ts';
import { ResourceTypes } from './apiserver/resource-type.ts';
import { type ApiServer, startServer } from './apiserver/server.ts';
import { ServiceAccountTokens } from './apiserver/service-account-tokens.ts';
import { followServiceAddresses } from './apiserver/service-addresses.ts';
import type { Services } from './apiserver/services.ts';
import { fillTokenSecrets } from './apiserver/token-secrets.ts';
import { balancerRange } from './loopback.ts';
import { createMetricsCollector } from './metrics/collector.ts';
import { openPki, type Pki } from './pki.ts';
import { Store } from './store/store.ts';

export interface ClusterOptions {
  /** Everything of the cluster lives here. */
  directory: string;
  name: string;
  /** 0 for any. */
  port?: number;
  host?: string;
  clock?: SkippableClock;
  /** Moves the clock of the cluster's node; answers how many timers that fired. */
  skipNode?: (milliseconds: number) => Promise<number>;
  serverVersion?: string;
  /** Off in tests of the API server alone. */
  controllers?: boolean;
}

export interface Cluster {
  name: string;
  directory: string;
  port: number;
  url: string;
  pki: Pki;
  clock: SkippableClock;
  /** Lets time pass at once, here and on the node; resolves when what it set off is done. */
  skip(milliseconds: number): Promise<void>;
  /** Requests as this user, without the network. */
  transport(user: string): Transport;
  /** Ends controllers, watches and connections, and writes what is left. */
  close(): Promise<void>;
}

/** Starts the control plane of one cluster in this process; call it as often as there are clusters. Rejects when the port is taken or the folder is not writable. */
export async function createCluster(options: ClusterOptions): Promise<Cluster> {
  const { directory, name, clock = createClock() } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const log = logTo(directory);
  const pki = await openPki(join(directory, 'pki'));
  const store = new Store({
    file: join(directory, 'objects.sqlite'),
    onError: (error) => log(`store: ${error instanceof Error ? error.stack : error}`),
  });
  const tokens = new ServiceAccountTokens(pki.serviceAccountKey, store, clock);
  const kubeletTls = { ...pki.kubeletClient, ca: pki.ca.cert };
  const kubeletAgent = new Agent({ ...kubeletTls, keepAlive: true });
  const usage = createMetricsCollector({ store, clock, agent: kubeletAgent, log });
  const services: Services = {
    store,
    clock,
    skip: createSkipper({ clock, skipNode: options.skipNode ?? (async () => 0), revision: () => store.revision }),
    types: new ResourceTypes(),
    allocator: new Allocator(store),
    authenticator: createAuthenticator((token) => tokens.authenticate(token)),
    authorizer: withNodes(createAuthorizer(store)),
    tokens,
    metrics: new Metrics(),
    kubeletTls,
    caller: new Caller(() => services),
    remote: new RemoteGroups(() => services),
    frontProxy: pki.frontProxy,
    kubeletAgent,
    usage,
    serverVersion: options.serverVersion ?? 'v1.35.2',
    ready: false,
    log,
  };
  const tls = { ...pki.server, ca: pki.ca.cert };
  const listen = (port: number) => startServer({ services, tls, port, host: options.host ?? '127.0.0.1' });
  const server = await listenAgain(join(directory, 'port'), options.port ?? 0, listen).catch((error) => {
    store.close();
    throw error;
  });
  const door = await openNodeDoor(services, socketPath(directory)).catch((error) => {
    log(`node door: ${error instanceof Error ? error.message : error}`);
    return undefined;
  });
  serveDefinitions(services);
  fillTokenSecrets(services, pki.ca.cert);
  await bootstrap(services, { port: server.port, ca: pki.ca.cert });
  registerLocalServices(services);
  services.remote.follow();
  followServiceAddresses(services);
  const ending = new AbortController();
  const transport = (user: string): Transport => createInProcessTransport(services, userNamed(user), programOf(user));
  if (options.controllers !== false) {
    const { startControllers } = await import('./controllers/start.ts');
    startControllers({
      clientFor: (user) => createClient(transport(user)),
      clock,
      signal: ending.signal,
      log,
      caBundle: pki.ca.cert,
      // The library that signs is large, and most clusters never sign.
      sign: async (signing) => (await import('./pki-sign.ts')).signRequest(pki.ca, signing),
      balancerRange: balancerRange(directory),
    });
  }
  return {
    name,
    directory,
    port: server.port,
    url: `https://127.0.0.1:${server.port}`,
    pki,
    clock,
    skip: services.skip,
    transport,
    async close() {
      ending.abort();
      usage.close();
      door?.close();
      await server.close();
      services.kubeletAgent.destroy();
      services.remote.close();
      services.caller.close();
      store.close();
    },
  };
}

/** The program a user of the control plane runs in, as field managers name it. */
function programOf(user: string): string {
  return user === 'system:kube-scheduler' ? 'kube-scheduler' : 'kube-controller-manager';
}

/** Any port means the one of the last start, if it is free: kubeconfigs stay true. */
async function listenAgain(
  file: string,
  wanted: number,
  listen: (port: number) => Promise<ApiServer>,
): Promise<ApiServer> {
  const last = wanted === 0 && existsSync(file) ? Number(readFileSync(file, 'utf8')) || 0 : wanted;
  const server = await listen(last).catch((error) => {
    if (wanted !== 0 || last === 0) throw error;
    return listen(0);
  });
  writeFileSync(file, String(server.port));
  return server;
}
