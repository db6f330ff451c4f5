import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { quantityMilli } from '../../../../../kubernetes/quantity.ts';
import { ApiError, type Client } from '../../../client/client.ts';
import type { Age } from '../context.ts';
import { podCondition } from '../pods.ts';

/** What a pod uses, in thousandths of a core or of a byte. */
interface PodMetric {
  value: number;
  timestamp: string;
  /** Milliseconds. */
  window: number;
}

export type PodMetrics = Map<string, PodMetric>;

const resource = { group: 'metrics.k8s.io', version: 'v1beta1', resource: 'pods' };

/** Rejects in the words of the real controller. `container` '' is the whole pod. */
export async function readMetrics(
  client: Client,
  { name, container }: { name: string; container: string },
  namespace: string,
  labelSelector: string,
): Promise<PodMetrics> {
  let items: KubeObject[];
  try {
    ({ items } = await client.list(resource, { namespace, labelSelector }));
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    throw new Error(`unable to fetch metrics from resource metrics API: ${error.message}`);
  }
  if (items.length === 0) throw new Error('no metrics returned from resource metrics API');
  const metrics: PodMetrics = new Map();
  for (const { metadata, timestamp, window, containers } of items) {
    const counted = containers.filter((one: Loose) => container === '' || one.name === container);
    if (counted.length === 0 || counted.some(({ usage }: Loose) => usage[name] === undefined)) continue;
    const value = counted.reduce((sum: number, { usage }: Loose) => sum + quantityMilli(usage[name]), 0);
    metrics.set(metadata.name!, { value, timestamp, window: Number.parseFloat(window) * 1000 });
  }
  return metrics;
}

export interface Groups {
  ready: number;
  unready: string[];
  missing: string[];
  ignored: string[];
}

/** So long a young pod's CPU is looked at closely, and so long after its start it may become ready late: milliseconds. */
const initialisation = 300_000;
const firstReadiness = 30_000;

/** Which pods count, as https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/#algorithm-details says. */
export function groupPods(pods: KubeObject[], metrics: PodMetrics, name: string, age: Age): Groups {
  const groups: Groups = { ready: 0, unready: [], missing: [], ignored: [] };
  for (const pod of pods) {
    const metric = metrics.get(pod.metadata.name!);
    const phase = pod.status?.phase;
    if (pod.metadata.deletionTimestamp || phase === 'Failed') groups.ignored.push(pod.metadata.name!);
    else if (phase === 'Pending') groups.unready.push(pod.metadata.name!);
    else if (!metric) groups.missing.push(pod.metadata.name!);
    else if (name === 'cpu' && isUnready(pod, metric, age)) groups.unready.push(pod.metadata.name!);
    else groups.ready += 1;
  }
  return groups;
}

function isUnready(pod: KubeObject, metric: PodMetric, age: Age): boolean {
  const condition = podCondition(pod, 'Ready');
  const startTime = pod.status?.startTime;
  if (!condition || !startTime) return true;
  const since = age(condition.lastTransitionTime);
  // One whole window must have been counted since the pod changed.
  if (age(startTime) < initialisation)
    return condition.status === 'False' || since - age(metric.timestamp) < metric.window;
  return condition.status === 'False' && age(startTime) - since < firstReadiness;
}

/** What pods ask for, in thousandths. Throws in the words of the real controller. */
export function requestsOf(pods: KubeObject[], name: string, container: string): Map<string, number> {
  const requests = new Map<string, number>();
  for (const pod of pods) {
    const whole = container === '' && pod.spec.resources?.requests ? pod.spec.resources.requests[name] : undefined;
    if (whole !== undefined) {
      requests.set(pod.metadata.name!, quantityMilli(whole));
      continue;
    }
    const sidecars = (pod.spec.initContainers ?? []).filter((one: Loose) => one.restartPolicy === 'Always');
    const counted = [...pod.spec.containers, ...sidecars].filter(
      (one: Loose) => container === '' || one.name === container,
    );
    if (counted.length === 0) throw new Error(`container ${container} not found in Pod ${pod.metadata.name}`);
    let sum = 0;
    for (const one of counted) {
      const request = one.resources?.requests?.[name];
      if (request === undefined)
        throw new Error(`missing request for ${name} in container ${one.name} of Pod ${pod.metadata.name}`);
      sum += quantityMilli(request);
    }
    requests.set(pod.metadata.name!, sum);
  }
  return requests;
}
