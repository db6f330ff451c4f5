import { expect, test } from 'vitest';
import { authorizerValue } from '../../../cel/kubernetes/authorizer.ts';
import { compile } from '../../../cel/kubernetes/program.ts';
import { schemaType } from '../../../cel/kubernetes/schema-type.ts';
import { BOOL, DYN, type KType, opaque } from '../../../cel/kubernetes/types.ts';
import type { Schema } from '../../../kubernetes/facts.ts';

const schema: Schema = {
  type: 'object',
  properties: {
    a: { type: 'integer' },
    s: { type: 'string', maxLength: 20 },
    l: { type: 'array', items: { type: 'integer' }, maxItems: 10 },
    m: { type: 'object', additionalProperties: { type: 'string', maxLength: 5 }, maxProperties: 5 },
    t: { type: 'string', format: 'date-time' },
    'x-y': { type: 'integer' },
    namespace: { type: 'string' },
    open: { type: 'array', items: { type: 'string' } },
  },
};
const self = schemaType(schema, false, 'self')?.type as KType;
const value = { a: 5, s: 'abc', l: [3, 1, 2], m: { k: 'v' }, t: '2026-01-02T03:04:05Z', 'x-y': 1, namespace: 'ns' };

function evaluate(source: string, scope: Record<string, [KType, unknown]> = {}): unknown {
  const types = new Map<string, KType>([
    ['self', self],
    ...Object.entries(scope).map(([name, [type]]) => [name, type] as const),
  ]);
  const { expression, error } = compile(source, types);
  if (!expression) return error;
  const values = Object.fromEntries(Object.entries(scope).map(([name, [, given]]) => [name, given]));
  const result = expression.run({ self: value, ...values });
  return result.error ?? result.value;
}

