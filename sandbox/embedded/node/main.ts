import { appendFileSync } from 'node:fs';
import { enableCompileCache } from 'node:module';
import type { Server } from 'node:net';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { createClock, type Skip, type SkippableClock } from '../clock.ts';
import type { GivenListener, IngressPorts } from '../ingress-ports.ts';
import type { EmbeddedNodes } from './open-nodes.ts';

enableCompileCache();
// As in process 1: memory that is soon free again is not kept.
setFlagsFromString('--semi-space-growth-factor=1');

/** What the process that started this one asks for, over IPC. */
export type NodeRequest =
  | {
      type: 'open';
      name: string;
      kubeconfig: string;
      directory: string;
      domain?: string;
      /** Authorities that containers trust: PEM. */
      trusted?: string;
      /** Domain of the learner's DNS zone. */
      zone?: string;
      /** Where its hosts answer. */
      ingress?: IngressPorts;
      /** How many nodes. */
      nodes?: number;
      passThrough?: boolean;
      skips?: Skip[];
    }
  | { type: 'skip'; name: string; milliseconds: number }
  | { type: 'close'; name: string }
  | GivenListener;

/** What it is told. */
export type NodeReply =
  | { type: 'ready'; name: string; proxy: string; port: number }
  | { type: 'closed'; name: string }
  /** Each skip is answered, with the number of timers it fired. */
  | { type: 'skipped'; name: string; fired: number }
  | { type: 'failed'; name: string; message: string };

const { openNodes } = await import('./open-nodes.ts');
const { createFrontDoor } = await import('./network/front-door/front-door.ts');
const { createNeighbours } = await import('./network/neighbours.ts');
const { readKubeconfig } = await import('../client/kubeconfig.ts');
const neighbours = createNeighbours();
const [, , home] = process.argv;
const frontDoor = createFrontDoor({ clock: createClock(), authority: home && join(home, 'workshop-ca') });
const nodes = new Map<string, Promise<EmbeddedNodes>>();
const clocks = new Map<string, SkippableClock>();
const reply = (message: NodeReply) => void process.send?.(message);

async function open(request: Extract<NodeRequest, { type: 'open' }>): Promise<void> {
  // A workshop, whose learners share the machine, sends false.
  const { name, kubeconfig, directory, domain, zone, passThrough = true } = request;
  const log = (message: string) => {
    try {
      appendFileSync(join(directory, 'errors.log'), `${new Date().toISOString()} node: ${message}\n`);
    } catch {
      // A full disk must not take the node down with it.
    }
  };
  const clock = createClock(request.skips);
  clocks.set(name, clock);
  if (zone) frontDoor.expect(name, zone);
  for (let wait = 500; ; wait = Math.min(wait * 2, 10_000)) {
    const opened = openNodes({
      name,
      kubeconfig,
      directory,
      passThrough,
      clock,
      log,
      neighbours,
      ...(domain && { clusterDomain: domain }),
      ...(request.trusted && { trusted: request.trusted }),
      ...(zone && { zone }),
      ...(request.ingress && { ingress: request.ingress }),
      ...(request.nodes && { count: request.nodes }),
      // More pods than a node of this size takes, for measuring.
      size: {
        cpu: process.env.ATELIER_NODE_CPU || '4',
        memory: '8Gi',
        pods: process.env.ATELIER_NODE_PODS || '110',
      },
    });
    nodes.set(name, opened);
    try {
      const { proxy, machines, ...cluster } = await opened;
      frontDoor.ready(name, cluster);
      neighbours.enter(name, readKubeconfig(kubeconfig).server);
      reply({ type: 'ready', name, proxy, port: machines[0]?.port ?? 0 });
      return;
    } catch (error) {
      log(error instanceof Error ? (error.stack ?? error.message) : String(error));
      reply({ type: 'failed', name, message: error instanceof Error ? error.message : String(error) });
    }
    // An API that is not there yet, or has a bad moment: as long as the cluster is wanted, its node is.
    await new Promise<void>((resolve) => {
      clock.after(wait, resolve);
    });
    if (clocks.get(name) !== clock) return;
  }
}

async function close(name: string): Promise<void> {
  const node = nodes.get(name);
  nodes.delete(name);
  clocks.delete(name);
  neighbours.leave(name);
  frontDoor.leave(name);
  await node?.then((opened) => opened.close()).catch(() => {});
  reply({ type: 'closed', name });
}

async function end(): Promise<void> {
  await Promise.all([frontDoor.close(), ...[...nodes.keys()].map(close)]);
  process.exit(0);
}

process.on('message', (request: NodeRequest, listener?: Server) => {
  if (request.type === 'open') void open(request);
  else if (request.type === 'skip') {
    const { name, milliseconds } = request;
    reply({ type: 'skipped', name, fired: clocks.get(name)?.skip(milliseconds) ?? 0 });
  } else if (request.type === 'close') void close(request.name);
  else if (request.type === 'listener' && listener) frontDoor.serve(request.scheme, listener);
});
// Whoever started us is gone: so are we.
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', end);
process.on('SIGINT', end);
