import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { openTestCluster, type TestCluster } from '../test-cluster.ts';

let opened: TestCluster;
beforeAll(async () => {
  opened = await openTestCluster();
});
afterAll(() => opened.close());

/** Defines a kind whose spec has this schema; resolves with the answer. */
const define = (plural: string, spec: Loose) =>
  opened.transport.request({
    method: 'POST',
    path: '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
    body: {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: `${plural}.rude.example` },
      spec: {
        group: 'rude.example',
        scope: 'Namespaced',
        names: { plural, singular: plural.slice(0, -1), kind: plural },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
          },
        ],
      },
    },
  });

const make = (plural: string, spec: Loose) =>
  opened.transport.request({
    method: 'POST',
    path: `/apis/rude.example/v1/namespaces/default/${plural}`,
    body: { apiVersion: 'rude.example/v1', kind: plural, metadata: { name: 'one' }, spec },
  });

test('a regular expression that never ends elsewhere ends here', async () => {
  const text = { type: 'string', pattern: '^(a+)+$' };
  expect((await define('patterns', { type: 'object', properties: { text } })).code).toBe(201);
  const answer = await make('patterns', { text: `${'a'.repeat(5000)}!` });
  expect([answer.code, answer.body.message]).toEqual([422, expect.stringContaining("in body should match '^(a+)+$'")]);
});

test('a rule in CEL that would never end is refused when it is defined', async () => {
  const items = { type: 'array', items: { type: 'integer' } };
  const rule = 'self.items.all(a, self.items.all(b, self.items.all(c, self.items.all(d, a + b + c + d != 4))))';
  const answer = await define('endlesses', {
    type: 'object',
    properties: { items },
    'x-kubernetes-validations': [{ rule }],
  });
  expect([answer.code, answer.body.message]).toEqual([
    422,
    expect.stringContaining('estimated rule cost exceeds budget by factor of more than 100x'),
  ]);
});
