import { request as httpRequest } from 'node:http';
import { isDeepStrictEqual } from 'node:util';
import { formatDuration } from '../../../../kubernetes/duration.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { ConfigError } from './environment.ts';
import { ImageError, type Images } from './images.ts';
import { dialError, execFailure, type ProbeKind, Prober, portOf, runCommand } from './probes.ts';
import { type ContainerRecord, fieldPath, type Instance } from './records.ts';
import { create, limitsOf, type PodContext, StartError, start, timestamp } from './runtime.ts';
import { nextDelay, timings } from './stages/timings.ts';

export interface ContainerHost {
  context(): PodContext;
  images: Images;
  event(type: 'Normal' | 'Warning', reason: string, message: string, field?: string): void;
  /** Something about a container changed: its status is written and the pod looked at again. */
  changed(): void;
  /** Looks at the pod again after so many milliseconds. */
  wake(milliseconds: number): void;
  /** Resolves when programs may read what is mounted. */
  prepared(record: ContainerRecord): Promise<void> | undefined;
  /** The pod is on its way out. */
  leaving(): boolean;
}

/** Starts, probes and ends the containers of one pod; what it finds stands in their records. */
export class Containers {
  readonly #host: ContainerHost;
  readonly #probers = new Map<ContainerRecord, Prober>();

  constructor(host: ContainerHost) {
    this.#host = host;
  }

  /** Starts the container, now or when its back-off is over. */
  run(record: ContainerRecord): void {
    const { clock } = this.#host.context();
    const now = clock.monotonic();
    if (record.busy || record.instance) return;
    if (record.notBefore > now) {
      this.#host.wake(record.notBefore - now);
      return;
    }
    if ('terminated' in record.state || record.last) {
      if (this.#backsOff(record, now)) return;
    }
    record.busy = true;
    this.#start(record)
      .catch((error) => this.#failed(record, error))
      .finally(() => {
        record.busy = false;
        this.#host.changed();
      });
  }

  /** CrashLoopBackOff: 10 s, doubling up to five minutes, forgotten after ten good ones. */
  #backsOff(record: ContainerRecord, now: number): boolean {
    const { first, longest } = timings.restartBackOff;
    if (record.restarts && record.endedAt - record.restarts.since > 2 * longest) delete record.restarts;
    const wait = record.restarts ? record.endedAt + record.restarts.delay - now : 0;
    if (wait <= 0) {
      record.restarts = { delay: nextDelay(record.restarts, { first, longest }), since: now };
      return false;
    }
    const shown = now - record.endedAt;
    if (shown < timings.exitShown) {
      this.#host.wake(timings.exitShown - shown);
      return true;
    }
    const { pod } = this.#host.context();
    const name = `${pod.metadata.name}_${pod.metadata.namespace}(${pod.metadata.uid})`;
    if ('terminated' in record.state) record.last = record.state.terminated;
    record.state = {
      waiting: {
        reason: 'CrashLoopBackOff',
        message: `back-off ${formatDuration(record.restarts!.delay)} restarting failed container=${record.name} pod=${name}`,
      },
    };
    this.#host.event(
      'Warning',
      'BackOff',
      `Back-off restarting failed container ${record.name} in pod ${name}`,
      fieldPath(record),
    );
    record.notBefore = now + Math.min(wait, timings.resync);
    this.#host.wake(record.notBefore - now);
    return true;
  }

  async #start(record: ContainerRecord): Promise<void> {
    const host = this.#host;
    const context = host.context();
    const field = fieldPath(record);
    const pulled = host.images.ensure(record, (type, reason, message) => host.event(type, reason, message, field));
    const image = pulled instanceof Promise ? await pulled : pulled;
    const instance = await create(context, record, image);
    const prepared = host.prepared(record);
    if (prepared) await prepared;
    if (host.leaving()) return;

