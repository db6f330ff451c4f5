import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Gvr, Loose } from '../../../../../../kubernetes/object.ts';
import { configMap, configMaps, openTestCluster, pod, pods, type TestCluster } from '../test-cluster.ts';

const rbac = (resource: string): Gvr => ({ group: 'rbac.authorization.k8s.io', version: 'v1', resource });
const accounts: Gvr = { group: '', version: 'v1', resource: 'serviceaccounts' };

let setup: TestCluster;
beforeAll(async () => {
  setup = await openTestCluster();
});
afterAll(() => setup.close());

const refusal = (promise: Promise<unknown>) =>
  promise.then(
    () => undefined,
    (error) => error.status,
  );

function binding(name: string, role: string, user: string): Loose {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name, namespace: 'default' },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ kind: 'User', apiGroup: 'rbac.authorization.k8s.io', name: user }],
  };
}

test('nobody may anything until a binding says so, and only where it says', async () => {
  const bob = setup.as('bob');
  expect(await refusal(bob.list(configMaps, { namespace: 'default' }))).toMatchObject({
    code: 403,
    message:
      'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" in the namespace "default"',
    details: { kind: 'configmaps' },
  });
  await setup.client.create(rbac('rolebindings'), binding('bob-views', 'view', 'bob'));
  expect((await bob.list(configMaps, { namespace: 'default' })).items).toBeDefined();
  expect((await refusal(bob.list(configMaps)))?.message).toBe(
    'configmaps is forbidden: User "bob" cannot list resource "configmaps" in API group "" at the cluster scope',
  );
  expect((await refusal(bob.create(configMaps, configMap('x'))))?.code).toBe(403);
  await setup.client.delete(rbac('rolebindings'), 'bob-views', 'default');
  expect((await refusal(bob.list(configMaps, { namespace: 'default' })))?.code).toBe(403);
});

test('a right for one name lets its holder list and watch that name alone', async () => {
  const rules = [{ apiGroups: [''], resources: ['configmaps'], resourceNames: ['mine'], verbs: ['list', 'watch'] }];
  const metadata = { name: 'mine-alone', namespace: 'default' };
  await setup.client.create(rbac('roles'), {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata,
    rules,
  });
  const bound = binding('ann-mine', 'mine-alone', 'ann');
  bound.roleRef.kind = 'Role';
  await setup.client.create(rbac('rolebindings'), bound as never);
  await setup.client.create(configMaps, configMap('mine'));
  const ann = setup.as('ann');
  const list = (fieldSelector: string) => ann.list(configMaps, { namespace: 'default', fieldSelector });
  expect((await list('metadata.name=mine')).items.map(({ metadata }) => metadata.name)).toEqual(['mine']);
  expect((await refusal(list('metadata.name=other')))?.message).toBe(
    'configmaps "other" is forbidden: User "ann" cannot list resource "configmaps" in API group "" in the namespace "default"',
  );
  expect((await refusal(list('metadata.name!=mine')))?.code).toBe(403);
});

test('rights that somebody lacks cannot be given away', async () => {
  await setup.client.create(rbac('rolebindings'), binding('joe-admin', 'admin', 'joe'));
  const joe = setup.as('joe');
  const role = (name: string, resources: string[]): Loose => ({
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'Role',
    metadata: { name, namespace: 'default' },
    rules: [{ apiGroups: [''], resources, verbs: ['get'] }],
  });
  expect((await joe.create(rbac('roles'), role('mine', ['pods']))).metadata.name).toBe('mine');
  expect(await refusal(joe.create(rbac('roles'), role('more', ['nodes'])))).toMatchObject({
    code: 403,
    message:
      'roles.rbac.authorization.k8s.io "more" is forbidden: user "joe" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["nodes"], Verbs:["get"]}',
  });
  expect((await refusal(joe.create(rbac('rolebindings'), binding('all', 'cluster-admin', 'joe'))))?.code).toBe(403);
});

