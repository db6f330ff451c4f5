import { describe, expect, test } from 'vitest';
import { compileExpression } from '../../../cel/expression.ts';
import { openApiType } from '../../../cel/openapi.ts';
import { DYN, listOf, mapOf, STRING } from '../../../cel/types.ts';
import { loadSchemas } from '../../../kubernetes/facts.ts';

const schemas = loadSchemas();
const typeOf = (name: string, title: string) => openApiType(schemas[name] ?? {}, (ref) => schemas[ref], title);
const deployment = typeOf('io.k8s.api.apps.v1.Deployment', 'Deployment');
const pod = typeOf('io.k8s.api.core.v1.Pod', 'Pod');
const scope = { item: deployment, items: listOf(pod), vars: mapOf(STRING), any: DYN };

const item = {
  metadata: { name: 'web', generation: 2, creationTimestamp: '2026-01-01T00:00:00Z', labels: { app: 'web' } },
  spec: { replicas: 5, template: { spec: { containers: [{ name: 'web', image: 'nginx:1.27' }] } } },
  status: { observedGeneration: 2, replicas: 5, updatedReplicas: 2 },
};
const items = [
  {
    metadata: { name: 'web-1', uid: '1' },
    spec: { containers: [{ image: 'x' }] },
    status: { containerStatuses: [{ name: 'web', state: { waiting: { reason: 'ErrImagePull' } } }] },
  },
  { metadata: { name: 'web-2', uid: '2' }, status: {} },
];
const any = { n: 3, f: 2.5, list: [3, 1, 2], nothing: null, text: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!' };
const variables = { item, items, vars: { namespace: 'ada' }, any };

function run(source: string, budget?: number) {
  const { expression, problems } = compileExpression(source, scope);
  if (!expression) throw new Error(problems.map((problem) => problem.message).join('; '));
  return expression.evaluate(variables, budget);
}

describe('values', () => {
  test.each<[string, unknown]>([
    ['item.spec.replicas / 2', 2n],
    ['item.spec.replicas / 2 == 2 && item.spec.replicas % 2 == 1', true],
    ['any.n + 1', 4n],
    ['any.f * 2.0', 5],
    ['item.spec.replicas == 5.0', true],
    ['string(item.spec.replicas) + "!"', '5!'],
    ['item.metadata.creationTimestamp > timestamp("2025-12-31T23:59:59Z")', true],
    ['timestamp("2026-01-01T00:01:00Z") - item.metadata.creationTimestamp == duration("1m")', true],
    ['item.metadata.labels["app"] == vars.namespace', false],
    ['"app" in item.metadata.labels', true],
    ['items.map(p, p.metadata.name)', ['web-1', 'web-2']],
    ['items.map(p, p.metadata.uid == "2", p.metadata.name)', ['web-2']],
    ['items.filter(p, p.metadata.name.endsWith("1")).size()', 1n],
    ['items.exists_one(p, p.metadata.name == "web-1")', true],
    ['any.list.sum() + any.list.max()', 9n],
    ['cel.bind(n, any.n, n * n)', 9n],
    ['any.n > 2 ? "many" : "few"', 'many'],
    ['quantity("1.5Gi").isGreaterThan(quantity("1500M"))', true],
    ['url("https://a.example:8443/x?y").getHostname()', 'a.example'],
    ['item.spec.template.spec.?nodeName.orValue("none")', 'none'],
    ['string(base64.decode("aGk="))', 'hi'],
    ['"a-b-c".split("-").join("+").replace("+", "_")', 'a_b_c'],
    ['any.nothing == null', true],
  ])('%s', (source, value) => {
    expect(run(source)).toEqual({ value });
  });
});

describe('what is not there yet', () => {
  test.each<[string, object]>([
    ['item.status.readyReplicas', { value: 0n }],
    ['has(item.status.readyReplicas)', { value: false }],
    ['item.spec.paused', { absent: 'paused' }],
    ['item.spec.paused == true || item.spec.replicas == 5', { value: true }],
    ['item.spec.paused && item.spec.replicas == 4', { value: false }],
    ['items[7].metadata.name == "x"', { absent: '[7]' }],
    ['items[1].status.containerStatuses[0].ready', { absent: 'containerStatuses' }],
    [
      'items.exists(p, p.status.containerStatuses.exists(c, c.state.waiting.reason == "ErrImagePull"))',
      { value: true },
    ],
    ['items.all(p, p.status.phase == "Running")', { absent: 'phase' }],
    ['item.metadata.labels.constructor', { absent: 'constructor' }],
  ])('%s', (source, outcome) => {
    expect(run(source)).toEqual(outcome);
  });

  test('an empty status counts zero, as that of an object just made', () => {
    const { expression } = compileExpression('item.status.observedGeneration == item.metadata.generation', scope);
    expect(expression?.evaluate({ item: { metadata: { generation: 1 } } })).toEqual({ value: false });
  });
});

describe('errors are results', () => {
  test.each([
    ['1 / 0', 'division by zero'],
    ['any.n + "x"', '`+` cannot join bigint and string'],
    ['any.text.matches(any.n)', '`matches` does not take int'],
    ['9223372036854775807 + 1', 'the number does not fit 64 bits'],
    ['timestamp("yesterday")', '"yesterday" is not a timestamp (RFC 3339)'],
  ])('%s', (source, error) => {
    expect(run(source)).toEqual({ error });
  });
});

describe('bombs', () => {
  test('a pattern that freezes a backtracking engine is linear', () => {
    const began = performance.now();
    expect(run('any.text.matches("^(a+)+$")')).toEqual({ value: false });
    expect(performance.now() - began).toBeLessThan(500);
  });

  test('nested macros stop at the budget', () => {
    const letters = 'abcdefghijklmnopqrstuvwxyz';
    const bomb = [...letters].reduceRight((inner, name) => `items.all(${name}, ${inner})`, 'true');
    expect(run(bomb)).toEqual({ error: 'the expression costs more than 300000 steps' });
  });

  test('the budget is not absorbed by an operator', () => {
    const list = `[${'1,'.repeat(99)}1]`;
    const inner = `${list}.all(a, ${list}.all(b, ${list}.all(c, true)))`;
    expect(run(`(${inner}) || true`)).toEqual({ error: expect.stringContaining('costs more') });
  });

  test('a text that doubles in a chain of concatenations costs', () => {
    const doubling = Array.from({ length: 40 }).reduce((inner: string) => `cel.bind(s, s + s, ${inner})`, 's.size()');
    expect(run(`cel.bind(s, any.text, ${doubling})`)).toEqual({ error: expect.stringContaining('costs more') });
  });
});

describe('type check', () => {
  test.each([
    ['item.spec.replica == 3', 'DeploymentSpec has no field `replica`', 'did you mean `replicas`?', 10, 17],
    [
      'item.status.readyreplicas > 0',
      'DeploymentStatus has no field `readyreplicas`',
      'did you mean `readyReplicas`?',
      12,
      25,
    ],
    [
      'item.spec.replicas == "3"',
      'int is never equal to string',
      'drop the quotes, or write `string(…)` around the number',
      0,
      25,
    ],
    [
      'items.metadata.name == "x"',
      '`items` is list of Pod, which has no field `metadata`',
      'name one element (`[0]`) or ask all of them: `.exists(x, …)`',
      0,
      14,
    ],
    ['itm.spec.replicas == 1', '`itm` is not known here', 'did you mean `item`?', 0, 3],
    ['item.metadata.name.startWith("x")', 'there is no function `startWith`', 'did you mean `startsWith`?', 0, 33],
    ['items.exist(p, p.metadata.name == "x")', 'there is no function `exist`', 'did you mean `exists`?', 0, 38],
    [
      'item.metadata.name.matches("(a")',
      'not a regular expression (RE2): error parsing regexp: missing closing ): `(a`',
      undefined,
      27,
      31,
    ],
    [
      'item.metadata.creationTimestamp == "2026"',
      'timestamp is never equal to string',
      'write `timestamp("…")` around the text',
      0,
      41,
    ],
    ['item.spec.replicas + "x" == "5x"', '`+` cannot join int and string', 'make both text with `string(…)`', 0, 24],
    ['item.spec.replicas && true', '`item.spec.replicas` is int, where true or false is wanted', undefined, 0, 18],
    ['item.spec.replicas ==', 'not CEL: unexpected token: the end', undefined, 21, 21],
    ['items.exists(c c)', 'not CEL: expected `)`, got IDENTIFIER', undefined, 15, 16],
  ])('%s', (source, message, remedy, start, end) => {
    const { problems } = compileExpression(source, scope);
    expect(problems).toMatchObject([remedy ? { message, remedy, start, end } : { message, start, end }]);
  });

  test('all problems at once', () => {
    const { problems } = compileExpression('item.spec.replica == 1 && item.status.redyReplicas == 1', scope);
    expect(problems.map((problem) => problem.remedy)).toEqual([
      'did you mean `replicas`?',
      'did you mean `readyReplicas`?',
    ]);
  });

  test('what is wanted is told', () => {
    expect(compileExpression('item.spec.replicas', scope, { kind: 'bool' }).problems[0]?.message).toBe(
      'the expression gives int, where bool is wanted',
    );
  });

  test('quantities are text, and what a schema leaves open may be anything', () => {
    expect(
      compileExpression(
        'quantity(items[0].spec.containers[0].resources.limits.memory).isLessThan(quantity("1Gi"))',
        scope,
      ).problems,
    ).toEqual([]);
    expect(compileExpression('any.whatever.you[0].like == 3', scope).problems).toEqual([]);
  });
});

describe('why', () => {
  test.each([
    [
      'item.status.observedGeneration == item.metadata.generation && item.status.updatedReplicas == item.spec.replicas',
      'status.updatedReplicas',
      '2',
    ],
    ['items.all(p, p.status.phase == "Running")', 'web-1.status.phase', 'not there yet'],
    ['items.exists(p, p.metadata.name == "db")', 'web-2.metadata.name', 'web-2'],
    ['items.size() == 3', 'items', 'web-1, web-2'],
    ['item.metadata.labels.tier == "x"', 'metadata.labels.tier', 'not there yet'],
    [
      'item.spec.template.spec.containers.exists(c, c.image == "x")',
      'spec.template.spec.containers[0].image',
      'nginx:1.27',
    ],
  ])('%s', (source, field, value) => {
    const { expression } = compileExpression(source, scope);
    expect(expression?.explain(variables)).toEqual({ field, value });
  });
});

test('the fields read below a variable', () => {
  const { expression } = compileExpression(
    '!items.exists(p, any.items.exists(b, b.metadata.uid == p.metadata.uid)) && any.items.size() == 1',
    scope,
  );
  expect(expression?.reads('any')).toEqual([
    ['items', '*', 'metadata', 'uid'],
    ['items', '*', 'metadata', 'uid'],
    ['items', '*', 'metadata', 'uid'],
  ]);
});
