import { describe, expect, it } from 'vitest';
import { loadColumns, loadResources } from '../../../../../../kubernetes/facts.ts';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { strategyOf } from '../../../../../../sandbox/embedded/control-plane/resources/registry.ts';

const now = new Date('2026-01-01T01:00:00Z');
const metadata = { name: 'x', creationTimestamp: '2026-01-01T00:00:00Z' };

/** Without NAME and AGE, columns that only `-o wide` shows left out. */
function row(resource: string, object: Loose): Loose[] {
  const [group, name] = resource.split('/') as [string, string];
  const cells = strategyOf(group, name).cells!({ metadata, spec: {}, ...object } as KubeObject, now);
  const fact = loadResources().find((each) => each.group === group && each.resource === name)!;
  const columns = loadColumns()[`${group}/${fact.version}/${name}`]!;
  expect(cells).toHaveLength(columns.length);
  return cells.filter((_, index) => columns[index]!.priority === 0 && !['Name', 'Age'].includes(columns[index]!.name));
}

describe('STATUS of pods', () => {
  const container = (state: Loose, more: Loose = {}) => ({ name: 'c', restartCount: 0, ready: false, state, ...more });
  const running = container({ running: {} }, { ready: true });
  const init = (...list: Loose[]) => ({ initContainers: [{ name: 'i' }, { name: 'j' }], initContainerStatuses: list });
  it.each<[string, Loose, Loose[]]>([
    ['new', { phase: 'Pending' }, ['0/1', 'Pending', '0']],
    ['running', { phase: 'Running', containerStatuses: [running] }, ['1/1', 'Running', '0']],
    [
      'pulling fails',
      { phase: 'Pending', containerStatuses: [container({ waiting: { reason: 'ErrImagePull' } })] },
      ['0/1', 'ErrImagePull', '0'],
    ],
    [
      'crash loop',
      {
        phase: 'Running',
        containerStatuses: [
          container(
            { waiting: { reason: 'CrashLoopBackOff' } },
            { restartCount: 4, lastState: { terminated: { finishedAt: '2026-01-01T00:58:00Z' } } },
          ),
        ],
      },
      ['0/1', 'CrashLoopBackOff', '4 (2m ago)'],
    ],
    [
      'done',
      { phase: 'Succeeded', containerStatuses: [container({ terminated: { exitCode: 0, reason: 'Completed' } })] },
      ['0/1', 'Completed', '0'],
    ],
    [
      'killed',
      { phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 137, signal: 9 } })] },
      ['0/1', 'Signal:9', '0'],
    ],
    [
      'failed',
      { phase: 'Failed', containerStatuses: [container({ terminated: { exitCode: 3 } })] },
      ['0/1', 'ExitCode:3', '0'],
    ],
    ['evicted', { phase: 'Failed', reason: 'Evicted' }, ['0/1', 'Evicted', '0']],
    [
      'second init container',
      { phase: 'Pending', ...init(container({ terminated: { exitCode: 0 } }), container({ running: {} })) },
      ['0/1', 'Init:1/2', '0'],
    ],
    [
      'init crash',
      { phase: 'Pending', ...init(container({ terminated: { exitCode: 1, reason: 'Error' } }, { restartCount: 2 })) },
      ['0/1', 'Init:Error', '2'],
    ],
    [
      'init waits',
      { phase: 'Pending', ...init(container({ waiting: { reason: 'ImagePullBackOff' } })) },
      ['0/1', 'Init:ImagePullBackOff', '0'],
    ],
    [
      'gated',
      { phase: 'Pending', conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }] },
      ['0/1', 'SchedulingGated', '0'],
    ],
  ])('%s', (_, { initContainers, ...status }, expected) => {
    expect(row('/pods', { spec: { containers: [{ name: 'c' }], initContainers }, status })).toEqual(expected);
  });
  it('terminating', () => {
    const object = {
      metadata: { ...metadata, deletionTimestamp: 'x' },
      spec: { containers: [{}] },
      status: { phase: 'Running', containerStatuses: [running] },
    };
    expect(row('/pods', object)).toEqual(['1/1', 'Terminating', '0']);
  });
  it('a sidecar counts as a container', () => {
    const object = {
      spec: { containers: [{ name: 'c' }], initContainers: [{ name: 's', restartPolicy: 'Always' }] },
      status: {
        phase: 'Running',
        initContainerStatuses: [{ name: 's', started: true, ready: true, restartCount: 0, state: { running: {} } }],
        containerStatuses: [running],
      },
    };
    expect(row('/pods', object)).toEqual(['2/2', 'Running', '0']);
  });
});

