import type { Client } from '../../../client/client.ts';
import { answer, listenHttp, send } from '../http/server.ts';
import type { ContainerProcess } from '../image.ts';
import { inClusterClient } from '../in-cluster/client.ts';
import { lead } from './leader.ts';
import { createLogger, type Logger } from './log.ts';
import { createLoops, type Loop } from './loops.ts';
import { Manager } from './manager.ts';
import { type Options, readOptions } from './options.ts';

const version = 'v1.21.2';

/** The controller of cert-manager, from its flags until it is told to end. Resolves with the exit code. */
export async function runController(process: ContainerProcess): Promise<number> {
  const { container } = process;
  const args = process.argv.slice(1);
  if (args.some((argument) => /^(--help|-h)$/.test(argument))) {
    await process.stdout.write(
      'cert-manager is a Kubernetes addon to automate the management and issuance of\nTLS certificates from various issuing sources.\n\n(simulated by Atelier)\n',
    );
    return 0;
  }
  const options = readOptions(args);
  if (typeof options === 'string') {
    await process.stderr.write(`Error: ${options}\n`);
    return 1;
  }
  const log = createLogger({
    write: (line) => void process.stderr.write(line).catch(() => undefined),
    now: () => container.clock.now(),
    verbosity: options.verbosity,
  }).named('controller');
  log.info('controller.go:78', 'starting cert-manager controller', {
    version: `${version} (simulated by Atelier)`,
    git_commit: 'none',
    go_version: 'none',
    platform: 'linux/amd64',
  });
  let client: Client;
  try {
    client = inClusterClient(process, { userAgent: `cert-manager-controller/${version} (linux/amd64) cert-manager` });
  } catch (error) {
    const message = `error creating rest config: ${(error as Error).message}`;
    log.error('main.go:40', message, 'error executing command');
    return 1;
  }
  const ending = new AbortController();
  const end = () => ending.abort();
  process.killed.addEventListener('abort', end, { once: true });
  const asked = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.onSignal(signal, () => resolve());
  });
  const { clock } = container;
  const manager = new Manager({ process, client, clock, log, options, signal: ending.signal });
  try {
    return await serve(manager, asked);
  } finally {
    ending.abort();
    client.close();
  }
}

async function serve(manager: Manager, asked: Promise<void>): Promise<number> {
  const { process, log, options } = manager;
  const loops = enabled(createLoops(manager), options);
  log.info(
    'controller.go:87',
    `enabled controllers: [${loops
      .map(({ name }) => name)
      .sort()
      .join(' ')}]`,
  );
  try {
    await listen(manager, log);
  } catch (error) {
    log.error('main.go:40', `listen tcp: ${(error as Error).message}`, 'error executing command');
    return 1;
  }
  const killed = new Promise<void>((resolve) => process.killed.addEventListener('abort', () => resolve()));
  const over = process.idle(Promise.race([asked, killed]));
  const leadership = options.leaderElect
    ? lead(manager, `${process.container.pod.hostname}-external-cert-manager-controller`)
    : undefined;
  if (leadership) {
    log.info('controller.go:182', 'starting leader election');
    const first = await Promise.race([leadership.won.then(() => 'won'), over.then(() => 'over')]);
    if (first === 'over') return 0;
  }
  const stop = manager.signal;
  for (const loop of loops) {
    log.info('controller.go:236', 'starting controller', { controller: loop.name });
    void Promise.all(loop.needs.map((resource) => manager.informer(resource).synced)).then(() => {
      if (!stop.aborted) loop.start();
    });
  }
  const lost = leadership?.lost.then(() => 'lost');
  const why = await Promise.race([over.then(() => 'over'), ...(lost ? [lost] : [])]);
  if (why === 'lost') {
    log.error('main.go:40', 'leader election lost', 'error executing command');
    return 1;
  }
  log.info('controller.go:146', 'shutting down queue as workqueue signaled shutdown', {}, 2);
  await leadership?.release();
  return 0;
}

/** `--controllers=*,-certificaterequests-approver` */
function enabled(loops: Loop[], { controllers }: Options): Loop[] {
  const off = controllers.filter((name) => name.startsWith('-')).map((name) => name.slice(1));
  const all = controllers.includes('*') || controllers.every((name) => name.startsWith('-'));
  return loops.filter(({ name }) => !off.includes(name) && (all || controllers.includes(name)));
}

async function listen(manager: Manager, log: Logger): Promise<void> {
  const { process, options } = manager;
  const plain = { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' };
  if (options.metricsPort) {
    log.info('controller.go:434', 'serving insecurely as tls certificate data not provided');
    log.info('controller.go:102', 'listening for insecure connections', { address: `0.0.0.0:${options.metricsPort}` });
    await listenHttp(process, options.metricsPort, ({ url }, response) => {
      const page = url?.split('?')[0] === '/metrics';
      send(response, page ? answer(200, manager.metrics.text(), plain) : answer(404, '404 page not found\n', plain));
    });
    log
      .named('metrics')
      .info('controller.go:129', 'starting metrics server', { address: `[::]:${options.metricsPort}` });
  }
  await listenHttp(process, options.healthzPort, ({ url }, response) => {
    const known = url?.startsWith('/livez') || url?.startsWith('/healthz');
    send(response, known ? answer(200, 'ok', plain) : answer(404, '404 page not found\n', plain));
  });
  log.named('healthz').info('controller.go:175', 'starting healthz server', { address: `[::]:${options.healthzPort}` });
}