test.each([
  ['self.a + 1 == 6 && self.s.size() == 3', true],
  ['self.l.exists(x, x > 2) && self.l.all(x, x < 4) && self.l.exists_one(x, x == 1)', true],
  ['self.l.map(x, x * 2).filter(x, x > 2) == [6, 4]', true],
  ['self.l.all(i, v, i < 3 && v > 0)', true],
  ['self.m.transformMap(k, v, k + v) == {"k": "kv"}', true],
  ['self.m.transformList(k, v, k) == ["k"] && self.l.transformList(i, v, v > 1, i) == [0, 2]', true],
  ['self.m.transformMapEntry(k, v, {v: k}) == {"v": "k"}', true],
  ['has(self.a) && !has(self.m.zz) && "k" in self.m && 3 in self.l', true],
  ['self.?a.orValue(1) == 5 && !self.m[?"zz"].hasValue() && self.l[?9].orValue(7) == 7', true],
  ['optional.of(1).optMap(x, x + 1).value() == 2 && optional.none().or(optional.of(3)).value() == 3', true],
  ['{?"a": optional.of(1), ?"b": optional.none()} == {"a": 1} && [?optional.none(), 1] == [1]', true],
  ['self.x__dash__y == 1 && self.__namespace__ == "ns"', true],
  [
    'self.t.getFullYear() == 2026 && self.t.getHours("Europe/Paris") == 4 && self.t > timestamp("2025-01-01T00:00:00Z")',
    true,
  ],
  ['self.t + duration("1h30m") == timestamp("2026-01-02T04:34:05Z") && duration("90s").getSeconds() == 90', true],
  ['quantity("1.5Gi").isGreaterThan(quantity("1G")) && quantity("1k").add(quantity("500")).asInteger() == 1500', true],
  [
    'isQuantity("10Mi") && !isQuantity("10Mo") && quantity("-1").sign() == -1 && quantity("1") == quantity("1000m")',
    true,
  ],
  [
    'ip("192.168.0.1").family() == 4 && ip("::1").isLoopback() && !isIP("1.2.3") && string(ip("1::0:2")) == "1::2"',
    true,
  ],
  ['cidr("10.0.0.0/8").containsIP("10.1.2.3") && cidr("10.0.0.0/8").containsCIDR("10.1.0.0/16")', true],
  ['string(cidr("10.1.2.3/8").masked()) == "10.0.0.0/8" && ip.isCanonical("::1") && !ip.isCanonical("0::1")', true],
  ['url("https://u.test:80/p?q=1").getPort() == "80" && url("/p").getHost() == "" && !isURL("p q")', true],
  ['url("https://u.test/?a=1&a=2").getQuery()["a"] == ["1", "2"]', true],
  ['semver("1.2.3").isLessThan(semver("1.10.0")) && semver("1.0.0-rc.1").isLessThan(semver("1.0.0"))', true],
  ['isSemver("v1.2", true) && !isSemver("v1.2") && semver("1.2.3").minor() == 2', true],
  [
    'format.dns1123Label().validate("A_").hasValue() && !format.named("uuid").value().validate("00000000-0000-0000-0000-000000000000").hasValue()',
    true,
  ],
  ['"a1b22".findAll("[0-9]+") == ["1", "22"] && "a1".find("[0-9]") == "1" && "abc".matches("^a.c$")', true],
  [
    '[3, 1].sort() == [1, 3] && [1, 1].distinct() == [1] && [[1], [2]].flatten() == [1, 2] && [1, 2, 3].slice(1, 2) == [2]',
    true,
  ],
  ['lists.range(3).reverse() == [2, 1, 0] && self.l.sum() == 6 && self.l.max() == 3 && !self.l.isSorted()', true],
  [
    '["b", "a"].sortBy(x, x) == ["a", "b"] && sets.contains([1, 2], [2]) && sets.equivalent([1, 1], [1]) && !sets.intersects([1], [2])',
    true,
  ],
  ['"%s has %d, %.1f of it".format(["x", 3, 0.25]) == "x has 3, 0.3 of it"', true],
  [
    '"a,b".split(",").join("-").upperAscii().charAt(1) == "-" && "äbc".substring(1) == "bc" && "abcabc".lastIndexOf("b") == 4',
    true,
  ],
  ['1u + 2u == 3u && 7 / 2 == 3 && -7 % 3 == -1 && 1.5 > 1 && type(1) == int && int("5") == 5', true],
  ['b"abc".size() == 3 && r"\\d" == "\\\\d" && "\\u00e9" == "é"', true],
  ['false && self.m["zz"] == "x"', false],
  ['true || self.m["zz"] == "x"', true],
])('%s', (source, wanted) => {
  expect(evaluate(source)).toBe(wanted);
});

test.each([
  ['self.m["zz"] == "x"', 'no such key: zz'],
  ['self.l[7] == 1', 'index out of bounds: 7'],
  ['1 / (self.a - 5) == 1', 'division by zero'],
  ['9223372036854775807 + self.a > 0', 'integer overflow'],
  [
    'quantity(self.s).isInteger()',
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
  ],
  ['dyn(self.s) + 1 == 2', 'no such overload'],
])('fails as Kubernetes words it: %s', (source, wanted) => {
  expect(evaluate(source)).toBe(wanted);
});

const at = (message: string, source: string, column: number): string =>
  `compilation failed: ERROR: <input>:1:${column + 1}: ${message}\n | ${source}\n | ${'.'.repeat(column)}^`;