    const again = Boolean(record.containerID);
    if ('terminated' in record.state) record.last = record.state.terminated;
    if (again) record.restartCount += 1;
    record.image = image.canonicalReference;
    record.imageID = image.imageId;
    record.containerID = instance.id;
    if (record.log) record.previousLog = record.log;
    record.log = instance.log;
    delete record.pulls;
    host.event('Normal', 'Created', 'Container created', field);
    try {
      start(record, instance, context.clock, (code) => this.#exited(record, instance, code));
    } catch (error) {
      if (!(error instanceof StartError)) throw error;
      const finishedAt = timestamp(context.clock.now());
      record.last = {
        exitCode: 128,
        reason: 'StartError',
        message: error.message,
        startedAt: '1970-01-01T00:00:00Z',
        finishedAt,
        containerID: instance.id,
      };
      record.endedAt = context.clock.monotonic();
      throw error;
    }
    record.instance = instance;
    instance.container.memory.check();
    record.state = { running: { startedAt: instance.startedDate } };
    host.event('Normal', 'Started', 'Container started', field);
    if (image.generic) {
      host.event(
        'Normal',
        'Simulated',
        `Nobody plays image "${record.spec.image}": a generic container stands in`,
        field,
      );
    }
    const hook = record.spec.lifecycle?.postStart;
    if (hook) {
      // Until the hook is through the container counts as running, but neither started nor probed.
      host.changed();
      const why = await this.#hook(hook, record, instance);
      if (why !== undefined) {
        host.event('Warning', 'FailedPostStartHook', 'PostStartHook failed', field);
        await this.stop(record, this.#grace(), 'FailedPostStartHook');
        return;
      }
      if (record.instance !== instance) return;
    }
    record.started = !record.spec.startupProbe;
    record.ready = record.started && !record.spec.readinessProbe && record.role !== 'init';
    this.#probe(record, instance);
  }

  #failed(record: ContainerRecord, error: unknown): void {
    const now = this.#host.context().clock.monotonic();
    const field = fieldPath(record);
    if (error instanceof ImageError) {
      this.#host.event('Warning', 'Failed', `Error: ${error.reason}`, field);
      record.state = { waiting: { reason: error.reason, message: error.message } };
      record.notBefore = now + error.retry;
    } else if (error instanceof StartError) {
      this.#host.event('Warning', 'Failed', `Error: ${error.message}`, field);
      record.state = { waiting: { reason: 'RunContainerError', message: error.message } };
      record.notBefore = now + timings.exitShown;
    } else {
      const reason = error instanceof ConfigError ? 'CreateContainerConfigError' : 'CreateContainerError';
      const message = error instanceof Error ? error.message : String(error);
      this.#host.event('Warning', 'Failed', `Error: ${message}`, field);
      record.state = { waiting: { reason, message } };
      record.notBefore = now + timings.resync;
    }
  }

