import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRing } from '../../../../src/gateway/ring.ts';

test('keeps exactly the last bytes of any stream, by offset', () => {
  fc.assert(
    fc.property(
      fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 60 }),
      fc.integer({ min: 1, max: 64 }),
      (parts, capacity) => {
        const ring = createRing(capacity);
        for (const part of parts) ring.push(part);
        const whole = Buffer.concat(parts);
        expect(ring.end).toBe(whole.length);
        expect(ring.start).toBe(Math.max(0, whole.length - capacity));
        for (let offset = ring.start; offset <= ring.end; offset++) {
          expect(Buffer.from(ring.from(offset) ?? [])).toEqual(whole.subarray(offset));
        }
        expect(ring.from(ring.end + 1)).toBeUndefined();
        if (ring.start > 0) expect(ring.from(ring.start - 1)).toBeUndefined();
      },
    ),
  );
});
