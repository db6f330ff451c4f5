import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import {
  configMap,
  configMaps,
  deployments,
  namespace,
  namespaces,
  openTestCluster,
  type TestCluster,
} from '../../test-cluster.ts';

const group = 'admissionregistration.k8s.io';
const policies: Gvr = { group, version: 'v1', resource: 'validatingadmissionpolicies' };
const bindings: Gvr = { group, version: 'v1', resource: 'validatingadmissionpolicybindings' };

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster();
});
afterAll(() => setup.close());
afterEach(async () => {
  for (const kind of [policies, bindings])
    for (const { metadata } of (await setup.client.list(kind)).items)
      await setup.client.delete(kind, metadata.name ?? '');
});

const refusal = (promise: Promise<unknown>): Promise<Loose> =>
  promise.then(
    () => undefined,
    (error) => error.status,
  );

function policy(spec: Loose, name = 'p'): KubeObject {
  const resourceRules = [
    { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE', 'DELETE'], resources: ['configmaps'] },
  ];
  return {
    apiVersion: `${group}/v1`,
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name },
    spec: { matchConstraints: { resourceRules }, ...spec },
  };
}

async function bind(spec: Loose = {}, name = 'b'): Promise<void> {
  await setup.client.create(bindings, {
    apiVersion: `${group}/v1`,
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name },
    spec: { policyName: 'p', validationActions: ['Deny'], ...spec },
  });
}

async function install(spec: Loose, binding: Loose = {}): Promise<void> {
  await setup.client.create(policies, policy(spec));
  await bind(binding);
}

const make = (name: string, data: Record<string, string> = {}): Promise<KubeObject> =>
  setup.client.create(configMaps, configMap(name, data));
const head = `configmaps "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: `;