describe('rows', () => {
  const condition = (type: string) => ({ conditions: [{ type, status: 'True' }] });
  it.each<[string, Loose, Loose[]]>([
    [
      'apps/deployments',
      { spec: { replicas: 3, template: {} }, status: { readyReplicas: 1, updatedReplicas: 2, availableReplicas: 1 } },
      ['1/3', 2, 1],
    ],
    ['apps/statefulsets', { spec: { replicas: 2, template: {} } }, ['0/2']],
    [
      'batch/jobs',
      { spec: { completions: 2, template: {} }, status: { succeeded: 1, startTime: '2026-01-01T00:00:00Z' } },
      ['Running', '1/2', '60m'],
    ],
    [
      'batch/jobs',
      {
        spec: { completions: 1, template: {} },
        status: {
          succeeded: 1,
          startTime: '2026-01-01T00:00:00Z',
          completionTime: '2026-01-01T00:00:05Z',
          ...condition('Complete'),
        },
      },
      ['Complete', '1/1', '5s'],
    ],
    ['batch/jobs', { spec: { parallelism: 3, template: {} } }, ['Running', '0/1 of 3', '']],
    [
      'batch/cronjobs',
      { spec: { schedule: '* * * * *', suspend: false } },
      ['* * * * *', '<none>', 'False', 0, '<none>'],
    ],
    [
      '/services',
      {
        spec: { type: 'NodePort', clusterIPs: ['10.96.0.5'], ports: [{ port: 80, nodePort: 30080, protocol: 'TCP' }] },
      },
      ['NodePort', '10.96.0.5', '<none>', '80:30080/TCP'],
    ],
    [
      '/services',
      { spec: { type: 'LoadBalancer', clusterIPs: ['10.96.0.5'], ports: [] } },
      ['LoadBalancer', '10.96.0.5', '<pending>', '<none>'],
    ],
    ['/services', { spec: { type: 'ExternalName', externalName: 'a.b' } }, ['ExternalName', '<none>', 'a.b', '<none>']],
    [
      '/nodes',
      {
        spec: { unschedulable: true },
        metadata: { ...metadata, labels: { 'node-role.kubernetes.io/control-plane': '' } },
        status: { ...condition('Ready'), nodeInfo: { kubeletVersion: 'v1.35.2' } },
      },
      ['Ready,SchedulingDisabled', 'control-plane', 'v1.35.2'],
    ],
    [
      '/persistentvolumeclaims',
      {
        spec: { volumeName: 'v', storageClassName: 'standard' },
        status: { phase: 'Bound', accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } },
      },
      ['Bound', 'v', '1Gi', 'RWO', 'standard', '<unset>'],
    ],
    [
      'networking.k8s.io/ingresses',
      {
        spec: { ingressClassName: 'nginx', rules: [{ host: 'a' }, { host: 'b' }], tls: [{}] },
        status: { loadBalancer: { ingress: [{ ip: '127.0.0.1' }] } },
      },
      ['nginx', 'a,b', '127.0.0.1', '80, 443'],
    ],
    [
      '/resourcequotas',
      { status: { hard: { pods: '2', 'limits.cpu': '1' }, used: { pods: '1' } } },
      ['pods: 1/2', 'limits.cpu: 0/1'],
    ],
    ['policy/poddisruptionbudgets', { spec: { minAvailable: 1 }, status: { disruptionsAllowed: 2 } }, ['1', 'N/A', 2]],
    [
      'autoscaling/horizontalpodautoscalers',
      {
        spec: {
          scaleTargetRef: { kind: 'Deployment', name: 'web' },
          minReplicas: 1,
          maxReplicas: 5,
          metrics: [{ type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 80 } } }],
        },
      },
      ['Deployment/web', 'cpu: <unknown>/80%', '1', 5, 0],
    ],
    [
      'storage.k8s.io/storageclasses',
      { provisioner: 'p', reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' },
      ['p', 'Delete', 'Immediate', false],
    ],
    [
      'certificates.k8s.io/certificatesigningrequests',
      { spec: { signerName: 's', username: 'u' }, status: { ...condition('Approved'), certificate: 'x' } },
      ['s', 'u', '<none>', 'Approved,Issued'],
    ],
    [
      'discovery.k8s.io/endpointslices',
      {
        addressType: 'IPv4',
        ports: [{ port: 80 }],
        endpoints: [{ addresses: ['10.0.0.1'] }, { addresses: ['10.0.0.2', '10.0.0.3', '10.0.0.4'] }],
      },
      ['IPv4', '80', '10.0.0.1,10.0.0.2,10.0.0.3 + 1 more...'],
    ],
    ['rbac.authorization.k8s.io/rolebindings', { roleRef: { kind: 'Role', name: 'r' } }, ['Role/r']],
  ])('%s', (resource, object, expected) => expect(row(resource, object)).toEqual(expected));

  it('of a storage class name the default', () => {
    const object = {
      metadata: { ...metadata, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
    };
    expect(strategyOf('storage.k8s.io', 'storageclasses').cells!(object as unknown as KubeObject, now)[0]).toBe(
      'x (default)',
    );
  });

  it('every resource with columns of its own has a row of that length', () => {
    for (const [key, columns] of Object.entries(loadColumns())) {
      const [group, , resource] = key.split('/') as [string, string, string];
      const plain = columns.length === 2 && columns[1]!.name === 'Created At';
      const cells = strategyOf(group, resource).cells?.({ apiVersion: 'v1', kind: 'x', metadata, spec: {} }, now);
      // The real server sends addresses an age that no column announces.
      if (!plain && resource !== 'ipaddresses') expect([key, cells?.length]).toEqual([key, columns.length]);
    }
  });
});
