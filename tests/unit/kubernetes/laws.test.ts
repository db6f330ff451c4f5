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
  subtractQuantities,
} from '../../../kubernetes/quantity.ts';
import {
  type FieldTerm,
  formatFieldSelector,
  formatLabelSelector,
  matchFields,
  matchLabels,
  parseFieldSelector,
  parseLabelSelector,
  type Requirement,
} from '../../../kubernetes/selectors.ts';

describe('laws of quantities', () => {
  const suffix = fc.constantFrom('', 'n', 'u', 'm', 'k', 'M', 'G', 'T', 'Ki', 'Mi', 'Gi', 'Ti', 'e3', 'E2', 'e-2');
  const digits = fc.tuple(fc.integer({ min: -99_999, max: 99_999 }), fc.nat(999), fc.boolean());
  const quantity = fc
    .tuple(digits, suffix)
    .map(([[whole, fraction, dotted], unit]) => `${whole}${dotted ? `.${fraction}` : ''}${unit}`);

  it('the canonical text is read back as the same value, and is its own canonical text', () => {
    fc.assert(
      fc.property(quantity, (text) => {
        const canonical = canonicalQuantity(text);
        expect(parseQuantity(canonical).nano).toBe(parseQuantity(text).nano);
        expect(canonicalQuantity(canonical)).toBe(canonical);
      }),
    );
  });

  it('the order is total, and addition keeps it', () => {
    fc.assert(
      fc.property(quantity, quantity, quantity, (a, b, c) => {
        const order = compareQuantities(a, b);
        expect(compareQuantities(b, a)).toBe(order === 0 ? 0 : -order);
        expect(compareQuantities(addQuantities(a, c), addQuantities(b, c))).toBe(order);
        if (order <= 0 && compareQuantities(b, c) <= 0) expect(compareQuantities(a, c)).toBeLessThanOrEqual(0);
      }),
    );
  });

  it('sums do not depend on order or grouping, and are taken back by a difference', () => {
    fc.assert(
      fc.property(quantity, quantity, quantity, (a, b, c) => {
        expect(addQuantities(a, b).nano).toBe(addQuantities(b, a).nano);
        expect(addQuantities(addQuantities(a, b), c).nano).toBe(addQuantities(a, addQuantities(b, c)).nano);
        expect(subtractQuantities(addQuantities(a, b), b).nano).toBe(parseQuantity(a).nano);
        expect(formatQuantity(addQuantities(a, '0'))).toBe(canonicalQuantity(a));
      }),
    );
  });

  it('whole units and thousandths are rounded away from zero, by less than one', () => {
    fc.assert(
      fc.property(quantity, (text) => {
        const exact = Number(parseQuantity(text).nano) / 1e9;
        fc.pre(Math.abs(exact) < 1e9);
        for (const [rounded, unit] of [
          [quantityValue(text), 1],
          [quantityMilli(text), 1e3],
        ] as const) {
          expect(Math.abs(rounded)).toBeGreaterThanOrEqual(Math.abs(exact * unit) - 1e-6);
          expect(Math.abs(rounded)).toBeLessThan(Math.abs(exact * unit) + 1);
        }
      }),
    );
  });
});

describe('laws of label selectors', () => {
  const key = fc.constantFrom('app', 'tier', 'example.com/role', 'in', 'notin', 'a.b-c_d');
  const value = fc.constantFrom('web', 'a', '7', 'x-1', 'In', '12');
  const several = fc.uniqueArray(value, { minLength: 1 }).map((values) => values.sort());
  const requirement = fc.oneof(
    fc.record({ key, operator: fc.constantFrom('in', 'notin'), values: several }),
    fc.record({ key, operator: fc.constantFrom('=', '==', '!='), values: value.map((one) => [one]) }),
    fc.record({ key, operator: fc.constantFrom('exists', '!'), values: fc.constant([]) }),
    fc.record({ key, operator: fc.constantFrom('gt', 'lt'), values: fc.nat(99).map((one) => [String(one)]) }),
  ) as fc.Arbitrary<Requirement>;
  const labels = fc.dictionary(key, value);
  const one = (operator: Requirement['operator'], name: string, values: string[] = []): Requirement[] => [
    { key: name, operator, values },
  ];

  it('what is printed is read back as it was', () => {
    fc.assert(
      fc.property(fc.array(requirement), (requirements) => {
        expect(parseLabelSelector(formatLabelSelector(requirements))).toEqual(requirements);
      }),
    );
  });

  it('a list of requirements is their conjunction, in any order', () => {
    fc.assert(
      fc.property(fc.array(requirement), labels, (requirements, set) => {
        const each = requirements.every((single) => matchLabels([single], set));
        expect(matchLabels(requirements, set)).toBe(each);
        expect(matchLabels(requirements.toReversed(), set)).toBe(each);
      }),
    );
  });

  it('operators come in pairs of which exactly one holds', () => {
    fc.assert(
      fc.property(key, several, labels, (name, values, set) => {
        expect(matchLabels(one('in', name, values), set)).not.toBe(matchLabels(one('notin', name, values), set));
        expect(matchLabels(one('exists', name), set)).not.toBe(matchLabels(one('!', name), set));
        const single = values.slice(0, 1);
        expect(matchLabels(one('=', name, single), set)).not.toBe(matchLabels(one('!=', name, single), set));
        expect(matchLabels(one('in', name, values), set)).toBe(
          values.some((text) => matchLabels(one('=', name, [text]), set)),
        );
      }),
    );
  });

  it('more and less exclude one another, and need a number', () => {
    fc.assert(
      fc.property(key, fc.nat(20), labels, (name, bound, set) => {
        const more = matchLabels(one('gt', name, [String(bound)]), set);
        const less = matchLabels(one('lt', name, [String(bound)]), set);
        expect(more && less).toBe(false);
        const number = /^\d+$/.test(set[name] ?? '') ? Number(set[name]) : undefined;
        expect(more || less).toBe(number !== undefined && number !== bound);
      }),
    );
  });
});

describe('laws of field selectors', () => {
  const term = fc.record({
    field: fc.constantFrom('metadata.name', 'spec.nodeName', 'status.phase'),
    equal: fc.boolean(),
    value: fc.string(),
  });

  it('what is printed is read back, whatever the values hold', () => {
    fc.assert(
      fc.property(fc.array(term), (terms) => {
        const order = (list: FieldTerm[]) => list.map((each) => JSON.stringify(each)).sort();
        expect(order(parseFieldSelector(formatFieldSelector(terms)))).toEqual(order(terms));
      }),
    );
  });

  it('a term and its opposite never agree', () => {
    fc.assert(
      fc.property(term, fc.string(), (one, actual) => {
        const other = { ...one, equal: !one.equal };
        expect(matchFields([one], () => actual)).not.toBe(matchFields([other], () => actual));
      }),
    );
  });
});
