import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../../kubernetes/object.ts';
import { openWholeCluster, type WholeCluster } from '../../../whole-cluster.ts';

const autoscalers = { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' };
const pods = { group: '', version: 'v1', resource: 'pods' };
const deployments = { group: 'apps', version: 'v1', resource: 'deployments' };

let whole: WholeCluster;
beforeAll(async () => {
  whole = await openWholeCluster();
});
afterAll(() => whole.close());

function autoscaler(name: string, target: Loose, metrics: Loose[], more: Loose = {}): KubeObject {
  const scaleTargetRef = { apiVersion: 'apps/v1', kind: 'Deployment', ...target };
  return {
    apiVersion: 'autoscaling/v2',
    kind: 'HorizontalPodAutoscaler',
    metadata: { name, namespace: 'default' },
    spec: { scaleTargetRef, maxReplicas: 6, metrics, ...more },
  };
}

const conditionsOf = (hpa: KubeObject): string[] =>
  (hpa.status.conditions ?? []).map(
    ({ type, status, reason, message }: Loose) => `${type} ${status} ${reason} ${message}`,
  );
const reasonOf = (type: string) => (hpa: KubeObject) =>
  hpa.status?.conditions?.find((one: Loose) => one.type === type)?.reason;
/** Lets time pass by periods of the autoscaler until it is as wanted: programs work meanwhile, at their own pace. */
async function scaled(name: string, wanted: (hpa: KubeObject) => unknown): Promise<KubeObject> {
  let seen: KubeObject | undefined;
  const found = whole.until(autoscalers, name, wanted).then((hpa) => {
    seen = hpa;
  });
  while (!seen) {
    // Real time, for programs that really work: what a skip passes over goes on at their pace.
    await Promise.race([found, new Promise((resolve) => setTimeout(resolve, 1500))]);
    if (!seen) await Promise.race([found, whole.skip(30)]);
  }
  return seen;
}

test('ab from a pod scales nginx up, quiet scales it down, in the words of kubectl describe', async () => {
  const labels = { app: 'web' };
  const resources = { requests: { cpu: '50m' }, limits: { cpu: '100m' } };
  await whole.client.create(deployments, {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'web', namespace: 'default' },
    spec: {
      replicas: 1,
      selector: { matchLabels: labels },
      template: {
        metadata: { labels },
        spec: { containers: [{ name: 'nginx', image: 'nginx:1.27', resources }], terminationGracePeriodSeconds: 0 },
      },
    },
  });
  await whole.kubectl('expose', 'deployment', 'web', '--port=80');
  expect(await whole.kubectl('autoscale', 'deployment', 'web', '--min=1', '--max=3', '--cpu=50%')).toBe(
    'horizontalpodautoscaler.autoscaling/web autoscaled\n',
  );
  expect(await whole.kubectl('get', 'hpa', 'web')).toMatch(/web +Deployment\/web +cpu: <unknown>\/50% +1 +3 +0 /);
  // Scaling down waits a minute here; that it is five where nobody says so is held in normalise.test.ts.
  const behavior = { behavior: { scaleDown: { stabilizationWindowSeconds: 60 } } };
  await whole.kubectl('patch', 'hpa', 'web', '--type=merge', '-p', JSON.stringify({ spec: behavior }));
  await whole.until(deployments, 'web', (one) => one.status?.readyReplicas === 1);
  const ab = ['--', 'ab', '-n', '100000', '-c', '4', 'http://web/'];
  await whole.kubectl('run', 'ab', '--image=atelier.dev/utilities:1', '--restart=Never', ...ab);
  await whole.until(pods, 'ab', (pod) => pod.status?.phase === 'Running');
  const up = await scaled('web', (hpa) => hpa.status?.desiredReplicas === 3);
  expect(conditionsOf(up)).toContain(
    'ScalingActive True ValidMetricFound the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)',
  );
  expect(await whole.events('web')).toContain(
    'Normal SuccessfulRescale New size: 3; reason: cpu resource utilization (percentage of request) above target',
  );
  await whole.until(deployments, 'web', (one) => one.status?.readyReplicas === 3);
  // All three at work, and still more wanted than the maximum.
  const limited = (hpa: KubeObject) => reasonOf('ScalingLimited')(hpa) === 'TooManyReplicas';
  await scaled('web', (hpa) => hpa.status.currentReplicas === 3 && limited(hpa));
  const described = await whole.kubectl('describe', 'hpa', 'web');
  expect(described).toMatch(/resource cpu on pods +\(as a percentage of request\): +\d+% \(\d+m\) \/ 50%/);
  expect(described).toContain('3 current / 3 desired');
  const status = 'jsonpath={.status.currentCPUUtilizationPercentage}';
  expect(await whole.kubectl('get', 'horizontalpodautoscalers.v1.autoscaling', 'web', '-o', status)).toMatch(/^\d+$/);

  await whole.kubectl('delete', 'pod', 'ab', '--now');
  const stable = await scaled('web', (hpa) => reasonOf('AbleToScale')(hpa) === 'ScaleDownStabilized');
  expect(stable.status.desiredReplicas).toBe(3);
  await scaled('web', (hpa) => hpa.status.desiredReplicas === 1);
  expect((await whole.client.get(deployments, 'web', 'default')).spec.replicas).toBe(1);
  expect(await whole.events('web')).toContain('Normal SuccessfulRescale New size: 1; reason: All metrics below target');
}, 60_000);

