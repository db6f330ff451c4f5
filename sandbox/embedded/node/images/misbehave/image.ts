import type { IncomingMessage, ServerResponse } from 'node:http';
import { debianFiles, debianPrograms } from '../busybox/image.ts';
import { parentPath } from '../file-system/paths.ts';
import { listenGrpcHealth } from '../http/grpc.ts';
import { answer, listenHttp, send } from '../http/server.ts';
import type { ContainerProcess, Image, Program } from '../image.ts';
import { useCpu } from '../utilities/burn.ts';
import { forever, sizeOf, takeMemory } from '../utilities/memory.ts';

/** A wish in the environment that is none. */
class BadWish extends Error {}

/** What the environment asks for; sandbox/README.md lists it. */
class Wishes {
  private readonly env: Record<string, string>;
  constructor(env: Record<string, string>) {
    this.env = env;
  }
  has(name: string): boolean {
    return (this.env[name] ?? '') !== '' && this.env[name] !== 'false';
  }
  number(name: string): number | undefined {
    if (!this.has(name)) return undefined;
    const value = Number(this.env[name]);
    if (!(value >= 0)) throw new BadWish(`${name}=${this.env[name]}: a number is wanted`);
    return value;
  }
  bytes(name: string): number | undefined {
    if (!this.has(name)) return undefined;
    const value = sizeOf(this.env[name] ?? '');
    if (value === undefined) throw new BadWish(`${name}=${this.env[name]}: a size is wanted, such as 64Mi`);
    return value;
  }
  text(name: string): string | undefined {
    return this.has(name) ? this.env[name] : undefined;
  }
}

const CHUNK = 1 << 20;

const misbehave: Program = async (process) => {
  const { container } = process;
  const wishes = new Wishes(process.env);
  const say = (text: string) => process.stdout.write(`${text}\n`);
  await say(`misbehave: start ${container.attempt + 1} of ${container.pod.name}, simulated by Atelier`);
  try {
    return await live(process, wishes, say);
  } catch (error) {
    if (!(error instanceof BadWish)) throw error;
    await process.stderr.write(`misbehave: ${error.message}\n`);
    return 2;
  }
};

async function live(process: ContainerProcess, wishes: Wishes, say: (text: string) => Promise<void>): Promise<number> {
  const { clock } = process.container;
  const begun = clock.monotonic();
  const age = () => (clock.monotonic() - begun) / 1000;
  const code = wishes.number('EXIT_CODE') ?? 1;
  const stopped = new Promise<number>((resolve) => {
    process.onSignal('SIGTERM', () => {
      if (wishes.has('IGNORE_SIGTERM')) return void say('misbehave: SIGTERM ignored').catch(() => undefined);
      say('misbehave: SIGTERM')
        .then(() => process.sleep((wishes.number('STOP_AFTER') ?? 0) * 1000))
        .then(
          () => resolve(0),
          () => undefined,
        );
    });
  });
  const last = wishes.text('TERMINATION_MESSAGE');
  if (last !== undefined) process.fs.write('/dev/termination-log', last);
  const slow = wishes.number('START_AFTER') ?? 0;
  const crash = wishes.number('CRASH_AFTER') ?? (wishes.has('EXIT_CODE') || wishes.has('CRASH_TIMES') ? 0 : undefined);
  const crashes =
    crash !== undefined && process.container.attempt < (wishes.number('CRASH_TIMES') ?? Number.POSITIVE_INFINITY);
  const port = wishes.number('PORT') ?? 8080;
  const work: Promise<unknown>[] = [];
  const ends: Promise<number>[] = [stopped];
  const grpc = wishes.number('GRPC_PORT');
  const memory = wishes.bytes('MEMORY');
  const growth = wishes.bytes('MEMORY_PER_SECOND');
  const cpu = wishes.number('CPU');
  const disk = wishes.bytes('DISK');
  const lines = wishes.number('LOG_LINES');
  const unhealthy = wishes.number('UNHEALTHY_AFTER') ?? Number.POSITIVE_INFINITY;
  const readyAfter = wishes.has('NOT_READY') ? Number.POSITIVE_INFINITY : (wishes.number('READY_AFTER') ?? 0);
  const wait = wishes.number('LATENCY') ?? 0;
  const every = wishes.number('ERRORS_EVERY') ?? 0;
  let requests = 0;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = (request.url ?? '/').split('?')[0];
    if (path === '/healthz' || path === '/livez')
      return send(response, age() < unhealthy ? answer(200, 'ok\n') : answer(500, 'unhealthy\n'));
    if (path === '/ready' || path === '/readyz')
      return send(response, age() >= readyAfter ? answer(200, 'ok\n') : answer(503, 'not ready\n'));
    requests += 1;
    if (wait > 0) await process.sleep(wait * 1000);
    if (every > 0 && requests % every === 0) return send(response, answer(500, 'misbehave: an error, as asked for\n'));
    send(response, answer(200, `misbehave: request ${requests} of ${process.container.pod.name}\n`));
  }

  async function serve(): Promise<void> {
    await process.sleep(slow * 1000);
    await listenHttp(process, port, handle);
    await say(`misbehave: listening on port ${port}`);
    if (grpc) await listenGrpcHealth(process, grpc, () => age() >= readyAfter && age() < unhealthy);
  }

  if (crashes)
    ends.push(
      process.sleep((crash ?? 0) * 1000).then(async () => {
        await process.stderr.write(`misbehave: exits with ${code}\n`);
        return code;
      }),
    );
  if (!crashes || (crash ?? 0) > 0) work.push(serve());
  if (memory !== undefined) work.push(takeMemory(process, memory));
  if (growth !== undefined) work.push(grow(process, memory ?? 0, growth));
  if (cpu) work.push(useCpu(process, cpu));
  if (disk !== undefined) work.push(fill(process, wishes.text('DISK_PATH') ?? '/var/tmp/fill', disk));
  if (lines) work.push(chatter(process, lines));
  return Promise.race([...ends, ...work.map((one) => one.then(forever))]);
}

async function grow(process: ContainerProcess, from: number, perSecond: number): Promise<never> {
  for (let held = from; ; held += perSecond / 4) {
    await process.sleep(250);
    process.hold(held);
  }
}

async function fill(process: ContainerProcess, path: string, bytes: number): Promise<void> {
  const chunk = new Uint8Array(CHUNK);
  process.fs.makeDirectory(parentPath(path), { recursive: true });
  process.fs.write(path, '');
  for (let written = 0; written < bytes; written += CHUNK) {
    process.fs.write(path, chunk.subarray(0, Math.min(CHUNK, bytes - written)), { append: true });
    await process.sleep(5);
  }
}

async function chatter(process: ContainerProcess, perSecond: number): Promise<never> {
  for (let line = 1; ; ) {
    const until = line + Math.max(1, perSecond / 10);
    let text = '';
    for (; line < until; line += 1) text += `misbehave: line ${line} of many, as asked for\n`;
    await process.stdout.write(text);
    await process.sleep(Math.max(100, 1000 / perSecond));
  }
}

/** Ours: fails in the ways its environment names. */
export const misbehaving: Image = {
  match: /^atelier\.dev\/misbehave$/,
  tags: /^(?:latest|1(?:\.\d+){0,2})$/,
  names: ['atelier.dev/misbehave'],
  load: { request: 2, memory: 4 << 20 },
  config: { env: {}, workingDir: '/', user: 0, exposedPorts: [8080], entrypoint: ['/misbehave'], cmd: [] },
  programs: { ...debianPrograms, '/misbehave': misbehave },
  files: debianFiles,
};
