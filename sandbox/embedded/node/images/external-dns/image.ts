import { parseLabelSelector } from '../../../../../kubernetes/selectors.ts';
import type { Client } from '../../../client/client.ts';
import { answer, listenHttp, send } from '../http/server.ts';
import type { ContainerProcess, Image, Program } from '../image.ts';
import { inClusterClient } from '../in-cluster/client.ts';
import { createController } from './controller.ts';
import { type Flags, parseFlags } from './flags.ts';
import { createLog, Fatal, type Level, type Log } from './log.ts';
import { createProvider } from './provider.ts';
import { createRegistry } from './registry.ts';
import { crdSource } from './sources/crd.ts';
import { ingressSource } from './sources/ingress.ts';
import { serviceSource } from './sources/service.ts';
import type { Source, SourceContext } from './sources/source.ts';

const version = 'v0.20.0';

/** Throws what the real one says of a configuration that cannot be. */
function validate(flags: Flags): void {
  const refuse = (why: string): never => {
    throw new Fatal(`config validation failed: ${why}`);
  };
  if (flags.is('ignore-hostname-annotation') && flags.text('fqdn-template') === '')
    refuse('FQDN Template must be set if ignoring annotations');
  if (flags.text('txt-prefix') && flags.text('txt-suffix')) refuse('txt-prefix and txt-suffix are mutual exclusive');
  try {
    parseLabelSelector(flags.text('label-filter'));
  } catch {
    refuse('--label-filter does not specify a valid label selector');
  }
  const prefix = flags.text('annotation-prefix');
  if (prefix === '') refuse('--annotation-prefix cannot be empty');
  if (!prefix.endsWith('/')) refuse("--annotation-prefix must end with '/'");
}

interface Figures {
  registry: number;
  source: number;
  synced: number;
}

async function serveMetrics(process: ContainerProcess, flags: Flags, log: Log, figures: Figures): Promise<void> {
  const address = flags.text('metrics-address');
  const port = Number(address.split(':').at(-1));
  log.debug(`serving 'healthz' on '${address}/healthz'`);
  log.debug(`serving 'metrics' on '${address}/metrics'`);
  const plain = { 'content-type': 'text/plain; charset=utf-8' };
  const gauge = (name: string, value: number) => `# TYPE external_dns_${name} gauge\nexternal_dns_${name} ${value}\n`;
  try {
    await listenHttp(process, port, (request, response) => {
      const path = request.url?.split('?')[0];
      if (path === '/healthz') return send(response, answer(200, 'OK', plain));
      if (path !== '/metrics') return send(response, answer(404, '404 page not found\n', plain));
      const text =
        gauge('registry_endpoints_total', figures.registry) +
        gauge('source_endpoints_total', figures.source) +
        gauge('controller_last_sync_timestamp_seconds', figures.synced);
      send(response, answer(200, text, plain));
    });
  } catch {
    throw new Fatal(`listen tcp ${address}: bind: address already in use`);
  }
}

function connect(process: ContainerProcess, flags: Flags, log: Log): Client {
  log.info('Instantiating new Kubernetes client');
  log.debug(`apiServerURL: ${flags.text('server')}`);
  log.debug(`kubeConfig: ${flags.text('kubeconfig')}`);
  if (flags.text('kubeconfig')) {
    log.info('Using kubeConfig');
    throw new Fatal('a kubeconfig is not part of this simulated external-dns: it uses its ServiceAccount');
  }
  log.info('Using inCluster-config based on serviceaccount-token');
  let client: Client;
  try {
    client = inClusterClient(process, { userAgent: `ExternalDNS/${version}` });
  } catch (error) {
    throw new Fatal((error as Error).message);
  }
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  log.info(`Created Kubernetes client https://${host}:${port}`);
  return client;
}

const builders: Record<string, (context: SourceContext) => Promise<Source>> = {
  crd: crdSource,
  ingress: ingressSource,
  service: serviceSource,
};

async function serve(process: ContainerProcess, log: Log): Promise<void> {
  let flags: Flags;
  try {
    flags = parseFlags(process.argv.slice(1), process.env);
  } catch (error) {
    throw new Fatal(`flag parsing error: ${(error as Error).message}`);
  }
  log.info(`config: ${flags}`);
  validate(flags);
  const prefix = flags.text('annotation-prefix');
  if (prefix !== 'external-dns.alpha.kubernetes.io/') log.info(`Using custom annotation prefix: ${prefix}`);
  log.level = flags.text('log-level') as Level;
  log.format = flags.text('log-format') as Log['format'];
  if (flags.is('dry-run')) log.info('running in dry-run mode. No changes to DNS records will be made.');
  log.info(
    `GitCommitShort=simulated by Atelier, GoVersion=go1.25.5, Platform=linux/amd64, UserAgent=ExternalDNS/${version}`,
  );
  const ending = new AbortController();
  const end = () => ending.abort();
  process.killed.addEventListener('abort', end, { once: true });
  process.onSignal('SIGTERM', () => {
    log.info('Received SIGTERM. Terminating...');
    end();
  });
  const figures: Figures = { registry: 0, source: 0, synced: 0 };
  await serveMetrics(process, flags, log, figures);
  let client: Client | undefined;
  try {
    const sources: Source[] = [];
    for (const name of flags.list('source')) {
      // Known to the flags alone, in the real one too.
      if (name === 'empty') throw new Fatal('source not found');
      const build = builders[name];
      if (!build)
        throw new Fatal(`source ${name} is not part of this simulated external-dns: use crd, ingress or service`);
      client ??= connect(process, flags, log);
      sources.push(await build({ process, flags, log, client, signal: ending.signal }));
    }
    const provider = await createProvider(process, flags, log);
    const registry = createRegistry(flags, provider, log);
    const onRun = (outcome: Omit<Figures, 'synced'>) =>
      Object.assign(figures, outcome, { synced: Math.floor(process.container.clock.now().getTime() / 1000) });
    const controller = createController({ process, flags, log, sources, provider, registry, onRun });
    if (flags.is('once')) await controller.runOnce();
    else await controller.run(ending.signal);
  } finally {
    end();
    client?.close();
  }
}

const externalDnsProgram: Program = async (process) => {
  const [first] = process.argv.slice(1);
  if (first === '--version') {
    await process.stdout.write(`${version}\n`);
    return 0;
  }
  const log = createLog(process);
  try {
    await serve(process, log);
    await log.written();
    return 0;
  } catch (error) {
    if (process.killed.aborted) throw error;
    log.fatal((error as Error).message);
    await log.written();
    return 1;
  }
};

/** Brings names of Ingresses, Services and DNSEndpoints into a zone, as `registry.k8s.io/external-dns/external-dns` does; simulated, and its first lines say so. */
export const externalDns: Image = {
  match: /^(?:registry\.k8s\.io\/external-dns\/external-dns|(?:docker\.io\/)?bitnamilegacy\/external-dns)$/,
  tags: /^v?0\.(?:1[89]|20)\.\d+$/,
  names: ['registry.k8s.io/external-dns/external-dns'],
  load: { request: 1, memory: 24 << 20 },
  config: {
    entrypoint: ['/ko-app/external-dns'],
    cmd: [],
    env: {},
    workingDir: '/',
    user: 65532,
    exposedPorts: [7979],
  },
  programs: { '/ko-app/external-dns': externalDnsProgram, '/bin/external-dns': externalDnsProgram },
};