describe('a policy', () => {
  test('says its message, the composed one, or the expression', async () => {
    await install({
      variables: [{ name: 'keys', expression: 'size(object.data)' }],
      validations: [
        { expression: 'variables.keys < 3', messageExpression: "'at most 2, not ' + string(variables.keys)" },
        { expression: "!('b' in object.data)", message: ' no b ', reason: 'Forbidden' },
        { expression: "!('c' in object.data)" },
      ],
    });
    expect(await refusal(make('x', { a: '', d: '', e: '' }))).toMatchObject({
      code: 422,
      reason: 'Invalid',
      message: `${head}at most 2, not 3`,
      details: { name: 'x', kind: 'configmaps', causes: [{ message: expect.stringContaining('denied request') }] },
    });
    expect(await refusal(make('x', { b: '' }))).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: `${head}no b`,
    });
    expect((await refusal(make('x', { c: '' }))).message).toBe(`${head}failed expression: !('c' in object.data)`);
    await make('good', { a: '' });
  });

  test('fails on its errors, unless it ignores them', async () => {
    await install({ validations: [{ expression: "object.data.mode == 'on'" }] });
    expect((await refusal(make('x', { a: '' }))).message).toBe(
      `${head}expression 'object.data.mode == 'on'' resulted in error: no such key: mode`,
    );
    await setup.client.patch(policies, 'p', undefined, 'merge', { spec: { failurePolicy: 'Ignore' } });
    await make('ignored', { a: '' });
    expect((await refusal(make('x', { mode: 'off' }))).message).toContain('failed expression');
  });

  test('of an error in a variable says which', async () => {
    await install({
      variables: [{ name: 'mode', expression: 'object.data.mode' }],
      validations: [{ expression: "variables.mode == 'on'" }],
    });
    expect((await refusal(make('x', { a: '' }))).message).toBe(
      `${head}expression 'variables.mode == 'on'' resulted in error: composited variable "mode" fails to evaluate: no such key: mode`,
    );
  });

  describe('that would never end', () => {
    const numbers = `[${[...Array(100).keys()]}]`;
    const endless = [...'abcdef'].reduceRight((inner, name) => `${numbers}.all(${name}, ${inner})`, 'a + f >= 0');
    const cancelled = 'operation cancelled: actual cost limit exceeded';
    const spent = 'validation failed due to running out of cost budget, no further validation rules will be run';

    test('is cancelled, and so are its variables and conditions', async () => {
      const variables = [{ name: 'big', expression: endless }];
      await install({ variables, validations: [{ expression: endless }] });
      const refused = await refusal(make('x'));
      expect(refused).toMatchObject({ code: 422, reason: 'Invalid' });
      expect(refused.message).toBe(`${head}expression '${endless}' resulted in error: ${cancelled}`);
      await setup.client.patch(policies, 'p', undefined, 'merge', {
        spec: { validations: [{ expression: 'variables.big' }] },
      });
      expect((await refusal(make('x'))).message).toBe(
        `${head}expression 'variables.big' resulted in error: composited variable "big" fails to evaluate: ${cancelled}`,
      );
      await setup.client.patch(policies, 'p', undefined, 'merge', {
        spec: { matchConditions: [{ name: 'c', expression: endless }] },
      });
      expect((await refusal(make('x'))).message).toContain(cancelled);
      await setup.client.patch(policies, 'p', undefined, 'merge', { spec: { failurePolicy: 'Ignore' } });
      await make('ignored-endless');
    });

    test('spends what all of them may: nothing more is asked', async () => {
      const many = (count: number): Loose[] =>
        [...Array(count).keys()].map((index) => ({ name: `c${index}`, expression: `${endless} || ${index} > 0` }));
      await install({ validations: many(11).map(({ expression }) => ({ expression })) });
      expect((await refusal(make('x'))).message).toBe(`${head}${spent}`);
      await setup.client.patch(policies, 'p', undefined, 'merge', {
        spec: { validations: [{ expression: 'true' }], matchConditions: many(3) },
      });
      expect((await refusal(make('x'))).message).toBe(`${head}${spent}`);
      await setup.client.patch(policies, 'p', undefined, 'merge', {
        spec: {
          validations: many(11).map(({ expression }) => ({
            expression: 'true',
            messageExpression: `string(${expression})`,
          })),
          matchConditions: [],
        },
      });
      expect((await refusal(make('x'))).message).toBe(`${head}failed messageExpression: ${spent}`);
    });
  });

  test('asks for the rights of the request it judges', async () => {
    await install({
      validations: [{ expression: "!authorizer.requestResource.check('delete').allowed()", message: 'may delete' }],
    });
    expect((await refusal(make('x'))).message).toBe(`${head}may delete`);
  });

  test('is typed by its variables when it is written', async () => {
    const refused = await refusal(
      setup.client.create(
        policies,
        policy({
          variables: [{ name: 'letters', expression: "['a']" }],
          validations: [
            { expression: 'variables.letters[0] == 1' },
            { expression: 'authorizer.foo' },
            { expression: 'object.foo.bar', messageExpression: 'authorizer.foo' },
          ],
          auditAnnotations: [{ key: 'a', valueExpression: '1' }],
        }),
      ),
    );
    expect(refused.details.causes.map(({ message }: Loose) => message.split('\n')[0])).toEqual([
      expect.stringContaining("<input>:1:22: found no matching overload for '_==_' applied to '(string, int)'"),
      expect.stringContaining("<input>:1:11: unexpected failed resolution of 'kubernetes.authorization.Authorizer'"),
      expect.stringContaining('must evaluate to bool but got dyn'),
      expect.stringContaining("<input>:1:1: undeclared reference to 'authorizer' (in container '')"),
      expect.stringContaining('must evaluate to one of [string null_type] but got int'),
    ]);
  });

  test('warns instead of refusing', async () => {
    await install(
      { validations: [{ expression: 'false', message: 'never' }] },
      { validationActions: ['Warn', 'Audit'] },
    );
    await make('warned');
    expect((await setup.client.get(configMaps, 'warned', 'default')).metadata.name).toBe('warned');
  });

  test('knows the old object, the request, the namespace and its conditions', async () => {
    await setup.client.create(configMaps, configMap('frozen', { a: '1' }, { labels: { frozen: 'yes' } }));
    await install({
      matchConditions: [
        {
          name: 'frozen',
          expression: "oldObject != null && has(oldObject.metadata.labels) && 'frozen' in oldObject.metadata.labels",
        },
      ],
      validations: [
        { expression: "request.operation != 'DELETE'", message: 'not deleted' },
        { expression: 'object == null || object.data == oldObject.data', message: 'not changed' },
        {
          expression: "namespaceObject.metadata.name == 'default' && request.userInfo.username == 'kubernetes-admin'",
          message: 'not here',
        },
      ],
    });
    const patched = setup.client.patch(configMaps, 'frozen', 'default', 'merge', { data: { a: '2' } });
    expect((await refusal(patched)).message).toContain('not changed');
    expect((await refusal(setup.client.delete(configMaps, 'frozen', 'default'))).message).toContain('not deleted');
    await setup.client.patch(configMaps, 'frozen', 'default', 'merge', { metadata: { labels: { more: 'yes' } } });
    await make('untouched');
  });

  test('is held against objects it is given as parameters', async () => {
    const spec = {
      paramKind: { apiVersion: 'v1', kind: 'ConfigMap' },
      validations: [{ expression: 'size(object.data) <= int(params.data.most)', message: 'too many' }],
      matchConstraints: {
        ...policy({}).spec.matchConstraints,
        objectSelector: { matchLabels: { counted: 'yes' } },
      },
    };
    await make('limits', { most: '1' });
    await install(spec, { paramRef: { name: 'limits', parameterNotFoundAction: 'Deny' } });
    const counted = (data: Record<string, string>): Promise<Loose> =>
      refusal(setup.client.create(configMaps, configMap('x', data, { labels: { counted: 'yes' } })));
    expect((await counted({ a: '', b: '' })).message).toBe(`${head}too many`);
    await setup.client.delete(configMaps, 'limits', 'default');
    expect((await counted({})).message).toBe(
      `${head}failed to configure binding: no params found for policy binding with \`Deny\` parameterNotFoundAction`,
    );
    await setup.client.patch(bindings, 'b', undefined, 'merge', {
      spec: { paramRef: { parameterNotFoundAction: 'Allow' } },
    });
    expect(await counted({})).toBeUndefined();
  });

  test('asks what the requester, or a ServiceAccount, may do', async () => {
    await install({
      validations: [
        { expression: "authorizer.group('').resource('pods').namespace('default').check('delete').allowed()" },
        {
          expression:
            "!authorizer.serviceAccount('default', 'default').group('apps').resource('deployments').check('get').allowed()",
        },
        {
          expression: "authorizer.path('/healthz').check('get').allowed() && object.metadata.name != 'x'",
          message: 'not x',
        },
      ],
    });
    expect((await refusal(make('x'))).message).toBe(`${head}not x`);
    await make('may');
  });

  test('leaves out what its binding or its own rules exclude', async () => {
    await setup.client.create(namespaces, {
      ...namespace('strict'),
      metadata: { name: 'strict', labels: { strict: 'yes' } },
    });
    await install(
      { validations: [{ expression: 'false', message: 'never' }] },
      { matchResources: { namespaceSelector: { matchLabels: { strict: 'yes' } } } },
    );
    await make('free');
    const strict = { ...configMap('x'), metadata: { name: 'x', namespace: 'strict' } };
    expect((await refusal(setup.client.create(configMaps, strict))).message).toContain('never');
    await setup.client.patch(policies, 'p', undefined, 'merge', {
      spec: {
        matchConstraints: {
          excludeResourceRules: [{ ...policy({}).spec.matchConstraints.resourceRules[0], resourceNames: ['x'] }],
        },
      },
    });
    await setup.client.create(configMaps, strict);
  });

  test('on deployments is not asked about their scale', async () => {
    const resourceRules = [
      { apiGroups: ['apps'], apiVersions: ['v1'], operations: ['UPDATE'], resources: ['deployments'] },
    ];
    await install({ matchConstraints: { resourceRules }, validations: [{ expression: 'false' }] });
    await setup.client.create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'web', image: 'nginx:1.27' }] },
        },
      },
    });
    await setup.client.patch(
      deployments,
      'web',
      'default',
      'merge',
      { spec: { replicas: 3 } },
      { subresource: 'scale' },
    );
    const patched = setup.client.patch(deployments, 'web', 'default', 'merge', { spec: { replicas: 2 } });
    expect((await refusal(patched)).message).toContain('failed expression: false');
  });
});

