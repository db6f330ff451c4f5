import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { formatQuantity } from '../../../../../kubernetes/quantity.ts';
import type { Measure, Usage } from '../../metrics/collector.ts';
import type { ResourceCall } from '../call.ts';
import { notFound } from '../errors.ts';
import { present } from '../read.ts';
import { contentOf, type Reply } from '../reply.ts';
import type { ResourceType } from '../resource-type.ts';
import { readSelection } from '../selection.ts';
import { stamp } from '../stamp.ts';
import { tableOf, tableView } from '../table.ts';

/** Selectors are held against the pods and nodes themselves. Throws 400. */
export async function listMetrics(call: ResourceCall): Promise<Reply> {
  const { services, type, info, query } = call;
  const selection = readSelection(type, query, '');
  await services.usage.settled();
  const items = services.store
    .list(`/${type.resource}`, info.namespace || undefined)
    .filter(({ object }) => selection.matches(object))
    .map(({ object }) => metricsOf(call, object))
    .filter((item) => item !== undefined);
  if (call.accept.as === 'Table') return { code: 200, content: contentOf(tableOf(type, items, {}, tableView(call))) };
  const list = { kind: `${type.kind}List`, apiVersion: type.apiVersion, metadata: {} };
  return {
    code: 200,
    content: contentOf({ ...list, items: items.map(({ kind: _k, apiVersion: _v, ...item }) => item) }),
  };
}

/** Throws 404: there is no such pod or node, or nobody measured it yet. */
export async function getMetrics(call: ResourceCall): Promise<Reply> {
  const { services, type, info } = call;
  await services.usage.settled();
  const object = services.store.get(`/${type.resource}`, info.namespace, info.name)?.object;
  if (!object) throw notFound({ group: '', resource: type.resource }, info.name);
  const found = metricsOf(call, object);
  if (found) return { code: 200, ...present(call, contentOf(found)) };
  throw notFound(
    { group: type.group, resource: type.namespaced ? 'podmetrics' : 'nodemetrics' },
    type.namespaced ? `${info.namespace}/${info.name}` : info.name,
  );
}

function metricsOf({ services, type }: ResourceCall, { metadata }: KubeObject): KubeObject | undefined {
  const { name = '', namespace = '', uid, labels } = metadata;
  if (type.namespaced) {
    const pod = services.usage.pod(namespace, name);
    if (pod?.uid !== uid) return undefined;
    const containers = pod?.containers.map((one) => ({ name: one.name, usage: usageOf(one.usage) }));
    return pod && measured(type, { name, namespace }, labels, pod, { containers }, services.clock.now());
  }
  const node = services.usage.node(name);
  return node && measured(type, { name }, labels, node, { usage: usageOf(node.usage) }, services.clock.now());
}

function measured(
  type: ResourceType,
  names: { name: string; namespace?: string },
  labels: Record<string, string> | undefined,
  { timestamp, window }: Measure,
  more: Loose,
  now: Date,
): KubeObject {
  return {
    kind: type.kind,
    apiVersion: type.apiVersion,
    metadata: { ...names, creationTimestamp: stamp(now), ...(labels && { labels }) },
    timestamp,
    window: `${Number((window / 1000).toFixed(3))}s`,
    ...more,
  };
}

const usageOf = ({ cpu, memory }: Usage): Loose => ({
  cpu: formatQuantity({ nano: BigInt(Math.round(cpu)), format: 'DecimalSI' }),
  memory: formatQuantity({ nano: BigInt(Math.round(memory)) * 1_000_000_000n, format: 'BinarySI' }),
});
