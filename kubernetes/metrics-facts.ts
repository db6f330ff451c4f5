import type { ColumnFact, ResourceFact, Schema } from './facts.ts';

/**
 * The API `metrics.k8s.io/v1beta1`, which no Kubernetes serves by itself: an add-on does, here the cluster's own.
 * https://kubernetes.io/docs/reference/external-api/metrics.v1beta1/
 */
const group = 'metrics.k8s.io';
const version = 'v1beta1';

const resource = (name: string, kind: string, namespaced: boolean): ResourceFact => ({
  group,
  version,
  resource: name,
  kind,
  singular: '',
  namespaced,
  verbs: ['get', 'list'],
});

export const metricsResources: ResourceFact[] = [
  resource('nodes', 'NodeMetrics', false),
  resource('pods', 'PodMetrics', true),
];

const column = (name: string, format: string): ColumnFact => ({ name, type: 'string', format, priority: 0 });
const columns = [column('Name', 'name'), column('cpu', 'quantity'), column('memory', 'quantity')];

export const metricsColumns: Record<string, ColumnFact[]> = Object.fromEntries(
  metricsResources.map((fact) => [`${group}/${version}/${fact.resource}`, [...columns, column('Window', 'duration')]]),
);

const prefix = 'io.k8s.metrics.pkg.apis.metrics.v1beta1';
const meta = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const usage: Schema = {
  type: 'object',
  additionalProperties: { $ref: 'io.k8s.apimachinery.pkg.api.resource.Quantity' },
};

function metrics(kind: string, own: Record<string, Schema>): Record<string, Schema> {
  const kinds = { apiVersion: { type: 'string' }, kind: { type: 'string' } };
  return {
    [`${prefix}.${kind}`]: {
      type: 'object',
      required: ['timestamp', 'window', ...Object.keys(own)],
      'x-kubernetes-group-version-kind': [{ group, version, kind }],
      properties: {
        ...kinds,
        metadata: { default: {}, $ref: `${meta}.ObjectMeta` },
        timestamp: { $ref: `${meta}.Time` },
        window: { type: 'string' },
        ...own,
      },
    },
    [`${prefix}.${kind}List`]: {
      type: 'object',
      required: ['items'],
      'x-kubernetes-group-version-kind': [{ group, version, kind: `${kind}List` }],
      properties: {
        ...kinds,
        metadata: { default: {}, $ref: `${meta}.ListMeta` },
        items: { type: 'array', items: { default: {}, $ref: `${prefix}.${kind}` } },
      },
    },
  };
}

export const metricsSchemas: Record<string, Schema> = {
  ...metrics('NodeMetrics', { usage }),
  ...metrics('PodMetrics', {
    containers: {
      type: 'array',
      'x-kubernetes-list-type': 'atomic',
      items: { default: {}, $ref: `${prefix}.ContainerMetrics` },
    },
  }),
  [`${prefix}.ContainerMetrics`]: {
    type: 'object',
    required: ['name', 'usage'],
    properties: { name: { type: 'string', default: '' }, usage },
  },
};
