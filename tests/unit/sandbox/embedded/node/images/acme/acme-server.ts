import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import { Agent } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as tlsConnect } from 'node:tls';
import * as acme from 'acme-client';
import { createClock, type SkippableClock } from '../../../../../../../sandbox/embedded/clock.ts';
import type { RunningContainer } from '../../../../../../../sandbox/embedded/node/images/container.ts';
import { createFolderVolume } from '../../../../../../../sandbox/embedded/node/images/file-system/folder.ts';
import { openWorkshopAuthority } from '../../../../../../../sandbox/embedded/workshop-ca/authority.ts';
import { container, TestNetwork } from '../harness.ts';

const HOST = 'acme.atelier-internet.svc.cluster.local';
const SERVER = '10.244.0.20';
const WEB = '127.64.0.2';

/** The ACME server in a container, a web server that answers for hosts, and a zone: over real sockets. */
export interface AcmeServer {
  network: TestNetwork;
  clock: SkippableClock;
  /** The workshop's root, which containers trust. */
  root: string;
  staging: string;
  /** What hosts answer at paths; a body, or where they lead. */
  pages: Map<string, string | { status: number; location?: string }>;
  container: RunningContainer;
  /** What the server logged. */
  log(): string;
  /** kill -9, and again from its volume. */
  restart(): Promise<void>;
  /** acme-client, which nobody here wrote. */
  client(environment?: 'production' | 'staging', key?: acme.PrivateKeyBuffer): Promise<acme.Client>;
  /** An unsigned request, as anybody sends it. */
  fetch(path: string, options?: RequestInit): Promise<{ status: number; headers: Headers; body: string }>;
  /** Points hosts to the web server. */
  host(...names: string[]): void;
  close(): Promise<void>;
}

export async function openAcmeServer(domain = 'learner.localhost'): Promise<AcmeServer> {
  const home = mkdtempSync(join(tmpdir(), 'atelier-acme-'));
  const { root } = await openWorkshopAuthority({ home, now: new Date() });
  const network = new TestNetwork();
  const clock = createClock();
  network.names.set(HOST, SERVER);
  const pages: AcmeServer['pages'] = new Map();
  const web = createHttpServer((request, response) => {
    const page = pages.get(`${request.headers.host}${request.url}`);
    if (page === undefined) response.writeHead(404).end('404 page not found\n');
    else if (typeof page === 'string') response.end(page);
    else response.writeHead(page.status, page.location ? { location: page.location } : {}).end();
  });
  await network.pod(WEB).listen(80, (socket) => web.emit('connection', socket));
  let log = '';
  let running: RunningContainer;
  const start = async (): Promise<void> => {
    running = container('atelier.dev/acme:1', {
      network: network.pod(SERVER),
      clock,
      env: { DOMAIN: domain },
      volumes: [
        { path: '/etc/acme', volume: createFolderVolume(join(home, 'workshop-ca')) },
        { path: '/var/lib/acme', volume: createFolderVolume(join(home, 'data')) },
      ],
    });
    await new Promise<void>((resolve) => {
      const hear = (data: Uint8Array): void => {
        log += Buffer.from(data).toString();
        if (/listening|cannot/.test(log.slice(-200))) resolve();
      };
      running.start({ argv: ['/acme'], stdout: hear, stderr: hear });
    });
    // As its Service has it.
    network.listeners.set(`${SERVER}:443`, network.listeners.get(`${SERVER}:8443`)!);
  };
  await start();
  const agent = new Agent({ keepAlive: false });
  Object.assign(agent, {
    createConnection: () =>
      tlsConnect({ port: network.port(SERVER, 8443), host: '127.0.0.1', servername: HOST, ca: root }),
  });
  acme.axios.defaults.httpsAgent = agent;
  return {
    network,
    clock,
    root,
    staging: readFileSync(join(home, 'workshop-ca', 'staging-root.crt'), 'utf8'),
    pages,
    get container() {
      return running;
    },
    log: () => log,
    async restart() {
      running.kill();
      log = '';
      await start();
    },
    async client(environment = 'production', key) {
      return new acme.Client({
        directoryUrl: `https://${HOST}/${environment}/directory`,
        accountKey: key ?? (await acme.crypto.createPrivateEcdsaKey()),
        backoffMin: 20,
        backoffMax: 100,
        backoffAttempts: 50,
      });
    },
    async fetch(path, { method = 'GET', headers = {}, body } = {}) {
      const answer = await acme.axios.request({
        url: `https://${HOST}${path}`,
        method,
        headers: headers as Record<string, string>,
        data: body ?? null,
        validateStatus: null,
        transformResponse: (text: string) => text,
      });
      return { status: answer.status, headers: new Headers(answer.headers as never), body: answer.data };
    },
    host(...names) {
      for (const name of names) network.names.set(name, WEB);
    },
    async close() {
      running.kill();
      for (const server of network.listeners.values()) server.close();
      web.closeAllConnections();
      rmSync(home, { recursive: true, force: true });
    },
  };
}
