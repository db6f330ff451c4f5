import { accessSync, constants, mkdirSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { domainFault } from './domain.ts';
import { type IngressWish, ingressWish, openIngress } from './ingress-ports.ts';

// Before anything large is loaded: the second start is twice as fast.
enableCompileCache();
// A young generation that never grows: a third less memory under load, at the same speed.
setFlagsFromString('--semi-space-growth-factor=1');

interface Flags {
  home: string;
  name: string;
  port: number;
  gaps: boolean;
  node: boolean;
  nodes: number;
  /** Of the hosts of Ingresses. */
  domain: string;
  /** As it was given. */
  ingressPorts: string | undefined;
  wish: IngressWish | undefined;
}

/** Milliseconds for another start on the same home to be done. */
const patience = 30_000;

/** One sentence, and out. */
function fail(message: string, code: number): never {
  process.stderr.write(`atelier: ${message.replace(/\.?$/, '.')}\n`);
  process.exit(code);
}

function readFlags(): Flags {
  try {
    const { values } = parseArgs({
      options: {
        home: { type: 'string', default: process.env.ATELIER_HOME || '.atelier' },
        name: { type: 'string', default: 'main' },
        port: { type: 'string', default: '0' },
        gaps: { type: 'boolean', default: false },
        'no-node': { type: 'boolean', default: false },
        nodes: { type: 'string', default: process.env.ATELIER_NODES || '3' },
        domain: { type: 'string', default: process.env.ATELIER_DOMAIN || '' },
        'ingress-ports': { type: 'string', default: process.env.ATELIER_INGRESS_PORTS || '' },
      },
    });
    const port = Number(values.port);
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      fail(`--port ${values.port} is no port: give 0 to 65535`, 2);
    const nodes = Number(values.nodes);
    if (!Number.isInteger(nodes) || nodes < 1 || nodes > 9)
      fail(`--nodes ${values.nodes} is no number of nodes: give 1 to 9`, 2);
    const { name, gaps } = values;
    const domain = values.domain || `${name}.localhost`;
    const fault = values.domain && domainFault(domain);
    if (fault) fail(fault, 2);
    const ingressPorts = values['ingress-ports'] || undefined;
    return {
      home: resolve(values.home),
      name,
      port,
      gaps,
      node: !values['no-node'],
      nodes,
      domain,
      ingressPorts,
      wish: ingressWish(ingressPorts),
    };
  } catch (error) {
    return fail(error instanceof Error ? error.message : String(error), 2);
  }
}

function sentence(error: unknown, flags: Flags): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EADDRINUSE') return `Port ${flags.port} is in use: choose another with --port, or 0 for any`;
  if (code === 'EEXIST' || code === 'ENOTDIR') return `${flags.home} is not a folder: choose another with --home`;
  if (code === 'EACCES' || code === 'EROFS' || code === 'EPERM')
    return `${flags.home} cannot be written: choose another folder with --home`;
  if (code === 'ENOSPC') return `${flags.home} is on a full disk: make room, or choose another folder with --home`;
  return message;
}

/** `trouble`: why the hosts of Ingresses do not answer, though the cluster does. */
function announce({ kubeconfig, url, trouble }: { kubeconfig: string; url: string; trouble?: string }): void {
  if (trouble) process.stderr.write(`atelier: ${trouble}.\n`);
  process.stdout.write(`export KUBECONFIG=${kubeconfig}\n`);
  process.send?.({ type: 'ready', kubeconfig, url, ...(trouble && { trouble }) });
}

/** Resolves with the first SIGINT or SIGTERM, or when the process that forked this one is gone. */
function asked(): Promise<void> {
  return new Promise((end) => {
    process.on('SIGINT', () => end());
    process.on('SIGTERM', () => end());
    if (process.send) process.on('disconnect', () => end());
  });
}

async function start(flags: Flags): Promise<void> {
  mkdirSync(flags.home, { recursive: true, mode: 0o700 });
  accessSync(flags.home, constants.W_OK);
  const { askControl, dialControl, serveControl } = await import('./control-socket.ts');
  const { lockHome } = await import('./home-lock.ts');
  let lock: ReturnType<typeof lockHome>;
  let running = await dialControl(flags.home);
  for (const begun = performance.now(); !running; ) {
    lock = lockHome(flags.home);
    if (lock) break;
    // Another start has the home, and will say when it can be asked.
    if (performance.now() - begun > patience)
      throw new Error(`another start on ${flags.home} does not get ready: end it, or choose another home with --home`);
    await new Promise((resolve) => setTimeout(resolve, 30));
    running = await dialControl(flags.home);
  }
  if (running) {
    const { name, port, nodes, domain, ingressPorts } = flags;
    const asking = { type: 'open', name, port, nodes, domain, ...(ingressPorts && { ingressPorts }) } as const;
    const reply = await askControl(running, asking);
    if (reply.type !== 'opened') throw new Error(reply.type === 'error' ? reply.message : 'unexpected answer');
    const over = asked();
    announce(reply);
    await Promise.race([over, new Promise((end) => running.once('close', end))]);
    running.destroy();
    return;
  }
  const { Clusters } = await import('./clusters.ts');
  const { startNodeProcess } = await import('./node-process.ts');
  const { createClock } = await import('./clock.ts');
  const { logTo } = await import('./log.ts');
  const log = logTo(flags.home);
  process.on('uncaughtException', (error) => log(error.stack ?? error.message));
  process.on('unhandledRejection', (error) =>
    log(error instanceof Error ? (error.stack ?? error.message) : String(error)),
  );
  const onMessage = (message: object): void => void process.send?.({ ...message, from: 'node' });
  const clock = createClock();
  const ingress = flags.node ? await openIngress({ home: flags.home, wish: flags.wish, clock, log }) : undefined;
  const node = ingress && startNodeProcess({ home: flags.home, clock, log, onMessage, ingress });
  const clusters = new Clusters(flags.home, node, ingress);
  try {
    const opened = await clusters.open(flags);
    clusters.link(opened.kubeconfig);
    const control = await serveControl(flags.home, clusters);
    // Who reads that it is ready may end it at once.
    const over = asked();
    announce(opened);
    await over;
    control.close();
  } finally {
    ingress?.close();
    await node?.stop();
    await clusters.closeAll();
    lock?.release();
  }
}

const flags = readFlags();
if (flags.gaps) {
  const { gapsText } = await import('./control-plane/apiserver/gaps.ts');
  process.stdout.write(gapsText());
} else {
  await start(flags).catch((error) => fail(sentence(error, flags), 1));
  process.exit(0);
}
