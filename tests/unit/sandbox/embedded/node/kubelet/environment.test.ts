import { expect, test } from 'vitest';
import { formatDuration as duration } from '../../../../../../kubernetes/duration.ts';
import type { KubeObject } from '../../../../../../kubernetes/object.ts';
import { fieldValue, resourceValue } from '../../../../../../sandbox/embedded/node/kubelet/downward.ts';
import {
  environmentOf,
  expand,
  serviceVariables,
} from '../../../../../../sandbox/embedded/node/kubelet/environment.ts';

test.each([
  ['$(A)-$(Q)-$$(A)', 'x-$(Q)-$(A)'],
  ['$A $', '$A $'],
  ['$$$(A)', '$x'],
  ['$(', '$('],
])('expand %s', (text, expected) => {
  expect(expand(text, { A: 'x' })).toBe(expected);
});

const service = (name: string, namespace: string, ports: object[]): KubeObject => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name, namespace },
  spec: { clusterIP: '10.96.0.9', ports },
});

test('services of the namespace give variables, the API server always, headless ones never', () => {
  const list = [
    service('kubernetes', 'default', [{ name: 'https', port: 443, protocol: 'TCP' }]),
    service('my-web', 'team', [{ port: 80, protocol: 'TCP' }]),
    service('other', 'default', [{ port: 80 }]),
    { ...service('headless', 'team', [{ port: 80 }]), spec: { clusterIP: 'None', ports: [{ port: 80 }] } },
  ];
  expect(serviceVariables(list, 'team', true)).toEqual({
    KUBERNETES_SERVICE_HOST: '10.96.0.9',
    KUBERNETES_SERVICE_PORT: '443',
    KUBERNETES_SERVICE_PORT_HTTPS: '443',
    KUBERNETES_PORT: 'tcp://10.96.0.9:443',
    KUBERNETES_PORT_443_TCP: 'tcp://10.96.0.9:443',
    KUBERNETES_PORT_443_TCP_PROTO: 'tcp',
    KUBERNETES_PORT_443_TCP_PORT: '443',
    KUBERNETES_PORT_443_TCP_ADDR: '10.96.0.9',
    MY_WEB_SERVICE_HOST: '10.96.0.9',
    MY_WEB_SERVICE_PORT: '80',
    MY_WEB_PORT: 'tcp://10.96.0.9:80',
    MY_WEB_PORT_80_TCP: 'tcp://10.96.0.9:80',
    MY_WEB_PORT_80_TCP_PROTO: 'tcp',
    MY_WEB_PORT_80_TCP_PORT: '80',
    MY_WEB_PORT_80_TCP_ADDR: '10.96.0.9',
  });
  expect(Object.keys(serviceVariables(list, 'team', false)).some((name) => name.startsWith('MY_WEB'))).toBe(false);
});

test('the downward API: fields, and resources in units of their divisor', () => {
  const pod: KubeObject = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'n', labels: { b: 'x"y', a: '1' } },
    spec: { containers: [{ name: 'c', resources: { limits: { memory: '64Mi' }, requests: { cpu: '250m' } } }] },
  };
  const place = { ip: '10.244.0.2', hostIP: '10.99.0.1', node: 'node-1' };
  expect(fieldValue(pod, "metadata.labels['a']", place)).toBe('1');
  expect(fieldValue(pod, 'metadata.labels', place)).toBe('a="1"\nb="x\\"y"');
  expect(fieldValue(pod, 'spec.nodeName', place)).toBe('node-1');
  const [container] = pod.spec.containers;
  const allocatable = { cpu: '4', memory: '8Gi' };
  expect(resourceValue(pod, container, { resource: 'limits.memory', divisor: '1Mi' }, allocatable)).toBe('64');
  expect(resourceValue(pod, container, { resource: 'requests.cpu' }, allocatable)).toBe('1');
  expect(resourceValue(pod, container, { resource: 'requests.cpu', divisor: '1m' }, allocatable)).toBe('250');
  expect(resourceValue(pod, container, { resource: 'limits.cpu' }, allocatable)).toBe('4');
});

test('envFrom has a prefix, env overrides it, what is optional may be missing', async () => {
  const result = await environmentOf({
    pod: { apiVersion: 'v1', kind: 'Pod', metadata: { name: 'p', namespace: 'n' }, spec: {} },
    container: {
      envFrom: [{ prefix: 'P_', configMapRef: { name: 'cm' } }, { secretRef: { name: 'none', optional: true } }],
      env: [
        { name: 'P_A', value: 'own' },
        { name: 'B', value: '$(P_A)/$(P_K)' },
        { name: 'S', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        { name: 'O', valueFrom: { configMapKeyRef: { name: 'cm', key: 'no', optional: true } } },
      ],
    },
    configuration: {
      get: async (kind, name) =>
        name === 'none'
          ? undefined
          : {
              apiVersion: 'v1',
              kind: 'X',
              metadata: { name },
              data: kind === 'secret' ? { k: 'aGk=' } : { A: 'map', K: 'v' },
            },
    },
    services: [],
    ip: '',
    hostIP: '',
    node: '',
    allocatable: {},
  });
  expect(result).toEqual({ P_A: 'own', P_K: 'v', B: 'own/v', S: 'hi' });
});

test.each([
  [250, '250ms'],
  [1200, '1.2s'],
  [61_000, '1m1s'],
])('%d ms is %s', (milliseconds, text) => {
  expect(duration(milliseconds)).toBe(text);
});
