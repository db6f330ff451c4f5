import { expect, test } from 'vitest';
import {
  matchRule,
  sharedHostnames,
} from '../../../../../../../sandbox/embedded/node/images/traefik/providers/gateway-rule.ts';
import { compileRule } from '../../../../../../../sandbox/embedded/node/images/traefik/routing/match.ts';

test('a route and a listener share the narrower name', () => {
  expect(sharedHostnames(undefined, ['a.test'])).toEqual(['a.test']);
  expect(sharedHostnames('a.test', [])).toEqual(['a.test']);
  expect(sharedHostnames('*.test', ['a.test', 'b.a.test', 'other'])).toEqual(['a.test', 'b.a.test']);
  expect(sharedHostnames('a.test', ['*.test'])).toEqual(['a.test']);
  // Of two wildcards the real one takes the wider, against what is written of it.
  expect(sharedHostnames('*.a.test', ['*.test'])).toEqual(['*.test']);
  expect(sharedHostnames('*.a.test', ['a.test'])).toBeUndefined();
  expect(sharedHostnames('a.test', ['b.test'])).toBeUndefined();
});

test('a match goes before others as Traefik reckons it: a method outweighs ten letters of a path', () => {
  const of = (match: object): number => matchRule(['a.test'], match).priority;
  const order = [
    { path: { type: 'Exact', value: '/' } },
    { path: { type: 'PathPrefix', value: '/much-longer-one' } },
    { path: { type: 'PathPrefix', value: '/a' }, method: 'GET' },
    { path: { type: 'PathPrefix', value: '/a' } },
    { method: 'GET' },
    {
      headers: [
        { name: 'a', value: 'b' },
        { name: 'c', value: 'd' },
      ],
    },
    { headers: [{ name: 'a', value: 'b' }], queryParams: [{ name: 'a', value: 'b' }] },
    { headers: [{ name: 'a', value: 'b' }] },
    { queryParams: [{ name: 'a', value: 'b' }] },
    {},
  ];
  expect(order.map(of)).toEqual(order.map(of).toSorted((a, b) => b - a));
  expect(new Set(order.map(of)).size).toBe(order.length);
});

test('rules are those of the real one, and compile', () => {
  const match = {
    path: { type: 'PathPrefix', value: '/a/' },
    method: 'GET',
    headers: [{ name: 'X-A', type: 'RegularExpression', value: '^b' }],
    queryParams: [{ name: 'q', value: '1' }],
  };
  const { rule } = matchRule(['*.a.test', 'b.test'], match);
  expect(rule).toBe(
    '(HostRegexp(`^[a-z0-9-\\.]+\\.a\\.test$`) || Host(`b.test`)) && (Path(`/a`) || PathPrefix(`/a/`)) && Method(`GET`) && HeaderRegexp(`X-A`,`^b`) && Query(`q`,`1`)',
  );
  expect(() => compileRule(rule)).not.toThrow();
});