test('a policy is read when it is made, and told of in the compiler’s words', async () => {
  const { message } = await refusal(
    setup.client.create(
      policies,
      policy({
        failurePolicy: 'Maybe',
        matchConditions: [{ name: 'a', expression: 'request.foo == 1' }],
        validations: [
          { expression: 'object.foo ==', message: 'a\nb', reason: 'Bad' },
          { expression: 'foo == 1' },
          { expression: 'object.foo' },
          { expression: "'a' + 1 == 'b'" },
          { expression: 'object.x.startsWith(1)' },
          { expression: "request.userInfo.groups == 'a'" },
          { expression: 'true', messageExpression: '1' },
          { expression: '(object.x' },
        ],
      }),
    ),
  );
  const at = (index: number): string => `spec.validations[${index}].expression: Invalid value: `;
  for (const part of [
    'spec.failurePolicy: Unsupported value: "Maybe": supported values: "Fail", "Ignore"',
    `spec.matchConditions[0].expression: Invalid value: "request.foo == 1": compilation failed: ERROR: <input>:1:8: undefined field 'foo'\n | request.foo == 1\n | .......^`,
    `${at(0)}"object.foo ==": compilation failed: ERROR: <input>:1:14: Syntax error: mismatched input '<EOF>' expecting {'[', `,
    'spec.validations[0].message: Invalid value: "a\\nb": must not contain line breaks',
    'spec.validations[0].reason: Unsupported value: "Bad": supported values: "Forbidden", "Invalid", "RequestEntityTooLarge"',
    `${at(1)}"foo == 1": compilation failed: ERROR: <input>:1:1: undeclared reference to 'foo' (in container '')\n | foo == 1\n | ^`,
    `${at(2)}"object.foo": must evaluate to bool but got dyn`,
    `ERROR: <input>:1:5: found no matching overload for '_+_' applied to '(string, int)'`,
    `ERROR: <input>:1:20: found no matching overload for 'startsWith' applied to 'dyn.(int)'`,
    `ERROR: <input>:1:25: found no matching overload for '_==_' applied to '(list(string), string)'`,
    'spec.validations[6].messageExpression: Invalid value: "1": must evaluate to string but got int',
    `${at(7)}"(object.x": compilation failed: ERROR: <input>:1:10: Syntax error: missing ')' at '<EOF>'\n | (object.x\n | .........^`,
  ])
    expect(message).toContain(part);
});

test('a binding says what it does', async () => {
  const { message } = await refusal(
    bind({ policyName: '', validationActions: ['Deny', 'Warn', 'Shout'], paramRef: {} }),
  );
  for (const part of [
    'spec.policyName: Required value',
    'spec.paramRef: Required value: one of name or selector must be specified',
    'spec.paramRef.parameterNotFoundAction: Required value',
    'spec.validationActions[2]: Unsupported value: "Shout": supported values: "Audit", "Deny", "Warn"',
    'must not contain both Deny and Warn',
  ])
    expect(message).toContain(part);
});
