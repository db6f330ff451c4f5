import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  addQuantities,
  canonicalQuantity,
  compareQuantities,
  formatQuantity,
  parseQuantity,
  quantityMilli,
  quantityValue,
} from '../../../kubernetes/quantity.ts';

describe('quantities', () => {
  it.each([
    ['0', '0'],
    ['0.5', '500m'],
    ['1.5', '1500m'],
    ['1000m', '1'],
    ['1e3', '1e3'],
    ['1024Ki', '1Mi'],
    ['1.5Gi', '1536Mi'],
    ['0.1Gi', '107374182400m'],
    ['1000', '1k'],
    ['100Mi', '100Mi'],
    ['512Ki', '512Ki'],
    ['0.0000000001', '1n'],
    ['-5', '-5'],
    ['.5', '500m'],
    ['1.', '1'],
    ['10E', '10E'],
    ['12e-1', '1200e-3'],
  ])('%s is written %s', (text, canonical) => expect(canonicalQuantity(text)).toBe(canonical));

  it.each(['', 'abc', '1 Gi', '--1', '1x'])('%j is no quantity', (text) => {
    expect(() => parseQuantity(text)).toThrow('quantities must match the regular expression');
  });
  it('a suffix of the right letters in the wrong order is named', () => {
    expect(() => parseQuantity('1iM')).toThrow("unable to parse quantity's suffix");
  });
  it('compares and adds across formats', () => {
    expect(compareQuantities('1Gi', '1G')).toBe(1);
    expect(compareQuantities('1', '1000m')).toBe(0);
    expect(formatQuantity(addQuantities('100m', '0.9'))).toBe('1');
    expect(quantityValue('100m')).toBe(1);
    expect(quantityMilli('1.5')).toBe(1500);
  });
  it('the canonical text is a fixed point with the same value', () => {
    const suffix = fc.constantFrom('', 'm', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'e3', 'n', 'u');
    fc.assert(
      fc.property(fc.integer({ min: -100_000, max: 100_000 }), suffix, (number, unit) => {
        const text = canonicalQuantity(`${number}${unit}`);
        expect(canonicalQuantity(text)).toBe(text);
        expect(compareQuantities(text, `${number}${unit}`)).toBe(0);
      }),
    );
  });
});