test('what cannot be measured or scaled is said as a real cluster says it', async () => {
  // The sentences are those of Kubernetes 1.35.4 without a custom metrics API.
  const custom =
    'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered';
  const external =
    'unable to fetch metrics from external metrics API: the server could not find the requested resource';
  const object = { metric: { name: 'requests' }, describedObject: { apiVersion: 'v1', kind: 'Service', name: 'main' } };
  const value = (type: string, amount: string) => ({ type, [type === 'Value' ? 'value' : 'averageValue']: amount });
  const cases: [string, Loose, Loose[]][] = [
    ['pods', {}, [{ type: 'Pods', pods: { metric: { name: 'packets' }, target: value('AverageValue', '1k') } }]],
    ['object', {}, [{ type: 'Object', object: { ...object, target: value('Value', '10k') } }]],
    ['objectavg', {}, [{ type: 'Object', object: { ...object, target: value('AverageValue', '10k') } }]],
    [
      'external',
      {},
      [
        {
          type: 'External',
          external: { metric: { name: 'queue', selector: { matchLabels: { q: 'a' } } }, target: value('Value', '30') },
        },
        { type: 'External', external: { metric: { name: 'queue' }, target: value('AverageValue', '30') } },
      ],
    ],
    [
      'norequest',
      {},
      [{ type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } }],
    ],
    ['nokind', { kind: 'Foo', name: 'web' }, []],
    ['noscale', { kind: 'DaemonSet', name: 'web' }, []],
    ['notarget', { name: 'nothing' }, []],
  ];
  for (const [name, target, metrics] of cases) {
    await whole.kubectl('create', 'deployment', name, '--image=nginx:1.27');
    await whole.client.create(autoscalers, autoscaler(name, { name, ...target }, metrics));
  }
  await whole.until(deployments, 'norequest', (one) => one.status?.readyReplicas === 1);
  await whole.skip(40);
  const failed = async (name: string): Promise<string[]> => {
    await whole.until(autoscalers, name, (hpa) => hpa.status?.conditions?.some((one: Loose) => one.status === 'False'));
    return (await whole.events(name)).filter((line) => line.startsWith('Warning'));
  };
  expect(await failed('pods')).toEqual([
    `Warning FailedGetPodsMetric unable to get metric packets: ${custom}`,
    `Warning FailedComputeMetricsReplicas invalid metrics (1 invalid out of 1), first error is: failed to get pods metric value: unable to get metric packets: ${custom}`,
  ]);
  expect(await failed('object')).toEqual([
    `Warning FailedGetObjectMetric unable to get metric requests: Service on default main/${custom}`,
    `Warning FailedComputeMetricsReplicas invalid metrics (1 invalid out of 1), first error is: failed to get object metric value: unable to get metric requests: Service on default main/${custom}`,
  ]);
  expect((await failed('objectavg')).at(-1)).toBe(
    `Warning FailedComputeMetricsReplicas invalid metrics (1 invalid out of 1), first error is: failed to get object metric value: failed to get requests object metric: unable to get metric requests: Service on default main/${custom}`,
  );
  const selector =
    '&LabelSelector{MatchLabels:map[string]string{q: a,},MatchExpressions:[]LabelSelectorRequirement{},}';
  expect(await failed('external')).toEqual([
    `Warning FailedGetExternalMetric unable to get external metric default/queue/${selector}: ${external} (get queue.external.metrics.k8s.io)`,
    `Warning FailedGetExternalMetric unable to get external metric default/queue/nil: ${external} (get queue.external.metrics.k8s.io)`,
    `Warning FailedComputeMetricsReplicas invalid metrics (2 invalid out of 2), first error is: failed to get queue external metric value: failed to get external metric queue: unable to get external metric default/queue/${selector}: ${external} (get queue.external.metrics.k8s.io)`,
  ]);
  // https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/: "if some of the Pod's containers do not have
  // the relevant resource request set, CPU utilization for the Pod will not be defined and the autoscaler will not take any
  // action for that metric."
  expect((await failed('norequest')).join()).toMatch(
    /FailedGetResourceMetric failed to get cpu utilization: (missing request for cpu in container nginx of Pod norequest-\w+-\w+|unable to get metrics for resource cpu: no metrics returned from resource metrics API|did not receive metrics for targeted pods \(pods might be unready\))/,
  );
  expect(await failed('nokind')).toEqual(['Warning FailedGetScale no matches for kind "Foo" in group "apps"']);
  expect(await failed('noscale')).toEqual(['Warning FailedGetScale the server could not find the requested resource']);
  expect(await failed('notarget')).toEqual(['Warning FailedGetScale deployments.apps "nothing" not found']);
}, 30_000);

