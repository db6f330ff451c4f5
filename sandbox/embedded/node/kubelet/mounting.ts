import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Clock } from '../../clock.ts';
import { type BackOff, nextDelay, timings } from './stages/timings.ts';
import type { PodVolumes } from './volumes.ts';

export interface MountingHost {
  pod(): KubeObject;
  failed(message: string): void;
  later(milliseconds: number, run: () => void): void;
  done(): void;
}

/** Sets the pod's volumes up, again and again until all are there. */
export class Mounting {
  done = false;
  readonly #volumes: PodVolumes;
  readonly #clock: Clock;
  readonly #host: MountingHost;
  #busy = false;
  #retry: BackOff | undefined;

  constructor(volumes: PodVolumes, clock: Clock, host: MountingHost) {
    this.#volumes = volumes;
    this.#clock = clock;
    this.#host = host;
  }

  begin(): void {
    if (this.#busy || this.done) return;
    this.#busy = true;
    this.#volumes.ensure(this.#host.pod()).then(
      () => {
        this.done = true;
        this.#host.done();
      },
      (error) => {
        this.#host.failed(error instanceof Error ? error.message : String(error));
        const delay = nextDelay(this.#retry, timings.mountRetry);
        this.#retry = { delay, since: this.#clock.monotonic() };
        this.#host.later(delay, () => {
          this.#busy = false;
          this.#host.done();
        });
      },
    );
  }
}

/** Whether a pod mounts an object of this kind and name. */
export function mounts(pod: KubeObject, kind: 'configMap' | 'secret', name: string): boolean {
  return (pod.spec.volumes ?? []).some((volume: Loose) =>
    [volume, ...(volume.projected?.sources ?? [])].some(
      (source: Loose) => (source[kind]?.name ?? source[kind]?.secretName) === name,
    ),
  );
}
