import { expect, test } from 'vitest';
import { autoscalerVersions } from '../../../../../../sandbox/embedded/control-plane/apiserver/autoscaler-versions.ts';

const stored = {
  apiVersion: 'autoscaling/v2',
  kind: 'HorizontalPodAutoscaler',
  metadata: { name: 'a', annotations: { mine: '1' } },
  spec: {
    scaleTargetRef: { kind: 'Deployment', name: 'web', apiVersion: 'apps/v1' },
    minReplicas: 1,
    maxReplicas: 3,
    metrics: [
      { type: 'Resource', resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '50Mi' } } },
      {
        type: 'Object',
        object: {
          metric: { name: 'hits' },
          describedObject: { kind: 'Service', name: 'main', apiVersion: 'v1' },
          target: { type: 'Value', value: '10k' },
        },
      },
      { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 50 } } },
    ],
    behavior: {
      scaleDown: { stabilizationWindowSeconds: 60, policies: [{ type: 'Pods', value: 1, periodSeconds: 15 }] },
    },
  },
  status: {
    desiredReplicas: 1,
    currentReplicas: 1,
    currentMetrics: [
      { type: 'Resource', resource: { name: 'cpu', current: { averageUtilization: 7, averageValue: '4m' } } },
    ],
    conditions: [{ type: 'AbleToScale', status: 'True', reason: 'ReadyForNewScale', message: 'm' }],
  },
};

test('version 1 shows CPU, and keeps all else in annotations', () => {
  const old = autoscalerVersions.fromStored(stored);
  expect(old.spec).toMatchObject({ targetCPUUtilizationPercentage: 50 });
  expect(old.spec.metrics).toBeUndefined();
  expect(old.status.currentCPUUtilizationPercentage).toBe(7);
  expect(old.metadata.annotations).toMatchObject({
    mine: '1',
    'autoscaling.alpha.kubernetes.io/current-metrics':
      '[{"type":"Resource","resource":{"name":"cpu","currentAverageUtilization":7,"currentAverageValue":"4m"}}]',
  });
  expect(old.metadata.annotations?.['autoscaling.alpha.kubernetes.io/metrics']).toContain(
    '{"type":"Resource","resource":{"name":"memory","targetAverageValue":"50Mi"}}',
  );
});

test('there and back nothing is lost', () => {
  expect(autoscalerVersions.toStored(autoscalerVersions.fromStored(stored))).toEqual(stored);
});

test('without any metric 80 % of CPU is meant', () => {
  const { metrics: _metrics, ...spec } = stored.spec;
  const made = autoscalerVersions.toStored({ ...stored, apiVersion: 'autoscaling/v1', spec });
  expect(made.spec.metrics).toEqual([
    { type: 'Resource', resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 80 } } },
  ]);
});
