/** Memory of a container, in bytes: what its image rests on, and what its programs hold. */
export class MemoryMeter {
  #limit: number;
  readonly #resting: number;
  readonly #exceeded: () => void;
  readonly #holders = new Map<object, number>();
  #held = 0;
  #over = false;

  /** `exceeded` is called once, when more than `limit` is held: the kernel's OOM killer. */
  constructor(options: { resting: number; limit?: number; exceeded: () => void }) {
    this.#limit = options.limit ?? Number.POSITIVE_INFINITY;
    this.#resting = options.resting;
    this.#exceeded = options.exceeded;
  }

  /** Another limit from now on; undefined for none. */
  limitTo(bytes: number | undefined): void {
    this.#limit = bytes ?? Number.POSITIVE_INFINITY;
    this.check();
  }

  /** Bytes in use. */
  get used(): number {
    return Math.min(this.#limit, this.#resting + this.#held);
  }

  /** What `holder` (a process) has from now on; 0 gives all of it back. */
  set(holder: object, bytes: number): void {
    this.#held += bytes - (this.#holders.get(holder) ?? 0);
    if (bytes === 0) this.#holders.delete(holder);
    else this.#holders.set(holder, bytes);
    this.check();
  }

  /** Whether what rests is too much already. */
  check(): void {
    if (this.#over || this.#resting + this.#held <= this.#limit) return;
    this.#over = true;
    this.#exceeded();
  }
}
