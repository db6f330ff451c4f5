import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Gvr, KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import {
  configMap,
  configMaps,
  deployments,
  namespaces,
  openTestCluster,
  pod,
  pods,
  type TestCluster,
} from '../../test-cluster.ts';
import { openWebhookServer, type WebhookServer } from './webhook-server.ts';

const group = 'admissionregistration.k8s.io';
const mutating: Gvr = { group, version: 'v1', resource: 'mutatingwebhookconfigurations' };
const validating: Gvr = { group, version: 'v1', resource: 'validatingwebhookconfigurations' };

let setup: TestCluster;
let server: WebhookServer;
let ca: string;
let slow: (() => void) | undefined;

beforeAll(async () => {
  setup = await openTestCluster();
  const { pki } = setup.cluster;
  ca = Buffer.from(pki.ca.cert).toString('base64');
  server = await openWebhookServer(pki.server, {
    '/allow': () => ({ allowed: true, warnings: ['seen by the webhook'] }),
    '/deny': () => ({ allowed: false, status: { message: 'not on a Friday', code: 403, reason: 'Forbidden' } }),
    '/mute': () => ({ allowed: false }),
    '/label': ({ object }) => ({
      allowed: true,
      patch: [
        object.metadata.labels
          ? { op: 'add', path: '/metadata/labels/hook', value: 'was~1here' }
          : { op: 'add', path: '/metadata/labels', value: { hook: 'was~1here'.replace('~1', '-') } },
      ],
    }),
    '/count': ({ object }) => {
      const count = Number(object.metadata.annotations?.count ?? 0) + 1;
      return {
        allowed: true,
        patch: [
          { op: 'add', path: '/metadata/annotations', value: { ...object.metadata.annotations, count: String(count) } },
        ],
      };
    },
    '/sidecar': ({ object }) => {
      if (object.spec.containers.length > 1) return { allowed: true };
      return {
        allowed: true,
        patch: [{ op: 'add', path: '/spec/containers/-', value: { name: 'side', image: 'busybox:1.36' } }],
      };
    },
    '/misfit': () => ({ allowed: true, patch: [{ op: 'replace', path: '/spec/nothing/here', value: 1 }] }),
    '/text': () => 'hello',
    '/other-uid': () =>
      JSON.stringify({
        kind: 'AdmissionReview',
        apiVersion: 'admission.k8s.io/v1',
        response: { uid: 'x', allowed: true },
      }),
    '/slow': () =>
      new Promise((resolve) => {
        slow = () => resolve({ allowed: true });
      }),
  });
});
afterAll(async () => {
  await setup.close();
  await server.close();
});
afterEach(async () => {
  server.asked.length = 0;
  for (const kind of [mutating, validating])
    for (const { metadata } of (await setup.client.list(kind)).items)
      await setup.client.delete(kind, metadata.name ?? '');
});

const rule = (resources: string[], more: Loose = {}) => ({
  apiGroups: ['*'],
  apiVersions: ['*'],
  resources,
  operations: ['CREATE', 'UPDATE'],
  ...more,
});

function hook(path: string, more: Loose = {}): Loose {
  return {
    name: `${path.slice(1)}.atelier.dev`,
    clientConfig: { url: server.url(path), caBundle: ca },
    rules: [rule(['configmaps'])],
    sideEffects: 'None',
    admissionReviewVersions: ['v1'],
    ...more,
  };
}

async function register(kind: Gvr, ...webhooks: Loose[]): Promise<void> {
  const mutates = kind === mutating;
  await setup.client.create(kind, {
    apiVersion: `${group}/v1`,
    kind: mutates ? 'MutatingWebhookConfiguration' : 'ValidatingWebhookConfiguration',
    metadata: { name: `hooks-${webhooks[0].name.split('.')[0]}` },
    webhooks,
  });
}

const refusal = (promise: Promise<unknown>): Promise<Loose> =>
  promise.then(
    () => undefined,
    (error) => error.status,
  );

const make = (name: string, more: Loose = {}): Promise<KubeObject> =>
  setup.client.create(configMaps, configMap(name, {}, more));

