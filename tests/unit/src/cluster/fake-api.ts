import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';

/** A request of a watch, held open. */
interface OpenWatch {
  url: URL;
  event(type: string, object: Loose): void;
  end(): void;
  destroy(): void;
  closed: Promise<void>;
}

type Answer = (request: IncomingMessage, response: ServerResponse) => void;

/** A small HTTPS API with one collection of pods, whose faults a test chooses. */
export interface FakeApi {
  kubeconfig: string;
  requests: string[];
  objects: KubeObject[];
  version: number;
  /** Watches that are open now, the newest last. */
  watches: OpenWatch[];
  /** Answers the next requests instead, one each. */
  faults: { list: Answer[]; watch: Answer[] };
  /** Resolves at the next watch that is opened. */
  nextWatch(): Promise<OpenWatch>;
  stop(): Promise<void>;
  start(): Promise<void>;
  close(): Promise<void>;
}

export function pod(name: string, version: number, phase = 'Running', namespace = 'ada'): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace,
      uid: `uid-${name}`,
      resourceVersion: String(version),
      managedFields: [{ manager: 'test' }],
    },
    status: { phase },
  };
}

export function status(code: number, reason: string): Loose {
  return { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: `${reason} happened`, reason, code };
}

export function refuse(code: number, reason: string): Answer {
  return (_, response) => {
    response.writeHead(code, { 'content-type': 'application/json' });
    response.end(JSON.stringify(status(code, reason)));
  };
}

export async function createFakeApi(): Promise<FakeApi> {
  const { cert, key } = await certificate();
  const folder = mkdtempSync(join(tmpdir(), 'fake-api-'));
  const waiting: ((watch: OpenWatch) => void)[] = [];
  let server: Server;
  let port = 0;

  const api: FakeApi = {
    kubeconfig: join(folder, 'kubeconfig'),
    requests: [],
    objects: [],
    version: 1,
    watches: [],
    faults: { list: [], watch: [] },
    nextWatch: () => new Promise((resolve) => waiting.push(resolve)),
    async start() {
      server = createServer({ cert, key }, handle);
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
      port = (server.address() as AddressInfo).port;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      api.watches = [];
    },
    async close() {
      await api.stop();
      rmSync(folder, { recursive: true });
    },
  };

  function handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', 'https://127.0.0.1');
    const watching = url.searchParams.get('watch') === 'true';
    api.requests.push(
      `${watching ? 'watch' : 'list'} ${url.pathname} ${url.searchParams.get('resourceVersion') ?? ''}`.trim(),
    );
    const fault = (watching ? api.faults.watch : api.faults.list).shift();
    const answer = fault ?? (url.pathname.endsWith('/pods') ? undefined : refuse(404, 'NotFound'));
    if (answer) {
      answer(request, response);
      return;
    }
    response.writeHead(200, { 'content-type': 'application/json' });
    if (!watching) {
      response.end(
        JSON.stringify({ kind: 'PodList', metadata: { resourceVersion: String(api.version) }, items: api.objects }),
      );
      return;
    }
    response.flushHeaders();
    const watch: OpenWatch = {
      url,
      event: (type, object) => response.write(`${JSON.stringify({ type, object })}\n`),
      end: () => response.end(),
      destroy: () => response.destroy(),
      closed: new Promise((resolve) => {
        response.on('close', () => {
          api.watches = api.watches.filter((one) => one !== watch);
          resolve();
        });
      }),
    };
    api.watches.push(watch);
    waiting.shift()?.(watch);
  }

  await api.start();
  writeFileSync(
    api.kubeconfig,
    JSON.stringify({
      'current-context': 'fake',
      contexts: [{ name: 'fake', context: { cluster: 'fake', user: 'reader' } }],
      clusters: [
        {
          name: 'fake',
          cluster: {
            server: `https://127.0.0.1:${port}`,
            'certificate-authority-data': Buffer.from(cert).toString('base64'),
          },
        },
      ],
      users: [{ name: 'reader', user: { token: 'secret' } }],
    }),
  );
  return api;
}

async function certificate(): Promise<{ cert: string; key: string }> {
  const crypto = webcrypto as unknown as Crypto;
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  const keys = (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
  const made = await x509.X509CertificateGenerator.createSelfSigned(
    {
      name: 'CN=fake',
      notBefore: new Date(Date.now() - 60_000),
      notAfter: new Date(Date.now() + 3_600_000),
      keys,
      signingAlgorithm: algorithm,
      extensions: [
        new x509.BasicConstraintsExtension(true),
        new x509.SubjectAlternativeNameExtension([{ type: 'ip', value: '127.0.0.1' }]),
      ],
    },
    crypto,
  );
  const key = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return { cert: made.toString('pem'), key: `-----BEGIN PRIVATE KEY-----\n${key}\n-----END PRIVATE KEY-----\n` };
}
