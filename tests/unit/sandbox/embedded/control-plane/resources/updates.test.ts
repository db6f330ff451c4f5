import { describe, expect, it } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { strategyOf } from '../../../../../../sandbox/embedded/control-plane/resources/registry.ts';
import type { StrategyContext } from '../../../../../../sandbox/embedded/control-plane/resources/strategy.ts';

const context: StrategyContext = {
  now: new Date(0),
  lookup: () => undefined,
  allocate: (kind, wanted) => wanted ?? (kind === 'clusterIP' ? '10.96.0.9' : 30_009),
};

function faultsOf(resource: string, old: Loose, change: (object: Loose) => void): string[] {
  const [group, name] = resource.split('/') as [string, string];
  const strategy = strategyOf(group, name);
  const before = { apiVersion: 'v1', kind: 'x', metadata: { name: 'x' }, ...old } as KubeObject;
  strategy.defaults?.(before);
  const object = structuredClone(before);
  change(object);
  strategy.prepareForUpdate?.(object, before, context);
  return (strategy.validateUpdate?.(object, before, context) ?? []).map(({ field, message }) => `${field}: ${message}`);
}

const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c', image: 'i:1' }] } };
const workload = { spec: { selector: { matchLabels: { a: 'b' } }, template } };

describe('what may not change', () => {
  it.each<[string, Loose, (object: Loose) => void, string]>([
    [
      'apps/deployments',
      workload,
      ({ spec }) => (spec.selector = { matchLabels: { a: 'c' } }),
      'spec.selector: Invalid value: {"matchLabels":{"a":"c"}}: field is immutable',
    ],
    [
      'apps/statefulsets',
      workload,
      ({ spec }) => (spec.serviceName = 't'),
      "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
    ],
    [
      '/configmaps',
      { immutable: true, data: { a: '1' } },
      ({ data }) => (data.a = '2'),
      'data: Forbidden: field is immutable when `immutable` is set',
    ],
    ['/secrets', { type: 'Opaque' }, (secret) => (secret.type = 'x'), 'type: Invalid value: "x": field is immutable'],
    [
      '/services',
      {
        spec: {
          type: 'ClusterIP',
          clusterIP: '10.96.0.3',
          clusterIPs: ['10.96.0.3'],
          ports: [{ port: 80, protocol: 'TCP' }],
        },
      },
      ({ spec }) => Object.assign(spec, { clusterIP: '10.96.0.4', clusterIPs: ['10.96.0.4'] }),
      'spec.clusterIPs[0]: Invalid value: ["10.96.0.4"]: may not change once set',
    ],
    [
      'rbac.authorization.k8s.io/rolebindings',
      { roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'r' } },
      ({ roleRef }) => (roleRef.name = 's'),
      'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"s"}: cannot change roleRef',
    ],
    [
      'storage.k8s.io/storageclasses',
      { provisioner: 'p' },
      (object) => (object.provisioner = 'q'),
      'provisioner: Forbidden: updates to provisioner are forbidden.',
    ],
    [
      'scheduling.k8s.io/priorityclasses',
      { value: 5 },
      (object) => (object.value = 6),
      'value: Forbidden: may not be changed in an update.',
    ],
    [
      '/pods',
      { spec: { containers: [{ name: 'c' }] } },
      ({ spec }) => spec.containers.push({ name: 'd' }),
      'spec.containers: Forbidden: pod updates may not add or remove containers',
    ],
    [
      '/pods',
      { spec: { activeDeadlineSeconds: 5, containers: [{ name: 'c', image: 'a' }] } },
      ({ spec }) => (spec.activeDeadlineSeconds = 6),
      'spec.activeDeadlineSeconds: Invalid value: 6: must be less than or equal to previous value',
    ],
    [
      '/pods',
      { spec: { activeDeadlineSeconds: 5, containers: [{ name: 'c', image: 'a' }] } },
      ({ spec }) => delete spec.activeDeadlineSeconds,
      'spec.activeDeadlineSeconds: Invalid value: null: must not update from a positive integer to nil value',
    ],
  ])('%s', (resource, old, change, fault) => expect(faultsOf(resource, old, change)).toEqual([fault]));
});