describe('a validating webhook', () => {
  test('is told who wants what, and its warnings arrive', async () => {
    await register(validating, hook('/allow'));
    const { code } = await setup.transport.request({
      method: 'POST',
      path: '/api/v1/namespaces/default/configmaps?fieldManager=me',
      body: configMap('told'),
    });
    expect(code).toBe(201);
    expect(server.asked[0]?.request).toMatchObject({
      kind: { group: '', version: 'v1', kind: 'ConfigMap' },
      resource: { group: '', version: 'v1', resource: 'configmaps' },
      requestKind: { group: '', version: 'v1', kind: 'ConfigMap' },
      name: 'told',
      namespace: 'default',
      operation: 'CREATE',
      userInfo: { username: 'kubernetes-admin', groups: ['system:masters', 'system:authenticated'] },
      object: { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'told', uid: expect.any(String) } },
      oldObject: null,
      dryRun: false,
      options: { kind: 'CreateOptions', apiVersion: 'meta.k8s.io/v1', fieldManager: 'me' },
    });
  });

  test('refuses with its own code and sentence, or without', async () => {
    await register(validating, hook('/deny'));
    expect(await refusal(make('no'))).toMatchObject({
      code: 403,
      reason: 'Forbidden',
      message: 'admission webhook "deny.atelier.dev" denied the request: not on a Friday',
    });
    await setup.client.delete(validating, 'hooks-deny');
    await register(validating, hook('/mute'));
    expect(await refusal(make('no'))).toMatchObject({
      code: 400,
      message: 'admission webhook "mute.atelier.dev" denied the request without explanation',
    });
  });

  test('sees deletions with what is deleted, and holds them back', async () => {
    await make('kept');
    await register(validating, hook('/deny', { rules: [rule(['configmaps'], { operations: ['DELETE'] })] }));
    expect((await refusal(setup.client.delete(configMaps, 'kept', 'default'))).message).toContain('not on a Friday');
    expect(server.asked[0]?.request).toMatchObject({
      operation: 'DELETE',
      object: null,
      oldObject: { metadata: { name: 'kept' } },
    });
    expect((await setup.client.get(configMaps, 'kept', 'default')).metadata.name).toBe('kept');
  });

  test('is not asked about another scope, subresource, namespace or label', async () => {
    await register(
      validating,
      hook('/deny', { rules: [rule(['configmaps'], { scope: 'Cluster' })] }),
      hook('/mute', { rules: [rule(['configmaps/status'])] }),
      hook('/text', { namespaceSelector: { matchLabels: { strict: 'yes' } } }),
      hook('/slow', { objectSelector: { matchLabels: { app: 'web' } } }),
      hook('/other-uid', { matchConditions: [{ name: 'named', expression: "object.metadata.name == 'other'" }] }),
    );
    await make('free');
    expect(server.asked).toEqual([]);
    expect((await refusal(make('other'))).message).toMatch(
      /^Internal error occurred: failed calling webhook "other-uid.atelier.dev": received invalid webhook response: expected response.uid="[0-9a-f-]{36}", got "x"$/,
    );
  });

  test('sees another version of the same resource where its policy is Equivalent', async () => {
    const rules = [rule(['horizontalpodautoscalers'], { apiGroups: ['autoscaling'], apiVersions: ['v2'] })];
    await register(validating, hook('/deny', { rules }), hook('/mute', { rules, matchPolicy: 'Exact' }));
    const body = {
      apiVersion: 'autoscaling/v1',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'web', namespace: 'default' },
      spec: { scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' }, maxReplicas: 3 },
    };
    const v1: Gvr = { group: 'autoscaling', version: 'v1', resource: 'horizontalpodautoscalers' };
    expect((await refusal(setup.client.create(v1, body))).message).toContain('deny.atelier.dev');
    expect(server.asked.map(({ path }) => path)).toEqual(['/deny']);
    expect(server.asked[0]?.request).toMatchObject({
      kind: { group: 'autoscaling', version: 'v2' },
      requestKind: { version: 'v1' },
      object: { apiVersion: 'autoscaling/v2', spec: { metrics: [{ type: 'Resource' }] } },
    });
  });

  test('dry runs only if it has no side effects', async () => {
    await register(validating, hook('/allow', { sideEffects: 'NoneOnDryRun' }));
    const dry = (): Promise<Loose> =>
      setup.transport.request({
        method: 'POST',
        path: '/api/v1/namespaces/default/configmaps?dryRun=All',
        body: configMap('dry'),
      });
    expect((await dry()).code).toBe(201);
    expect(server.asked[0]?.request).toMatchObject({ dryRun: true, options: { dryRun: ['All'] } });
  });

  test('sees the scale of a Deployment, and an eviction', async () => {
    await register(validating, hook('/deny', { rules: [rule(['deployments/scale', 'pods/eviction'])] }));
    await setup.client.create(deployments, {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'web', namespace: 'default' },
      spec: {
        replicas: 1,
        selector: { matchLabels: { app: 'web' } },
        template: {
          metadata: { labels: { app: 'web' } },
          spec: { containers: [{ name: 'web', image: 'nginx:1.27' }] },
        },
      },
    });
    const scaled = setup.client.patch(
      deployments,
      'web',
      'default',
      'merge',
      { spec: { replicas: 3 } },
      { subresource: 'scale' },
    );
    expect((await refusal(scaled)).message).toContain('not on a Friday');
    expect(server.asked[0]?.request).toMatchObject({
      kind: { group: 'autoscaling', version: 'v1', kind: 'Scale' },
      resource: { resource: 'deployments' },
      subResource: 'scale',
      object: { kind: 'Scale', spec: { replicas: 3 } },
      oldObject: { spec: { replicas: 1 } },
    });
    await setup.client.create(pods, pod('leaving'));
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'leaving', namespace: 'default' } };
    const evicted = setup.client.createSubresource(pods, 'leaving', 'default', 'eviction', eviction);
    expect((await refusal(evicted)).message).toContain('not on a Friday');
    expect(server.asked[1]?.request).toMatchObject({
      kind: { kind: 'Eviction' },
      object: { kind: 'Eviction' },
      subResource: 'eviction',
      name: 'leaving',
    });
  });
});

