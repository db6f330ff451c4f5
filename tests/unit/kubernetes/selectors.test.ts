import { describe, expect, it } from 'vitest';
import {
  formatFieldSelector,
  formatLabelSelector,
  formatSelector,
  matchFields,
  matchLabels,
  parseFieldSelector,
  parseLabelSelector,
  selects,
} from '../../../kubernetes/selectors.ts';

describe('label selectors', () => {
  const labels = { app: 'web', tier: 'front', n: '7', in: 'x' };
  it.each([
    ['', true],
    ['app=web', true],
    ['app==web,tier!=back', true],
    ['app in (web,api)', true],
    ['app notin (web)', false],
    ['other notin (web)', true],
    ['!other', true],
    ['!app', false],
    ['app', true],
    ['n>3', true],
    ['n<3', false],
    ['in=x', true],
    ['empty=', false],
    ['app=web,', false],
  ])('%j', (text, expected) => {
    if (text === 'app=web,') expect(() => parseLabelSelector(text)).toThrow("found '', expected: identifier after ','");
    else expect(matchLabels(parseLabelSelector(text), labels)).toBe(expected);
  });
  it.each([
    ['app web', "unable to parse requirement: found 'web', expected: in, notin, =, ==, !=, gt, lt"],
    ['app in web', "unable to parse requirement: found 'web' expected: '('"],
    ['=web', "found '=', expected: !, identifier, or 'end of string'"],
    ['app=a b', "found 'b', expected: ',' or 'end of string'"],
    [
      'app=-x',
      'unable to parse requirement: values[0][app]: Invalid value: "-x": a valid label must be an empty string or consist of',
    ],
    ['-a=x', 'unable to parse requirement: <nil>: Invalid value: "-a": name part must consist of'],
  ])('%j is refused', (text, sentence) => expect(() => parseLabelSelector(text)).toThrow(sentence));
  it('is written as it was read', () => {
    expect(formatLabelSelector(parseLabelSelector('b in (y,x),a=1,!c,d'))).toBe('b in (x,y),a=1,!c,d');
  });
  it('reads LabelSelector objects', () => {
    const selector = { matchLabels: { app: 'web' }, matchExpressions: [{ key: 'tier', operator: 'Exists' }] };
    expect(selects(selector, labels)).toBe(true);
    expect(selects(undefined, labels)).toBe(false);
    expect(selects({}, labels)).toBe(true);
    expect(formatSelector(selector)).toBe('app=web,tier');
    expect(formatSelector({})).toBe('<none>');
  });
});

describe('field selectors', () => {
  it('splits, unescapes, matches', () => {
    const terms = parseFieldSelector('metadata.name=a\\,b,status.phase!=Running');
    expect(terms).toEqual([
      { field: 'metadata.name', equal: true, value: 'a,b' },
      { field: 'status.phase', equal: false, value: 'Running' },
    ]);
    expect(matchFields(terms, (field) => (field === 'metadata.name' ? 'a,b' : 'Failed'))).toBe(true);
    expect(formatFieldSelector(terms)).toBe('metadata.name=a\\,b,status.phase!=Running');
  });
  it('names what it cannot read', () => {
    expect(() => parseFieldSelector('x')).toThrow("invalid selector: 'x'; can't understand 'x'");
  });
});
