import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { ApiError } from '../../client/client.ts';
import type { Timer } from '../../clock.ts';
import type { PodNetwork } from '../network/network.ts';
import type { Refusal } from './admission.ts';
import { resources } from './configuration.ts';
import { Containers } from './containers.ts';
import { Mounting } from './mounting.ts';
import type { NodeContext } from './node-context.ts';
import { contextOf } from './pod-context.ts';
import { identityOf } from './pod-network.ts';
import { recordsOf } from './recall.ts';
import { type ContainerRecord, newRecord } from './records.ts';
import { type PodContext, timestamp } from './runtime.ts';
import { timings } from './stages/timings.ts';
import { restarts } from './status/phase.ts';
import { type PodVerdict, podStatus, rejectedStatus } from './status/pod-status.ts';
import { StatusWriter } from './status/status-writer.ts';
import { PodVolumes } from './volumes.ts';

/** Leads one pod through its life. Each call of `sync` does what is next and possible; all else is told by `changed`. */
export class PodWorker {
  pod: KubeObject;
  readonly records: ContainerRecord[] = [];
  ip: string | undefined;
  network: PodNetwork | undefined;
  readonly #node: NodeContext;
  readonly #volumes: PodVolumes;
  readonly #mounting: Mounting;
  readonly #containers: Containers;
  readonly #startTime: string;
  readonly #timers = new Set<Timer>();
  #context: PodContext | undefined;
  readonly #refusal: Refusal | undefined;
  readonly #writer: StatusWriter;
  #verdict: PodVerdict | undefined;
  #queued = false;
  #ending: Promise<void> | undefined;
  #ended = false;
  #removed = false;
  #initialized = false;
  #graceUntil = Number.POSITIVE_INFINITY;
  #wakeTimer: Timer | undefined;
  #wakeDue = 0;