test('minimum and maximum hold without metrics, zero disables, two must not share pods', async () => {
  for (const [name, replicas] of [
    ['few', 1],
    ['many', 5],
    ['none', 0],
    ['twice', 1],
  ] as const)
    await whole.kubectl('create', 'deployment', name, '--image=nginx:1.27', `--replicas=${replicas}`);
  const range = { minReplicas: 2, maxReplicas: 3 };
  for (const name of ['few', 'many', 'none'])
    await whole.client.create(autoscalers, autoscaler(name, { name }, [], range));
  for (const name of ['twice', 'twice-again'])
    await whole.client.create(autoscalers, autoscaler(name, { name: 'twice' }, []));
  await whole.until(deployments, 'twice', (one) => one.status?.replicas === 1);
  await whole.skip(50);
  await whole.until(deployments, 'few', (one) => one.spec.replicas === 2);
  await whole.until(deployments, 'many', (one) => one.spec.replicas === 3);
  expect(await whole.events('few')).toContain(
    'Normal SuccessfulRescale New size: 2; reason: Current number of replicas below Spec.MinReplicas',
  );
  expect(await whole.events('many')).toContain(
    'Normal SuccessfulRescale New size: 3; reason: Current number of replicas above Spec.MaxReplicas',
  );
  const none = await whole.until(autoscalers, 'none', (hpa) => reasonOf('ScalingActive')(hpa) === 'ScalingDisabled');
  expect(conditionsOf(none)).toContain(
    'ScalingActive False ScalingDisabled scaling is disabled since the replica count of the target is zero',
  );
  const twice = await whole.until(
    autoscalers,
    'twice',
    (hpa) => reasonOf('ScalingActive')(hpa) === 'AmbiguousSelector',
  );
  expect(conditionsOf(twice)).toContain(
    'ScalingActive False AmbiguousSelector pods by selector app=twice are controlled by multiple HPAs: [default/twice default/twice-again]',
  );
}, 30_000);

test('a custom resource with a scale is a target like any other', async () => {
  const file = join(whole.cluster.directory, 'crd.yaml');
  writeFileSync(
    file,
    JSON.stringify({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'herds.example.com' },
      spec: {
        group: 'example.com',
        scope: 'Namespaced',
        names: { plural: 'herds', singular: 'herd', kind: 'Herd' },
        versions: [
          {
            name: 'v1',
            served: true,
            storage: true,
            schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } },
            subresources: {
              status: {},
              scale: {
                specReplicasPath: '.spec.size',
                statusReplicasPath: '.status.size',
                labelSelectorPath: '.status.selector',
              },
            },
          },
        ],
      },
    }),
  );
  await whole.kubectl('apply', '-f', file);
  await whole.kubectl('wait', '--for=condition=Established', 'crd/herds.example.com');
  const herds = { group: 'example.com', version: 'v1', resource: 'herds' };
  await whole.client.create(herds, {
    apiVersion: 'example.com/v1',
    kind: 'Herd',
    metadata: { name: 'cows', namespace: 'default' },
    spec: { size: 1 },
  });
  const target = { apiVersion: 'example.com/v1', kind: 'Herd', name: 'cows' };
  await whole.client.create(autoscalers, autoscaler('cows', target, [], { minReplicas: 2 }));
  await whole.skip(20);
  await whole.until(herds, 'cows', (cows) => cows.spec.size === 2);
  await whole.skip(20);
  const hpa = await whole.until(autoscalers, 'cows', (one) => reasonOf('ScalingActive')(one) === 'InvalidSelector');
  expect(conditionsOf(hpa)).toContain(
    "ScalingActive False InvalidSelector the HPA target's scale is missing a selector",
  );
}, 30_000);
