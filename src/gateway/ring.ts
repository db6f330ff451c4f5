/** The last bytes of a stream, addressed by their offset from its start. */
export interface Ring {
  /** Offset of the oldest byte kept. */
  readonly start: number;
  /** Offset after the newest byte. */
  readonly end: number;
  push(data: Uint8Array): void;
  /** A copy of everything from `offset` on, or undefined where that is no longer (or not yet) here. */
  from(offset: number): Uint8Array | undefined;
}

export function createRing(capacity: number): Ring {
  // Grown on demand: an idle shell has printed a hundred bytes.
  let bytes = new Uint8Array(Math.min(capacity, 4096));
  let end = 0;

  const start = () => Math.max(0, end - capacity);

  function grow(needed: number): void {
    if (needed <= bytes.length) return;
    const larger = new Uint8Array(Math.min(capacity, Math.max(needed, bytes.length * 2)));
    larger.set(bytes.subarray(0, end));
    bytes = larger;
  }

  function copyIn(data: Uint8Array): void {
    const at = end % bytes.length;
    const first = Math.min(data.length, bytes.length - at);
    bytes.set(data.subarray(0, first), at);
    bytes.set(data.subarray(first), 0);
    end += data.length;
  }

  return {
    get start() {
      return start();
    },
    get end() {
      return end;
    },
    push(data) {
      if (data.length > capacity) {
        end += data.length - capacity;
        grow(capacity);
        copyIn(data.subarray(data.length - capacity));
        return;
      }
      if (bytes.length < capacity) grow(Math.min(capacity, end + data.length));
      copyIn(data);
    },
    from(offset) {
      if (offset < start() || offset > end) return undefined;
      const copy = new Uint8Array(end - offset);
      const at = offset % bytes.length;
      const first = Math.min(copy.length, bytes.length - at);
      copy.set(bytes.subarray(at, at + first));
      copy.set(bytes.subarray(0, copy.length - first), first);
      return copy;
    },
  };
}