test('a token is its ServiceAccount until that is gone', async () => {
  const { client } = setup;
  const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot', namespace: 'default' } };
  await client.create(accounts, account);
  const answer: Loose = await client.createSubresource(accounts, 'robot', 'default', 'token', {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'TokenRequest',
    spec: { expirationSeconds: 600 },
  });
  const robot = setup.withToken(answer.status.token);
  const review: Gvr = { group: 'authentication.k8s.io', version: 'v1', resource: 'selfsubjectreviews' };
  const who = await robot.create(review, {
    apiVersion: 'authentication.k8s.io/v1',
    kind: 'SelfSubjectReview',
    metadata: {},
  });
  expect(who.status.userInfo).toMatchObject({
    username: 'system:serviceaccount:default:robot',
    groups: ['system:serviceaccounts', 'system:serviceaccounts:default', 'system:authenticated'],
  });
  expect((await refusal(robot.list(pods, { namespace: 'default' })))?.code).toBe(403);
  await client.delete(accounts, 'robot', 'default');
  expect(await refusal(robot.list(pods, { namespace: 'default' }))).toMatchObject({
    code: 401,
    message: 'Unauthorized',
  });
  expect((await refusal(setup.withToken('not.a.token').list(pods)))?.code).toBe(401);
});

test('a pod gets its account, its token, its priority and its tolerations', async () => {
  const made = await setup.client.create(pods, pod('plain'));
  const { spec } = made;
  expect([spec.serviceAccountName, spec.priority, spec.tolerations.length]).toEqual(['default', 0, 2]);
  expect(spec.volumes[0].name).toMatch(/^kube-api-access-[a-z0-9]{5}$/);
  expect(spec.containers[0].volumeMounts).toEqual([
    { name: spec.volumes[0].name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' },
  ]);
  const stranger = await refusal(setup.client.create(pods, pod('stranger', { serviceAccountName: 'nobody' })));
  expect(stranger?.message).toBe(
    'pods "stranger" is forbidden: error looking up service account default/nobody: serviceaccount "nobody" not found',
  );
});

test('a namespace’s quota is charged at once', async () => {
  const { client } = setup;
  const quotas: Gvr = { group: '', version: 'v1', resource: 'resourcequotas' };
  const hard = { configmaps: '1' };
  await client.create(
    { ...configMaps, resource: 'namespaces' },
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'small' } },
  );
  const quota = await client.create(quotas, {
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'q', namespace: 'small' },
    spec: { hard },
  });
  await client.update(quotas, { ...quota, status: { hard, used: { configmaps: '0' } } }, 'status');
  const small = (name: string) => ({ ...configMap(name), metadata: { name, namespace: 'small' } });
  await client.create(configMaps, small('first'));
  expect((await refusal(client.create(configMaps, small('second'))))?.message).toBe(
    'configmaps "second" is forbidden: exceeded quota: q, requested: configmaps=1, used: configmaps=1, limited: configmaps=1',
  );
});

test('evictions keep to the disruption budget', async () => {
  const { client } = setup;
  const made = await client.create(pods, pod('guarded'));
  await client.update(
    pods,
    { ...made, status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] } },
    'status',
  );
  const budgets: Gvr = { group: 'policy', version: 'v1', resource: 'poddisruptionbudgets' };
  const budget = await client.create(budgets, {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: { name: 'b', namespace: 'default' },
    spec: { minAvailable: 1, selector: { matchLabels: { app: 'guarded' } } },
  });
  const status = {
    observedGeneration: 1,
    disruptionsAllowed: 0,
    currentHealthy: 1,
    desiredHealthy: 1,
    expectedPods: 1,
  };
  await client.update(budgets, { ...budget, status }, 'status');
  const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'guarded', namespace: 'default' } };
  const refused = await refusal(client.createSubresource(pods, 'guarded', 'default', 'eviction', eviction));
  expect(refused).toMatchObject({
    code: 429,
    message: "Cannot evict pod as it would violate the pod's disruption budget.",
    details: { causes: [{ message: 'The disruption budget b needs 1 healthy pods and has 1 currently' }] },
  });
});