  constructor(node: NodeContext, pod: KubeObject) {
    this.#node = node;
    this.pod = pod;
    this.#volumes = new PodVolumes(node.volumes);
    this.#mounting = new Mounting(this.#volumes, node.clock, {
      pod: () => this.pod,
      failed: (message) => node.event(this.pod, 'Warning', 'FailedMount', message),
      later: (milliseconds, run) => void this.#timer(milliseconds, run),
      done: () => this.changed(),
    });
    this.#startTime = pod.status?.startTime ?? timestamp(node.clock.now());
    this.#containers = new Containers({
      context: () => this.#need(),
      images: node.images,
      event: (type, reason, message, field) => node.event(this.pod, type, reason, message, field),
      changed: () => this.changed(),
      wake: (milliseconds) => this.#wake(milliseconds),
      // A command of the pod's author may read the pod's token at once, and so may who has an account of its own; other programs have theirs soon.
      prepared: ({ spec }) => {
        const own = (this.pod.spec?.serviceAccountName ?? 'default') !== 'default';
        return own || spec.command || spec.args ? node.tokens.ready(this.uid) : undefined;
      },
      leaving: () => this.#ended || this.#ending !== undefined || this.#verdict !== undefined,
    });
    this.#writer = new StatusWriter(node, {
      pod: () => this.pod,
      status: () => this.#status(),
      shown: (shown) => {
        this.pod = shown;
      },
      removed: () => this.#removed,
      later: (milliseconds, run) => void this.#timer(milliseconds, run),
    });
    this.#remember();
    // A scheduler that bound the pod has asked whether the node can take it.
    const bound = pod.status?.conditions?.some(
      (entry: Loose) => entry.type === 'PodScheduled' && entry.status === 'True',
    );
    this.#refusal = bound || this.#final() ? undefined : node.admit(pod);
    if (this.#refusal) {
      const { reason, message } = this.#refusal;
      this.#verdict = { phase: 'Failed', reason, message: `Pod was rejected: ${message}` };
      node.event(pod, 'Warning', reason, message);
    }
    const seconds = pod.spec.activeDeadlineSeconds;
    if (seconds && !this.#final()) {
      const spent = node.clock.since(this.#startTime);
      this.#timer(Math.max(0, seconds * 1000 - spent), () => this.#overdue());
    }
    this.changed();
  }

  get uid(): string {
    return this.pod.metadata.uid!;
  }

  record(name: string): ContainerRecord | undefined {
    return this.records.find((record) => record.name === name);
  }

  /** The API shows a newer version. */
  update(pod: KubeObject): void {
    if (Number(pod.metadata.resourceVersion) < Number(this.pod.metadata.resourceVersion)) return;
    this.pod = pod;
    for (const spec of [...(pod.spec.containers ?? []), ...(pod.spec.initContainers ?? [])]) {
      const record = this.record(spec.name);
      if (!record) continue;
      if (record.spec.image === spec.image) {
        this.#containers.resized(record, spec, this.#grace());
        continue;
      }
      record.spec = spec;
      this.#containers.redefined(record, this.#grace());
    }
    for (const spec of pod.spec.ephemeralContainers ?? []) {
      if (!this.record(spec.name)) this.records.push(newRecord(spec, 'ephemeral', 'ContainerCreating'));
    }
    this.changed();
  }

  /** The pod is no longer in the API: what still runs gets no more than two seconds. */
  remove(): void {
    this.#removed = true;
    void this.#end(Math.min(timings.leastGrace, this.#grace()));
  }

  /** Containers are gone when this process goes; nothing is written any more. */
  close(): void {
    this.#removed = true;
    this.#ended = true;
    this.#containers.close();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    for (const { instance } of this.records) instance?.container.kill();
    this.#part();
  }

  /** Mounted ConfigMaps and Secrets are read anew. */
  refreshVolumes(): void {
    this.#timer(timings.projectedUpdate, () => void this.#volumes.refresh().catch(() => {}));
  }

  changed(): void {
    if (this.#queued || this.#ended) return;
    this.#queued = true;
    queueMicrotask(() => {
      this.#queued = false;
      if (this.#ended) return;
      this.#sync();
      this.#writer.write();
    });
  }

  #remember(): void {
    const { status } = this.pod;
    const final = this.#final();
    this.records.push(...recordsOf(this.pod, final, timestamp(this.#node.clock.now())));
    if (final) this.#verdict = { phase: status.phase, reason: status.reason, message: status.message };
    else if (this.records.some((record) => record.containerID)) {
      this.#node.event(this.pod, 'Normal', 'SandboxChanged', 'Pod sandbox changed, it will be killed and re-created.');
    }
  }

  #final(): boolean {
    const phase = this.pod.status?.phase;
    return phase === 'Succeeded' || phase === 'Failed';
  }

  #sync(): void {
    if (this.#ending) {
      this.#hurry();
      return;
    }
    if (this.pod.metadata.deletionTimestamp) return void this.#end(this.#grace());
    if (this.#verdict) return;
    if (!this.#mounting.done) {
      this.#mounting.begin();
      return;
    }
    if (!this.network) this.#join();
    for (const record of this.records) {
      if (record.role === 'ephemeral' && 'waiting' in record.state && !record.last) this.#containers.run(record);
    }
    if (!this.#prepare()) return;
    const policy = this.pod.spec.restartPolicy ?? 'Always';
    let open = false;
    for (const record of this.records) {
      if (record.role !== 'main') continue;
      const end =
        'terminated' in record.state ? record.state.terminated : 'waiting' in record.state ? record.last : undefined;
      if (end && !record.busy && !restarts(record, policy, end.exitCode)) {
        // A program that could not be started ended, too.
        record.state = { terminated: end };
        if (record.last === end) delete record.last;
        continue;
      }
      open = true;
      if (!('running' in record.state)) this.#containers.run(record);
    }
    if (!open) void this.#end(this.#grace());
  }

  /** Init containers one after the other, sidecars among them. Whether the others may start. */
  #prepare(): boolean {
    const policy = this.pod.spec.restartPolicy ?? 'Always';
    for (const record of this.records) {
      if (record.role === 'sidecar') {
        if (!('running' in record.state)) this.#containers.run(record);
        if (!record.started && !this.#initialized) return false;
      } else if (record.role === 'init' && !this.#initialized) {
        const end = 'terminated' in record.state ? record.state.terminated : undefined;
        if (end?.exitCode === 0) continue;
        if (end && !restarts(record, policy, end.exitCode)) {
          void this.#end(this.#grace());
          return false;
        }
        if (!('running' in record.state)) this.#containers.run(record);
        return false;
      }
    }
    this.#initialized = true;
    return true;
  }

  /** The pod gets its address. */
  #join(): void {
    const { network, hostIP, podCidr, clusterDomain } = this.#node;
    this.ip = this.pod.spec.hostNetwork ? hostIP() : network.allocate(podCidr, this.pod.status?.podIP);
    this.#volumes.ip = this.ip;
    const identity = identityOf(this.pod, clusterDomain);
    this.network = network.addPod({
      namespace: this.pod.metadata.namespace!,
      hostname: identity.hostname,
      ip: this.ip,
      node: hostIP(),
      ...(!this.pod.spec.hostNetwork && { object: () => this.pod }),
      hosts: identity.hosts,
      search: identity.search,
      dots: identity.dots,
      nameservers: identity.nameservers,
    });
    if ((this.pod.spec.volumes ?? []).some((volume: Loose) => volume.downwardAPI || volume.projected)) {
      void this.#volumes.refresh().catch(() => {});
    }
  }

  #need(): PodContext {
    this.#context ??= contextOf(this.#node, this, this.#volumes);
    this.#context.pod = this.pod;
    return this.#context;
  }

  #grace(): number {
    const { metadata, spec } = this.pod;
    return (metadata.deletionGracePeriodSeconds ?? spec.terminationGracePeriodSeconds ?? 30) * 1000;
  }

  #overdue(): void {
    if (this.#ending || this.#verdict) return;
    const message = 'Pod was active on the node longer than the specified deadline';
    this.#verdict = { phase: 'Failed', reason: 'DeadlineExceeded', message };
    this.#node.event(this.pod, 'Normal', 'DeadlineExceeded', message);
    this.#writer.write();
    void this.#end(this.#grace());
  }

  /** It uses more of the node than it may. `forOthers`: the node is short of something. */
  evict(message: string, forOthers = false): void {
    if (this.#ending || this.#verdict) return;
    this.#verdict = { phase: 'Failed', reason: 'Evicted', message, ...(forOthers && { disrupted: true }) };
    this.#node.event(this.pod, 'Warning', 'Evicted', message);
    this.#writer.write();
    void this.#end(timings.evictionGrace);
  }

  /** Bytes of local storage: written files and logs by container, emptyDirs by volume. */
  storage(): { containers: Map<string, number>; emptyDirs: Map<string, number> } {
    const containers = this.records.flatMap(({ name, instance }): [string, number][] =>
      instance ? [[name, instance.container.written() + instance.log.size]] : [],
    );
    return { containers: new Map(containers), emptyDirs: this.#volumes.emptyDirs(this.pod) };
  }

  /** A second delete asked for less patience. */
  #hurry(): void {
    if (!this.pod.metadata.deletionTimestamp) return;
    const { clock } = this.#node;
    const until = clock.monotonic() + this.#grace();
    if (until >= this.#graceUntil - 500) return;
    this.#graceUntil = until;
    for (const record of this.records) this.#containers.hurry(record, this.#grace());
  }

  /** Ends all containers, sidecars last and in reverse; then tells the API what became of the pod. */
  #end(grace: number): Promise<void> {
    this.#ending ??= this.#finish(grace);
    return this.#ending;
  }

  async #finish(grace: number): Promise<void> {
    const { clock } = this.#node;
    this.#graceUntil = clock.monotonic() + grace;
    const left = () => Math.max(0, this.#graceUntil - clock.monotonic());
    const others = this.records.filter((record) => record.role !== 'sidecar');
    const reverse = this.records.filter((record) => record.role === 'sidecar').reverse();
    // Waits a turn: the state that led here is written before the end is.
    await Promise.resolve();
    await Promise.all(others.map((record) => this.#containers.stop(record, grace)));
    for (const record of reverse) await this.#containers.stop(record, left());
    this.#containers.close();
    this.#part();
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
    if (!this.#verdict) {
      const status = this.#status();
      if (status.phase === 'Succeeded' || status.phase === 'Failed') this.#verdict = { phase: status.phase };
    }
    this.#writer.write();
    if (!this.pod.metadata.deletionTimestamp && !this.#removed) {
      // Finished, not deleted: it stays to be looked at, and is taken away later.
      this.#ending = undefined;
      return;
    }
    await this.#leave();
  }

  /** The pod's address is free again. */
  #part(): void {
    if (!this.network) return;
    this.network.close();
    this.network = undefined;
    if (this.ip && !this.pod.spec.hostNetwork) this.#node.network.release(this.ip);
  }

  async #leave(): Promise<void> {
    if (!this.#removed) await this.#writer.written();
    if (!this.#removed) {
      const { name, namespace, uid } = this.pod.metadata;
      await this.#node.client
        .delete(resources.pods, name!, namespace, { gracePeriodSeconds: 0, preconditions: { uid: uid! } })
        .catch((error) => {
          if (!(error instanceof ApiError) || (error.code !== 404 && error.code !== 409)) {
            this.#node.log(`delete of ${namespace}/${name}: ${error}`);
          }
        });
    }
    this.#ended = true;
    this.#node.tokens.forget(this.uid);
    this.#node.gone(this.uid);
  }

  #status(): Loose {
    const { clock, hostIP } = this.#node;
    if (this.#refusal) return rejectedStatus(this.pod, this.#startTime, this.#verdict!);
    return podStatus({
      pod: this.pod,
      records: this.records,
      terminal: this.#ending !== undefined,
      sandbox: this.network !== undefined,
      ip: this.ip ?? this.pod.status?.podIP,
      hostIP: hostIP(),
      startTime: this.#startTime,
      now: timestamp(clock.now()),
      verdict: this.#verdict,
      before: this.#writer.conditions,
    });
  }

  /** One timer, the earliest wins: whoever still waits then asks again. */
  #wake(milliseconds: number): void {
    const due = this.#node.clock.monotonic() + milliseconds;
    if (this.#wakeTimer && this.#wakeDue <= due) return;
    if (this.#wakeTimer) {
      this.#wakeTimer.cancel();
      this.#timers.delete(this.#wakeTimer);
    }
    this.#wakeDue = due;
    this.#wakeTimer = this.#timer(milliseconds, () => {
      this.#wakeTimer = undefined;
      this.changed();
    });
  }

  #timer(milliseconds: number, run: () => void): Timer {
    const timer = this.#node.clock.after(milliseconds, () => {
      this.#timers.delete(timer);
      run();
    });
    this.#timers.add(timer);
    return timer;
  }
}
