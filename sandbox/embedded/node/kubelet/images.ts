import { readFileSync, writeFileSync } from 'node:fs';
import { formatDuration } from '../../../../kubernetes/duration.ts';
import type { Clock } from '../../clock.ts';
import type { PullFailure, ResolvedImage } from '../images/registry.ts';
import type { ContainerRecord } from './records.ts';
import { nextDelay, timings } from './stages/timings.ts';

export type Resolve = (reference: string) => ResolvedImage | PullFailure;

/** The container waits with `reason`; after `retry` milliseconds it is worth another try. */
export class ImageError extends Error {
  readonly reason: string;
  readonly retry: number;
  constructor(reason: string, message: string, retry: number) {
    super(message);
    this.reason = reason;
    this.retry = retry;
  }
}

export interface ImagesOptions {
  resolve: Resolve;
  clock: Clock;
  /** Remembers what was pulled; absent in tests. */
  file?: string;
  /** References that are on the node from the start. */
  present?: string[];
}

export type Tell = (type: 'Normal' | 'Warning', reason: string, message: string) => void;

/** The images of one node. Nothing is fetched: a pull is a look into the registry of stand-ins, and some time. */
export class Images {
  readonly #options: ImagesOptions;
  readonly #resolved = new Map<string, ResolvedImage>();
  readonly #present = new Set<string>();
  readonly #pulling = new Map<string, Promise<void>>();

  constructor(options: ImagesOptions) {
    this.#options = options;
    for (const reference of [...(options.present ?? []), ...readNames(options.file)]) {
      const found = options.resolve(reference);
      if (!('pullError' in found)) this.#keep(found);
    }
  }

  /** As the node's status lists them. */
  list(): { names: string[]; sizeBytes: number }[] {
    return [...this.#present].map((name) => ({ names: [name], sizeBytes: this.#resolved.get(name)?.size ?? 0 }));
  }

  /** The image, there and then if the node has it; rejects with an {@link ImageError}. */
  ensure(record: ContainerRecord, tell: Tell): ResolvedImage | Promise<ResolvedImage> {
    const reference: string = record.spec.image;
    const policy: string = record.spec.imagePullPolicy ?? 'IfNotPresent';
    const found = this.#options.resolve(reference);
    if ('pullError' in found && found.invalid) {
      const message = `Failed to apply default image tag "${reference}": ${found.pullError}`;
      tell('Warning', 'InspectFailed', message);
      throw new ImageError('InvalidImageName', message, timings.resync);
    }
    const held = 'pullError' in found ? undefined : this.#resolved.get(found.canonicalReference);
    if (held && policy !== 'Always') {
      tell(
        'Normal',
        'Pulled',
        `Container image "${reference}" already present on machine and can be accessed by the pod`,
      );
      return held;
    }
    if (policy === 'Never') {
      const message = `Container image "${reference}" is not present with pull policy of Never`;
      tell('Warning', 'ErrImageNeverPull', message);
      throw new ImageError('ErrImageNeverPull', message, timings.resync);
    }
    return this.#pull(record, found, tell);
  }

  async #pull(record: ContainerRecord, found: ResolvedImage | PullFailure, tell: Tell): Promise<ResolvedImage> {
    const { clock } = this.#options;
    const reference: string = record.spec.image;
    const name = /[:@][^/]*$/.test(reference) ? reference : `${reference}:latest`;
    const { pulls } = record;
    if (pulls) {
      const left = pulls.since + pulls.delay - clock.monotonic();
      if (left > 0) {
        tell('Normal', 'BackOff', `Back-off pulling image "${name}"`);
        throw new ImageError(
          'ImagePullBackOff',
          `Back-off pulling image "${name}": ErrImagePull: ${pulls.error}`,
          Math.min(left, timings.resync),
        );
      }
    }
    tell('Normal', 'Pulling', `Pulling image "${name}"`);
    const began = clock.monotonic();
    await this.#time('pullError' in found ? name : found.canonicalReference);
    if ('pullError' in found) {
      // The kubelet leaves out a code that says nothing.
      const error = found.pullError.replace(/^rpc error: code = Unknown desc = /, '');
      tell('Warning', 'Failed', `Failed to pull image "${name}": ${error}`);
      record.pulls = { delay: nextDelay(pulls, timings.pullBackOff), since: clock.monotonic(), error };
      throw new ImageError('ErrImagePull', error, timings.pullErrorShown);
    }
    delete record.pulls;
    const held = this.#keep(found);
    const took = formatDuration(Math.max(1, Math.round(clock.monotonic() - began)));
    tell(
      'Normal',
      'Pulled',
      `Successfully pulled image "${name}" in ${took} (${took} including waiting). Image size: ${found.size} bytes.`,
    );
    return held;
  }

  /** Two pods that pull the same image wait for one pull. */
  #time(name: string): Promise<void> {
    let pulling = this.#pulling.get(name);
    if (!pulling) {
      const wait = this.#present.has(name) ? timings.pull / 5 : timings.pull;
      pulling = new Promise<void>((resolve) => {
        this.#options.clock.after(wait, resolve);
      }).then(() => void this.#pulling.delete(name));
      this.#pulling.set(name, pulling);
    }
    return pulling;
  }

  #keep(found: ResolvedImage): ResolvedImage {
    const held = this.#resolved.get(found.canonicalReference);
    if (held) return held;
    this.#resolved.set(found.canonicalReference, found);
    this.#present.add(found.canonicalReference);
    const { file } = this.#options;
    if (file) writeFileSync(file, JSON.stringify([...this.#present]));
    return found;
  }
}

function readNames(file: string | undefined): string[] {
  try {
    return file ? JSON.parse(readFileSync(file, 'utf8')) : [];
  } catch {
    return [];
  }
}
