import { request as httpRequest } from 'node:http';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import type { Loose } from '../../../../kubernetes/object.ts';
import type { Clock, Timer } from '../../clock.ts';
import type { PodNetwork } from '../network/network.ts';
import { expand } from './environment.ts';
import { probeGrpc } from './grpc-probe.ts';
import type { Instance } from './records.ts';
import { timings } from './stages/timings.ts';

/** Real milliseconds an answer may take while time is skipped. */
const leastPatience = 300;

export type ProbeKind = 'Readiness' | 'Liveness' | 'Startup';
type Outcome = { ok: true; warning?: string } | { ok: false; output: string } | { errored: string };

export interface ProbeTarget {
  ip: string;
  network: PodNetwork;
  container: Loose;
  instance: Instance;
}

// What a probe reads of an answer, and of a command's output.
const longestOutput = 10 << 10;

/** One try. https://kubernetes.io/docs/concepts/configuration/liveness-readiness-startup-probes/ */
async function probeOnce(probe: Loose, target: ProbeTarget, clock: Clock): Promise<Outcome> {
  const limit = (probe.timeoutSeconds ?? 1) * 1000;
  const { ip, container, network } = target;
  if (probe.exec) return probeExec(probe.exec.command ?? [], target, limit, clock);
  if (probe.httpGet) {
    const port = portOf(probe.httpGet.port, container);
    if (port === undefined) return { errored: missingPort(probe.httpGet.port) };
    return probeHttp(probe.httpGet, port, target, limit, clock);
  }
  if (probe.tcpSocket) {
    const port = portOf(probe.tcpSocket.port, container);
    if (port === undefined) return { errored: missingPort(probe.tcpSocket.port) };
    const host = probe.tcpSocket.host || ip;
    try {
      const socket = await within(limit, clock, host === ip ? network.fromNode(port) : network.connect(host, port));
      socket.destroy();
      return { ok: true };
    } catch (error) {
      return { ok: false, output: dialError(host, port, error) };
    }
  }
  if (probe.grpc) {
    const { port, service } = probe.grpc;
    const dial = () => network.fromNode(port);
    const output = await probeGrpc(
      { host: ip, port, service: service ?? '', limit, least: leastPatience, dial },
      clock,
    );
    return output === undefined ? { ok: true } : { ok: false, output };
  }
  return { errored: 'missing probe handler' };
}

async function probeExec(command: string[], target: ProbeTarget, limit: number, clock: Clock): Promise<Outcome> {
  const known: Record<string, string> = {};
  for (const entry of target.container.env ?? []) if (entry.value !== undefined) known[entry.name] = entry.value;
  const argv = command.map((word) => expand(word, known));
  const result = await runCommand(target.instance, argv, limit, clock);
  if ('timedOut' in result)
    return { ok: false, output: `command timed out: "${argv.join(' ')}" timed out after ${limit / 1000}s` };
  if ('startError' in result) return { errored: execFailure(target.instance.id, result.startError) };
  return result.code === 0 ? { ok: true } : { ok: false, output: result.output };
}

export type CommandResult = { code: number; output: string } | { startError: string } | { timedOut: true };

/** Runs a command in a container for the kubelet itself: a probe, a hook. `limit` 0 waits as long as it takes. */
export async function runCommand(
  instance: Instance,
  argv: string[],
  limit: number,
  clock: Clock,
): Promise<CommandResult> {
  const startError = instance.container.startError(argv[0] ?? '');
  if (startError) return { startError };
  const chunks: Uint8Array[] = [];
  let size = 0;
  const take = (data: Uint8Array) => {
    if (size < longestOutput) chunks.push(data);
    size += data.length;
  };
  const started = instance.container.start({ argv, stdout: take, stderr: take });
  const output = () => Buffer.concat(chunks).toString('utf8');
  if (!limit) return { code: await started.exit, output: output() };
  try {
    return { code: await within(limit, clock, started.exit), output: output() };
  } catch {
    started.signal('SIGKILL');
    return { timedOut: true };
  }
}

/** How the runtime words a command that cannot be started. */
export function execFailure(id: string, why: string): string {
  return `failed to exec in container: failed to start exec "${id.slice(13)}": OCI runtime exec failed: exec failed: unable to start container process: ${why}: unknown`;
}

function probeHttp(action: Loose, port: number, target: ProbeTarget, limit: number, clock: Clock): Promise<Outcome> {
  const scheme = (action.scheme ?? 'HTTP').toLowerCase();
  const host = action.host || target.ip;
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  const url = `${scheme}://${host}:${port}${path}`;
  const headers: Record<string, string> = { 'user-agent': 'kube-probe/1.35', accept: '*/*', connection: 'close' };
  for (const { name, value } of action.httpHeaders ?? []) headers[name.toLowerCase()] = value;
  headers.host ??= `${host}:${port}`;
  return new Promise((resolve) => {
    let socket: Duplex | undefined;
    let done = false;
    const finish = (outcome: Outcome) => {
      if (done) return;
      done = true;
      timer.cancel();
      socket?.destroy();
      resolve(outcome);
    };
    const timer = clock.after(
      limit,
      () =>
        finish({
          ok: false,
          output: `Get "${url}": context deadline exceeded${socket ? ' (Client.Timeout exceeded while awaiting headers)' : ''}`,
        }),
      Math.min(limit, leastPatience),
    );
    const opened = host === target.ip ? target.network.fromNode(port) : target.network.connect(host, port);
    opened.then(
      (connection) => {
        socket = connection;
        if (done) return void connection.destroy();
        // As the kubelet: whose certificate it is does not matter to a probe.
        const secure = () => connectTls({ socket: connection, rejectUnauthorized: false });
        const createConnection = () => (scheme === 'https' ? secure() : connection) as never;
        const request = httpRequest({ createConnection, method: 'GET', path, headers }, (response) => {
          response.resume();
          const code = response.statusCode ?? 0;
          if (code >= 200 && code < 300) finish({ ok: true });
          else if (code >= 300 && code < 400)
            finish({ ok: true, warning: 'Probe terminated redirects, Response body: ' });
          else finish({ ok: false, output: `HTTP probe failed with statuscode: ${code}` });
        });
        request.on('error', (error) => finish({ ok: false, output: `Get "${url}": ${goError(error)}` }));
        request.end();
      },
      (error) => finish({ ok: false, output: `Get "${url}": ${dialError(host, port, error)}` }),
    );
  });
}

