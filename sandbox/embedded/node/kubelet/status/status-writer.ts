import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { ApiError, type Client } from '../../../client/client.ts';
import { resources } from '../configuration.ts';
import type { Lane } from '../lane.ts';
import { same, statusPatch } from './pod-status.ts';

export interface StatusSubject {
  pod(): KubeObject;
  status(): Loose;
  /** The API's answer to a write. */
  shown(pod: KubeObject): void;
  /** The pod is gone from the API. */
  removed(): boolean;
  later(milliseconds: number, run: () => void): void;
}

const retry = 1000;

/** Tells the API how a pod is. At most one write is under way; what changes meanwhile goes with the next. */
export class StatusWriter {
  /** As last written, for their transition times. */
  conditions: Loose[];
  readonly #client: Client;
  readonly #lane: Lane;
  readonly #log: (message: string) => void;
  readonly #subject: StatusSubject;
  #said: Loose;
  #writing = false;
  #dirty = false;
  readonly #waiters: (() => void)[] = [];

  constructor(node: { client: Client; lane: Lane; log: (message: string) => void }, subject: StatusSubject) {
    this.#client = node.client;
    this.#lane = node.lane;
    this.#log = node.log;
    this.#subject = subject;
    this.conditions = subject.pod().status?.conditions ?? [];
  }

  write(): void {
    if (this.#subject.removed()) return;
    this.#dirty = true;
    if (this.#writing) return;
    this.#writing = true;
    this.#lane.now(async () => {
      try {
        while (this.#dirty && !this.#subject.removed()) {
          this.#dirty = false;
          await this.#patch();
        }
      } finally {
        this.#writing = false;
        for (const resolve of this.#waiters.splice(0)) resolve();
      }
    });
  }

  /** Resolves when nothing is left to write. */
  written(): Promise<void> {
    if (!this.#writing && !this.#dirty) return Promise.resolve();
    return new Promise((resolve) => {
      this.#waiters.push(resolve);
    });
  }

  async #patch(): Promise<void> {
    const pod = this.#subject.pod();
    const status = this.#subject.status();
    this.conditions = status.conditions;
    // Said once is enough, even if the API shows it otherwise than it was sent.
    if (same(status, this.#said)) return;
    const patch = statusPatch(pod, status);
    if (!patch) return;
    const { name, namespace, uid } = pod.metadata;
    try {
      const shown = await this.#client.patch(resources.pods, name!, namespace, 'strategic', patch, {
        subresource: 'status',
        fieldManager: 'kubelet',
      });
      this.#said = status;
      // The watch may already have told more than this answer.
      const known = this.#subject.pod().metadata.resourceVersion;
      if (shown.metadata.uid === uid && Number(shown.metadata.resourceVersion) > Number(known))
        this.#subject.shown(shown);
    } catch (error) {
      if (error instanceof ApiError && (error.code === 404 || error.code === 409)) return;
      this.#log(`status of ${namespace}/${name}: ${error instanceof Error ? error.message : error}`);
      this.#subject.later(retry, () => this.write());
    }
  }
}
