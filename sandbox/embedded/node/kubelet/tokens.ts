import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../clock.ts';
import { resources } from './configuration.ts';
import type { Lane } from './lane.ts';

interface Held {
  pod: KubeObject;
  audience: string | undefined;
  seconds: number;
  token?: string;
  /** By the real time, in milliseconds. */
  renewAt: number;
  fetching?: Promise<void>;
}

/**
 * ServiceAccount tokens of the pods that mount one. They are asked for behind everything else, since most programs never
 * read theirs; whoever may read one now waits for `ready`.
 * https://kubernetes.io/docs/concepts/storage/projected-volumes/#serviceaccounttoken
 */
export class Tokens {
  readonly #client: Client;
  readonly #clock: Clock;
  readonly #lane: Lane;
  readonly #held = new Map<string, Held[]>();
  readonly #listeners = new Map<string, Set<() => void>>();

  constructor(client: Client, clock: Clock, lane: Lane) {
    this.#client = client;
    this.#clock = clock;
    this.#lane = lane;
  }

  /** The token, if it is there; else it is asked for. */
  want(pod: KubeObject, audience: string | undefined, seconds: number): string | undefined {
    const uid = pod.metadata.uid!;
    const list = this.#held.get(uid) ?? [];
    this.#held.set(uid, list);
    let held = list.find((other) => other.audience === audience && other.seconds === seconds);
    if (!held) {
      held = { pod, audience, seconds, renewAt: 0 };
      list.push(held);
      const wanted = held;
      this.#lane.later(() => this.#fetch(wanted));
    }
    return held.token;
  }

  /** Calls `listener` whenever a token of the pod is new. */
  onToken(uid: string, listener: () => void): void {
    const listeners = this.#listeners.get(uid) ?? new Set();
    this.#listeners.set(uid, listeners);
    listeners.add(listener);
  }

  /** Resolves once every token the pod mounts is there, or could not be had. */
  async ready(uid: string): Promise<void> {
    await Promise.all((this.#held.get(uid) ?? []).filter((held) => !held.token).map((held) => this.#fetch(held)));
  }

  /** Asks anew for tokens that have used up four fifths of their life. */
  renew(): void {
    const now = this.#clock.now().getTime();
    for (const list of this.#held.values()) {
      for (const held of list) {
        if (held.token && held.renewAt < now) this.#lane.later(() => this.#fetch(held));
      }
    }
  }

  forget(uid: string): void {
    this.#held.delete(uid);
    this.#listeners.delete(uid);
  }

  #fetch(held: Held): Promise<void> {
    if (held.token && held.renewAt > this.#clock.now().getTime()) return Promise.resolve();
    held.fetching ??= this.#ask(held).finally(() => {
      delete held.fetching;
    });
    return held.fetching;
  }

  async #ask(held: Held): Promise<void> {
    const { pod, audience, seconds } = held;
    const { name, namespace, uid } = pod.metadata;
    if (!this.#held.has(uid!)) return;
    try {
      const answer = await this.#client.createSubresource(
        resources.accounts,
        pod.spec.serviceAccountName || 'default',
        namespace,
        'token',
        {
          apiVersion: 'authentication.k8s.io/v1',
          kind: 'TokenRequest',
          metadata: {},
          spec: {
            ...(audience && { audiences: [audience] }),
            expirationSeconds: seconds,
            boundObjectRef: { apiVersion: 'v1', kind: 'Pod', name, uid },
          },
        },
      );
      held.token = answer.status?.token;
      held.renewAt = this.#clock.now().getTime() + seconds * 800;
      for (const listener of this.#listeners.get(uid!) ?? []) listener();
    } catch {
      // Tried again with the next renewal, or when someone needs it.
      held.renewAt = 0;
    }
  }
}