describe('a mutating webhook', () => {
  test('changes the object, one after the other', async () => {
    await register(mutating, hook('/label'), hook('/count'));
    expect((await make('changed')).metadata).toMatchObject({
      labels: { hook: 'was-here' },
      annotations: { count: '1' },
    });
  });

  test('is asked again when a later one changed something, if it wants to be', async () => {
    await register(mutating, hook('/count', { reinvocationPolicy: 'IfNeeded' }), hook('/label'));
    expect((await make('twice')).metadata.annotations).toEqual({ count: '2' });
    expect(server.asked.map(({ path }) => path)).toEqual(['/count', '/label', '/count']);
  });

  test('adds a container, which gets the token of all others', async () => {
    await register(mutating, hook('/sidecar', { rules: [rule(['pods'])] }));
    const made = await setup.client.create(pods, pod('with-sidecar'));
    expect(made.spec.containers[1]).toMatchObject({
      name: 'side',
      imagePullPolicy: 'IfNotPresent',
      volumeMounts: [{ mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' }],
    });
  });

  test('whose patch does not fit is the server’s fault', async () => {
    await register(mutating, hook('/misfit'));
    expect(await refusal(make('misfit'))).toMatchObject({
      code: 500,
      message: expect.stringContaining(
        'Internal error occurred: replace operation does not apply: doc is missing path',
      ),
    });
  });

  test('loses nothing that another wrote while it thought', async () => {
    await make('contested');
    await register(mutating, hook('/slow', { rules: [rule(['configmaps'], { operations: ['UPDATE'] })] }));
    const patched = setup.client.patch(configMaps, 'contested', 'default', 'merge', { data: { a: '1' } });
    while (server.asked.length === 0) await new Promise((resolve) => setImmediate(resolve));
    await setup.client.delete(mutating, 'hooks-slow');
    await setup.client.patch(configMaps, 'contested', 'default', 'merge', { data: { b: '2' } });
    slow?.();
    expect((await patched).data).toEqual({ a: '1', b: '2' });
  });
});

describe('a webhook that cannot be asked', () => {
  const failing = async (webhook: Loose): Promise<string> => {
    await register(validating, webhook);
    return (await refusal(make('unasked')))?.message;
  };
  const head = 'Internal error occurred: failed calling webhook "gone.atelier.dev": failed to call webhook: Post';

  test('fails the write, or does not, as its policy says', async () => {
    const gone = hook('/gone', { clientConfig: { url: 'https://127.0.0.1:1/gone', caBundle: ca }, timeoutSeconds: 5 });
    expect(await failing(gone)).toBe(
      `${head} "https://127.0.0.1:1/gone?timeout=5s": dial tcp 127.0.0.1:1: connect: connection refused`,
    );
    await setup.client.delete(validating, 'hooks-gone');
    await register(validating, { ...gone, failurePolicy: 'Ignore' });
    await make('ignored');
  });

  test('for its certificate', async () => {
    const { caBundle: _, ...unknown } = hook('/gone').clientConfig;
    const message = await failing(hook('/gone', { clientConfig: unknown }));
    expect(message).toContain('tls: failed to verify certificate: x509: certificate signed by unknown authority');
  });

  test('for its answer', async () => {
    expect(await failing(hook('/text', { name: 'gone.atelier.dev' }))).toBe(
      "Internal error occurred: failed calling webhook \"gone.atelier.dev\": failed to call webhook: couldn't get version/kind; json parse error: invalid character 'h' looking for beginning of value",
    );
    await setup.client.delete(validating, 'hooks-gone');
    expect(await failing(hook('/gone'))).toBe(
      'Internal error occurred: failed calling webhook "gone.atelier.dev": failed to call webhook: the server could not find the requested resource',
    );
  });

  test('for its time', async () => {
    expect(await failing(hook('/slow', { name: 'gone.atelier.dev', timeoutSeconds: 1 }))).toBe(
      `${head} "${server.url('/slow')}?timeout=1s": context deadline exceeded`,
    );
  });

  test('for its Service', async () => {
    const service = { namespace: 'default', name: 'nobody', path: '/check', port: 443 };
    expect(await failing(hook('/gone', { clientConfig: { service, caBundle: ca } }))).toBe(
      `${head} "https://nobody.default.svc:443/check?timeout=10s": service "nobody" not found`,
    );
  });
});

test('configurations and namespaces keep working under a webhook that denies all', async () => {
  await register(validating, hook('/deny', { rules: [rule(['*/*'], { operations: ['*'] })] }));
  expect(
    (await refusal(setup.client.create(namespaces, { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x' } })))
      .message,
  ).toContain('not on a Friday');
  await setup.client.delete(validating, 'hooks-deny');
  await make('again');
});