test.each([
  ['self.zz == 1', "undefined field 'zz'", 4],
  ["self.a == 'x'", "found no matching overload for '_==_' applied to '(int, string)'", 7],
  ['self.a.size() > 0', "found no matching overload for 'size' applied to 'int.()'", 11],
  ['nope(self.a)', "undeclared reference to 'nope' (in container '')", 4],
  ['self.l.x == 1', "type 'list(int)' does not support field selection", 6],
  [
    'self.a.all(x, true)',
    "expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
    4,
  ],
  ['self.a && true', "expected type 'bool' but found 'int'", 4],
  ["[1, 'a'].size() > 0", "expected type 'int' but found 'string'", 4],
  ["self.s.matches('(')", 'invalid matches argument', 15],
  ['has(self)', 'invalid argument to has() macro', 4],
  ['self.l.exists(1, true)', 'argument must be a simple name', 14],
  ['(self.a', "Syntax error: missing ')' at '<EOF>'", 7],
  ['size(self.l, 1', "Syntax error: missing ')' at '<EOF>'", 14],
  ['self.l[0', "Syntax error: missing ']' at '<EOF>'", 8],
  ['((self.a', "Syntax error: mismatched input '<EOF>' expecting ')'", 8],
  ['[self.a', "Syntax error: mismatched input '<EOF>' expecting {']', ','}", 7],
  ['size(self.l]', "Syntax error: mismatched input ']' expecting ')'", 11],
  ['self.a b', "Syntax error: extraneous input 'b' expecting <EOF>", 7],
])('is not compiled: %s', (source, message, column) => {
  expect(evaluate(source)).toBe(at(message, source, column));
});

test('what an expression may cost is bounded by the sizes that its types allow', () => {
  const cost = (source: string): number => {
    const { expression, error } = compile(source, new Map([['self', self]]), BOOL);
    if (!expression) throw new Error(error);
    return expression.estimate().max;
  };
  expect(cost('self.a > 1')).toBeLessThan(10);
  expect(cost('self.l.all(x, x > 1)')).toBeLessThan(200);
  expect(cost('self.l.all(x, self.l.all(y, x == y))')).toBeGreaterThan(cost('self.l.all(x, x > 1)') * 5);
  expect(cost('self.open.all(x, self.open.all(y, x == y))')).toBeGreaterThan(1e12);
});

test('an evaluation that is too dear ends', () => {
  const { expression } = compile(
    'lists.range(100000).all(x, lists.range(100000).all(y, x == y || true))',
    new Map(),
    BOOL,
  );
  expect(expression?.run({})).toMatchObject({ error: 'operation cancelled: actual cost limit exceeded' });
});

test('lists that double, and long lists and maps read over and over, end in time', () => {
  const joins = [...Array(30).keys()].map((index) => `[l${index} + l${index}].all(l${index + 1}, `);
  const doubling = `[[0, 1, 2]].all(l0, ${joins.join('')}l30.size() > 0${')'.repeat(31)}`;
  const scope = new Map([['self', DYN]]);
  expect(compile(doubling, scope).expression?.run({})).toMatchObject({
    error: 'operation cancelled: actual cost limit exceeded',
  });
  const self = [...Array(50_000).keys()];
  const reading = 'self.all(x, size(self) > 0 && self.exists(y, true))';
  const began = performance.now();
  expect(compile(reading, scope).expression?.run({ self }).value).toBe(true);
  const map = Object.fromEntries(self.map((index) => [`k${index}`, index]));
  const mapped = compile('self.all(x, self.exists(y, true))', scope).expression?.run({ self: map });
  expect(mapped?.value).toBe(true);
  expect(compile('self.all(x, size(self) > 0)', scope).expression?.run({ self: map }).error).toContain('cost limit');
  expect(performance.now() - began).toBeLessThan(5000);
});

test('rights are asked of the authorizer', () => {
  const asked: unknown[] = [];
  const authorizer = authorizerValue((verb, about) => {
    asked.push({ verb, ...about });
    return { allowed: about.group === 'apps', reason: 'told' };
  });
  const scope: Record<string, [KType, unknown]> = {
    authorizer: [opaque('kubernetes.authorization.Authorizer'), authorizer],
    any: [DYN, { x: 1 }],
  };
  const source =
    "authorizer.group('apps').resource('deployments').namespace('ns').check('create').allowed() && any.x == 1";
  expect(evaluate(source, scope)).toBe(true);
  expect(asked).toEqual([{ verb: 'create', group: 'apps', resource: 'deployments', namespace: 'ns' }]);
  expect(evaluate("authorizer.path('/x').check('get').reason()", scope)).toBe('told');
});