describe('what may change', () => {
  it.each<[string, Loose, (object: Loose) => void]>([
    ['/pods', { spec: { containers: [{ name: 'c', image: 'a' }] } }, ({ spec }) => (spec.containers[0].image = 'b')],
    ['apps/statefulsets', workload, ({ spec }) => (spec.replicas = 5)],
    ['/configmaps', { data: { a: '1' } }, ({ data }) => (data.a = '2')],
    ['batch/jobs', { spec: { parallelism: 1, template } }, ({ spec }) => (spec.parallelism = 2)],
    [
      '/persistentvolumeclaims',
      {
        spec: { resources: { requests: { storage: '1Gi' } } },
        status: { phase: 'Bound', capacity: { storage: '1Gi' } },
      },
      ({ spec }) => (spec.resources.requests.storage = '2Gi'),
    ],
  ])('%s', (resource, old, change) => expect(faultsOf(resource, old, change)).toEqual([]));

  it.each<[string, string[], (template: Loose) => void]>([
    ['where', [], ({ spec }) => (spec.nodeSelector = { a: 'b' })],
    ['who bears them', [], ({ spec }) => (spec.tolerations = [{ operator: 'Exists' }])],
    ['affinity to nodes', [], ({ spec }) => (spec.affinity = { nodeAffinity: {} })],
    ['labels', [], ({ metadata }) => (metadata.labels.c = 'd')],
    ['affinity to pods', ['spec.template'], ({ spec }) => (spec.affinity = { podAffinity: {} })],
    ['what they run', ['spec.template'], ({ spec }) => (spec.containers[0].image = 'other')],
  ])('of a job that waits: %s', (_, refused, change) => {
    const job = { metadata: { name: 'j' }, spec: { suspend: true, template: structuredClone(template) } };
    const faults = faultsOf('batch/jobs', job, ({ spec }) => change(spec.template));
    expect(faults.map((fault) => fault.split(':')[0])).toEqual(refused);
    const started = { ...job, status: { startTime: '2026-01-01T00:00:00Z' } };
    const late = faultsOf('batch/jobs', started, ({ spec }) => change(spec.template));
    expect(late.map((fault) => fault.split(':')[0])).toEqual(['spec.template']);
  });

  it('a Service gives its node port back when it needs none', () => {
    const service = {
      spec: {
        type: 'NodePort',
        clusterIP: '10.96.0.3',
        clusterIPs: ['10.96.0.3'],
        ports: [{ port: 80, nodePort: 30080, protocol: 'TCP', targetPort: 80 }],
      },
    };
    let seen: Loose;
    faultsOf('/services', service, (object) => {
      object.spec.type = 'ClusterIP';
      seen = object;
    });
    expect(seen.spec.ports[0].nodePort).toBeUndefined();
    expect(seen.spec.clusterIP).toBe('10.96.0.3');
  });
  it('a pod without a node goes at once, one that runs has its grace', () => {
    const grace = strategyOf('', 'pods').gracePeriodSeconds!;
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: {},
      spec: { terminationGracePeriodSeconds: 30 },
      status: { phase: 'Running' },
    };
    expect(grace(pod)).toBe(0);
    expect(grace({ ...pod, spec: { ...pod.spec, nodeName: 'n' } })).toBe(30);
    expect(grace({ ...pod, spec: { ...pod.spec, nodeName: 'n' } }, 5)).toBe(5);
  });
});

describe('what a real server shows of its own form', () => {
  it('a claim as a diff', () => {
    const spec = {
      accessModes: ['ReadWriteOnce'],
      storageClassName: 'none',
      resources: { requests: { storage: '1Gi' } },
    };
    const [fault] = faultsOf('/persistentvolumeclaims', { spec }, (claim) => {
      claim.spec.resources.requests.storage = '2Gi';
    });
    expect(fault).toBe(
      [
        'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
        '@@ -6,7 +6,7 @@',
        '  "Resources": {',
        '   "Limits": null,',
        '   "Requests": {',
        '-   "storage": "1Gi"',
        '+   "storage": "2Gi"',
        '   }',
        '  },',
        '  "VolumeName": "",',
        '',
      ].join('\n'),
    );
  });
  it('a pod as a diff', () => {
    const spec = { containers: [{ name: 'c', image: 'i:1', env: [{ name: 'A', value: '1' }] }] };
    const [fault] = faultsOf('/pods', { spec }, (pod) => {
      pod.spec.containers[0].env[0].value = '2';
    });
    expect(fault).toMatch(
      /negative\)\n@@ -\d+,7 \+\d+,7 @@\n {4}"Env": \[\n {5}\{\n {6}"Name": "A",\n- {5}"Value": "1",\n\+ {5}"Value": "2",\n/,
    );
  });
  it('a template whole', () => {
    const [fault] = faultsOf('batch/jobs', { spec: { template } }, (job) => {
      job.spec.template.spec.containers[0].image = 'i:2';
    });
    expect(fault).toContain(
      'spec.template: Invalid value: {"labels":{"a":"b"},"Spec":{"Volumes":null,"InitContainers":null,"Containers":[{"Name":"c","Image":"i:2","Command":null,',
    );
    expect(fault).toContain('"SecurityContext":{"HostNetwork":false,"HostPID":false,');
  });
});