  #probe(record: ContainerRecord, instance: Instance): void {
    const { spec } = record;
    if (!spec.startupProbe && !spec.readinessProbe && !spec.livenessProbe) return;
    const { ip, network, clock } = this.#host.context();
    const prober: Prober = new Prober({ ip, network, container: spec, instance }, clock, {
      isStarted: () => record.started,
      onEvent: (reason, message) => this.#host.event('Warning', reason, message, fieldPath(record)),
      onResult: (kind, ok) => {
        if (record.instance === instance && !instance.stopping) this.#judged(record, prober, kind, ok);
      },
    });
    this.#probers.set(record, prober);
  }

  #judged(record: ContainerRecord, prober: Prober, kind: ProbeKind, ok: boolean): void {
    if (kind === 'Readiness') {
      if (record.ready === ok) return;
      record.ready = ok;
      this.#host.changed();
      return;
    }
    if (!ok) {
      const what = record.role === 'sidecar' ? 'Init container' : 'Container';
      const grace = record.spec[`${kind.toLowerCase()}Probe`].terminationGracePeriodSeconds;
      void this.stop(
        record,
        grace === undefined ? this.#grace() : grace * 1000,
        `${what} ${record.name} failed ${kind.toLowerCase()} probe, will be restarted`,
      );
    } else if (kind === 'Startup') {
      record.started = true;
      if (!record.spec.readinessProbe) record.ready = true;
      prober.started();
      this.#host.changed();
    }
  }

  #exited(record: ContainerRecord, instance: Instance, code: number): void {
    const { clock } = this.#host.context();
    this.#probers.get(record)?.stop();
    this.#probers.delete(record);
    const message = this.#lastWords(record, instance, code);
    record.state = {
      terminated: {
        exitCode: code,
        reason: instance.container.outOfMemory ? 'OOMKilled' : code === 0 ? 'Completed' : 'Error',
        ...(message && { message }),
        startedAt: instance.startedDate,
        finishedAt: timestamp(clock.now()),
        containerID: instance.id,
      },
    };
    record.started = false;
    record.ready = record.role === 'init' && code === 0;
    record.endedAt = clock.monotonic();
    record.notBefore = 0;
    delete record.instance;
    this.#host.changed();
  }

  /** https://kubernetes.io/docs/tasks/debug/debug-application/determine-reason-pod-failure/ */
  #lastWords(record: ContainerRecord, instance: Instance, code: number): string {
    const message = instance.container.terminationMessage(record.spec.terminationMessagePath);
    if (message || code === 0 || record.spec.terminationMessagePolicy !== 'FallbackToLogsOnError') return message;
    return instance.log.tail(80, 2048);
  }

  #grace(): number {
    return (this.#host.context().pod.spec.terminationGracePeriodSeconds ?? 30) * 1000;
  }

  /** Ends a container: hook, TERM, and KILL once `grace` milliseconds are over. Resolves when it is gone. */
  stop(record: ContainerRecord, grace: number, message = `Stopping container ${record.name}`): Promise<void> {
    const { instance } = record;
    if (!instance) return Promise.resolve();
    instance.stopping ??= this.#stop(record, instance, grace, message);
    return instance.stopping;
  }

  /** The pod names another image now: what runs is ended for it, what waits is tried at once. */
  redefined(record: ContainerRecord, grace: number): void {
    delete record.pulls;
    record.notBefore = 0;
    if (record.instance) {
      void this.stop(record, grace, `Container ${record.name} definition changed, will be restarted`);
    } else if ('waiting' in record.state && !record.containerID) record.image = record.spec.image;
  }

  /** Other resources while it runs; it is started anew only where its policy says so. https://kubernetes.io/docs/tasks/configure-pod-container/resize-container-resources/ */
  resized(record: ContainerRecord, spec: Loose, grace: number): void {
    const before = record.spec.resources ?? {};
    const { resources = {}, resizePolicy = [] } = spec;
    if (isDeepStrictEqual(before, resources)) return;
    record.spec = { ...record.spec, resources, ...(spec.resizePolicy && { resizePolicy }) };
    const { instance } = record;
    if (!instance) return;
    const changed = (name: string): boolean =>
      before.limits?.[name] !== resources.limits?.[name] || before.requests?.[name] !== resources.requests?.[name];
    const restart = resizePolicy.some(
      (policy: Loose) => policy.restartPolicy === 'RestartContainer' && changed(policy.resourceName),
    );
    if (restart) {
      void this.stop(record, grace, `Container ${record.name} resize requires restart`);
      return;
    }
    const { cpu, memory } = limitsOf(record.spec);
    instance.cpu.limit(cpu);
    instance.container.memory.limitTo(memory);
  }

  /** A container that is being ended gets less time than it was told. */
  hurry(record: ContainerRecord, grace: number): void {
    const { instance } = record;
    if (!instance) return;
    const { clock } = this.#host.context();
    const timer = clock.after(grace, () => instance.container.kill());
    void instance.ended.then(() => timer.cancel());
  }

  async #stop(record: ContainerRecord, instance: Instance, grace: number, message: string): Promise<void> {
    const { clock } = this.#host.context();
    const deadline = clock.monotonic() + grace;
    this.#probers.get(record)?.stop();
    this.#host.event('Normal', 'Killing', message, fieldPath(record));
    const hook = record.spec.lifecycle?.preStop;
    if (hook && grace > 0) {
      await Promise.race([
        this.#hook(hook, record, instance).then((why) => {
          if (why) this.#host.event('Warning', 'FailedPreStopHook', 'PreStopHook failed', fieldPath(record));
        }),
        instance.ended,
        new Promise<void>((resolve) => {
          clock.after(grace, resolve);
        }),
      ]);
    }
    const left = grace === 0 ? 0 : Math.max(deadline - clock.monotonic(), hook ? timings.leastGrace : 0);
    const timer = clock.after(left, () => instance.container.kill());
    if (left > 0) instance.container.signalFromNode(1, instance.container.imageConfig.stopSignal ?? 'SIGTERM');
    await instance.ended;
    timer.cancel();
  }

  /** Runs a lifecycle hook; the answer is why it failed. https://kubernetes.io/docs/concepts/containers/container-lifecycle-hooks/ */
  async #hook(hook: Loose, record: ContainerRecord, instance: Instance): Promise<string | undefined> {
    const { clock, network, ip } = this.#host.context();
    if (hook.exec) {
      const result = await Promise.race([
        runCommand(instance, hook.exec.command ?? [], 0, clock),
        instance.ended.then(() => ({ code: 137, output: '' })),
      ]);
      if ('startError' in result) return execFailure(instance.id, result.startError);
      return 'code' in result && result.code !== 0 ? `command exited with ${result.code}: ${result.output}` : undefined;
    }
    if (hook.sleep) {
      await Promise.race([
        new Promise<void>((resolve) => {
          clock.after((hook.sleep.seconds ?? 0) * 1000, resolve);
        }),
        instance.ended,
      ]);
      return undefined;
    }
    if (hook.httpGet) {
      const host = hook.httpGet.host || ip;
      const port = portOf(hook.httpGet.port, record.spec) ?? 80;
      try {
        const socket = await (host === ip ? network.fromNode(port) : network.connect(host, port));
        return await new Promise((resolve) => {
          const request = httpRequest(
            {
              createConnection: () => socket as never,
              path: hook.httpGet.path || '/',
              headers: { host: `${host}:${port}` },
            },
            (response) => {
              response.resume();
              resolve(undefined);
            },
          );
          request.on('error', (error) => resolve(error.message));
          request.end();
        });
      } catch (error) {
        return dialError(host, port, error);
      }
    }
    return undefined;
  }

  /** No probe runs on. */
  close(): void {
    for (const prober of this.#probers.values()) prober.stop();
    this.#probers.clear();
  }
}