function goError(error: NodeJS.ErrnoException): string {
  if (error.code === 'ECONNRESET') return 'EOF';
  return error.message;
}

/** How Go's dialer words it. */
export function dialError(host: string, port: number, error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'ECONNREFUSED') return `dial tcp ${host}:${port}: connect: connection refused`;
  if (code === 'ENOTFOUND') return `dial tcp: lookup ${host}: no such host`;
  if (code === 'EHOSTUNREACH') return `dial tcp ${host}:${port}: connect: no route to host`;
  if (code === 'ETIMEDOUT') return `dial tcp ${host}:${port}: i/o timeout`;
  return message;
}

/** A number, or the name of one of the container's ports. */
export function portOf(port: number | string, container: Loose): number | undefined {
  if (typeof port === 'number') return port;
  if (/^\d+$/.test(port)) return Number(port);
  return (container.ports ?? []).find((candidate: Loose) => candidate.name === port)?.containerPort;
}

const missingPort = (port: string | number) => `strconv.Atoi: parsing "${port}": invalid syntax`;

function within<T>(limit: number, clock: Clock, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const timedOut = () => {
      const error: NodeJS.ErrnoException = new Error('timed out');
      error.code = 'ETIMEDOUT';
      reject(error);
    };
    const timer = clock.after(limit, timedOut, Math.min(limit, leastPatience));
    work.then(resolve, reject).finally(() => timer.cancel());
  });
}

export interface ProberEvents {
  /** The result crossed its threshold. */
  onResult(kind: ProbeKind, ok: boolean): void;
  onEvent(reason: 'Unhealthy' | 'ProbeWarning', message: string): void;
  isStarted(): boolean;
}

/** Probes one instance of a container until it is stopped. */
export class Prober {
  readonly #timers = new Set<Timer>();
  #stopped = false;
  readonly #restart: (() => void)[] = [];

  constructor(target: ProbeTarget, clock: Clock, events: ProberEvents) {
    const { container } = target;
    const list: [ProbeKind, Loose][] = [
      ['Startup', container.startupProbe],
      ['Readiness', container.readinessProbe],
      ['Liveness', container.livenessProbe],
    ];
    for (const [kind, probe] of list) if (probe) this.#run(kind, probe, target, clock, events);
  }

  /** The container has started: its other probes begin now. */
  started(): void {
    for (const begin of this.#restart.splice(0)) begin();
  }

  stop(): void {
    this.#stopped = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }

  #run(kind: ProbeKind, probe: Loose, target: ProbeTarget, clock: Clock, events: ProberEvents): void {
    const period = (probe.periodSeconds ?? 10) * 1000;
    let run = 0;
    let last: boolean | undefined;
    const again = (wait: number) => {
      if (this.#stopped) return;
      const timer = clock.after(wait, () => {
        this.#timers.delete(timer);
        void tryIt();
      });
      this.#timers.add(timer);
    };
    const tryIt = async () => {
      const began = clock.monotonic();
      let outcome = await probeOnce(probe, target, clock);
      for (let retry = 1; retry < 3 && 'errored' in outcome; retry += 1)
        outcome = await probeOnce(probe, target, clock);
      if (this.#stopped) return;
      const wait = Math.max(0, period - (clock.monotonic() - began));
      if ('errored' in outcome) {
        events.onEvent('Unhealthy', `${kind} probe errored and resulted in unknown state: ${outcome.errored}`);
        return again(wait);
      }
      if (!outcome.ok) events.onEvent('Unhealthy', `${kind} probe failed: ${outcome.output}`);
      else if (outcome.warning) events.onEvent('ProbeWarning', `${kind} probe warning: ${outcome.warning}`);
      run = last === outcome.ok ? run + 1 : 1;
      last = outcome.ok;
      const threshold = outcome.ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
      if (run >= threshold) {
        events.onResult(kind, outcome.ok);
        // These two have decided: the one about a container that is up, the other about one that goes.
        if (kind === 'Startup' || (kind === 'Liveness' && !outcome.ok)) return;
      }
      again(wait);
    };
    const begin = () => {
      const passed = clock.monotonic() - target.instance.startedAt;
      again(Math.max(timings.firstProbe, (probe.initialDelaySeconds ?? 0) * 1000 - passed));
    };
    if (kind === 'Startup' || events.isStarted()) begin();
    else this.#restart.push(begin);
  }
}
