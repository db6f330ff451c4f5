import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { formatQuantity, quantityMilli } from '../../../../../kubernetes/quantity.ts';
import type { Client } from '../../../client/client.ts';
import type { Age } from '../context.ts';
import { groupPods, type PodMetrics, readMetrics, requestsOf } from './pod-metrics.ts';

export interface Question {
  client: Client;
  age: Age;
  namespace: string;
  /** Of the target's scale. */
  selector: string;
  /** Pods it selects. */
  pods: KubeObject[];
  current: number;
  tolerance: { up: number; down: number };
}

export interface Proposal {
  replicas: number;
  /** For the event of a rescale, as in `cpu resource utilization (percentage of request)`. */
  metric: string;
  /** One of status.currentMetrics. */
  status: Loose;
}

/** One metric cannot be computed: `condition` is what the event and ScalingActive say, the message what all metrics together say. */
export class MetricFailure extends Error {
  readonly reason: string;
  readonly condition: string;
  constructor(reason: string, condition: string, message: string) {
    super(message);
    this.reason = reason;
    this.condition = condition;
  }
}

/** How many replicas one metric asks for. Rejects with {@link MetricFailure}. */
export async function propose(question: Question, spec: Loose): Promise<Proposal> {
  if (spec.type === 'Resource' || spec.type === 'ContainerResource') return byResource(question, spec);
  if (spec.type === 'Pods') throw podsFailure(spec.pods);
  if (spec.type === 'Object') throw objectFailure(spec.object, question.namespace);
  if (spec.type === 'External') throw externalFailure(spec.external, question.namespace);
  const text = `unknown metric source type ${JSON.stringify(spec.type ?? '')}`;
  throw new MetricFailure('InvalidMetricSourceType', text, text);
}

async function byResource(question: Question, spec: Loose): Promise<Proposal> {
  const one = spec.type === 'ContainerResource';
  const source = one ? spec.containerResource : spec.resource;
  const { name, target } = source;
  const container: string = one ? source.container : '';
  try {
    const { replicas, current } =
      target.averageValue !== undefined
        ? await byValue(question, name, container, quantityMilli(target.averageValue))
        : await byUtilization(question, name, container, target.averageUtilization);
    const metric =
      target.averageValue !== undefined
        ? `${name} resource`
        : `${name} ${one ? 'container ' : ''}resource utilization (percentage of request)`;
    const status = one
      ? { type: spec.type, containerResource: { name, container, current } }
      : { type: spec.type, resource: { name, current } };
    return { replicas, metric, status };
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const { message } = error;
    throw one
      ? new MetricFailure(
          'FailedGetContainerResourceMetric',
          message,
          `failed to get ${container} container metric value: ${message}`,
        )
      : new MetricFailure(
          'FailedGetResourceMetric',
          message,
          `failed to get ${name} resource metric value: ${message}`,
        );
  }
}

/** Thousandths as the quantity metrics are shown in. */
function quantity(name: string, milli: number): string {
  return formatQuantity({ nano: BigInt(milli) * 1_000_000n, format: name === 'memory' ? 'BinarySI' : 'DecimalSI' });
}

interface Count {
  replicas: number;
  current: Loose;
}

async function byUtilization(question: Question, name: string, container: string, target: number): Promise<Count> {
  try {
    const metrics = await metricsOf(question, name, container);
    const groups = count(question, metrics, name);
    const requests = requestsOf(question.pods, name, container);
    const measured = utilization(metrics, requests, target);
    const full = (pod: string) => Math.trunc(((requests.get(pod) ?? 0) * Math.max(100, target)) / 100);
    const ratio = (all: PodMetrics) => utilization(all, requests, target).ratio;
    return {
      replicas: replicasFor({ question, metrics, groups, ratio, measured: measured.ratio, fallback: full }),
      current: { averageUtilization: measured.percent, averageValue: quantity(name, measured.average) },
    };
  } catch (error) {
    throw new Error(`failed to get ${name} utilization: ${(error as Error).message}`);
  }
}

async function byValue(question: Question, name: string, container: string, target: number): Promise<Count> {
  try {
    const metrics = await metricsOf(question, name, container);
    const groups = count(question, metrics, name);
    const average = (all: PodMetrics) => Math.trunc(sum(all) / all.size);
    const used = average(metrics);
    const ratio = (all: PodMetrics) => average(all) / target;
    return {
      replicas: replicasFor({ question, metrics, groups, ratio, measured: used / target, fallback: () => target }),
      current: { averageValue: quantity(name, used) },
    };
  } catch (error) {
    throw new Error(`failed to get ${name} usage: ${(error as Error).message}`);
  }
}

async function metricsOf(question: Question, name: string, container: string): Promise<PodMetrics> {
  const { client, namespace, selector } = question;
  try {
    return await readMetrics(client, { name, container }, namespace, selector);
  } catch (error) {
    throw new Error(`unable to get metrics for resource ${name}: ${(error as Error).message}`);
  }
}

/** Takes out of the metrics what does not count. */
function count({ pods, age }: Question, metrics: PodMetrics, name: string) {
  if (pods.length === 0) throw new Error('no pods returned by selector while calculating replica count');
  const groups = groupPods(pods, metrics, name, age);
  for (const pod of [...groups.ignored, ...groups.unready]) metrics.delete(pod);
  if (metrics.size === 0) throw new Error('did not receive metrics for targeted pods (pods might be unready)');
  return groups;
}

const sum = (metrics: PodMetrics): number => [...metrics.values()].reduce((total, { value }) => total + value, 0);

function utilization(
  metrics: PodMetrics,
  requests: Map<string, number>,
  target: number,
): { ratio: number; percent: number; average: number } {
  const known = [...metrics].filter(([pod]) => requests.has(pod));
  const used = known.reduce((total, [, { value }]) => total + value, 0);
  const asked = known.reduce((total, [pod]) => total + (requests.get(pod) ?? 0), 0);
  if (asked === 0) throw new Error('no metrics returned matched known pods');
  const percent = Math.trunc((used * 100) / asked);
  return { ratio: percent / target, percent, average: Math.trunc(used / known.length) };
}

interface Calculation {
  question: Question;
  metrics: PodMetrics;
  groups: { ready: number; unready: string[]; missing: string[] };
  measured: number;
  ratio(metrics: PodMetrics): number;
  /** What a pod without metrics is taken for when fewer replicas seem enough. */
  fallback(pod: string): number;
}

/** Doubtful pods are counted so that the step becomes smaller, never larger. */
function replicasFor({ question, metrics, groups, measured, ratio, fallback }: Calculation): number {
  const { current, tolerance } = question;
  const near = (value: number) => value >= 1 - tolerance.down && value <= 1 + tolerance.up;
  const withUnready = groups.unready.length > 0 && measured > 1;
  if (!withUnready && groups.missing.length === 0) return near(measured) ? current : Math.ceil(measured * groups.ready);
  const filled: PodMetrics = new Map(metrics);
  const fill = (pod: string, value: number) => void filled.set(pod, { value, timestamp: '', window: 0 });
  if (measured < 1) for (const pod of groups.missing) fill(pod, fallback(pod));
  else if (measured > 1) for (const pod of groups.missing) fill(pod, 0);
  if (withUnready) for (const pod of groups.unready) fill(pod, 0);
  const again = ratio(filled);
  if (near(again) || (measured < 1 && again > 1) || (measured > 1 && again < 1)) return current;
  const replicas = Math.ceil(again * filled.size);
  return (again < 1 && replicas > current) || (again > 1 && replicas < current) ? current : replicas;
}

const noCustom =
  'unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered';

function podsFailure({ metric }: Loose): MetricFailure {
  const text = `unable to get metric ${metric.name}: ${noCustom}`;
  return new MetricFailure('FailedGetPodsMetric', text, `failed to get pods metric value: ${text}`);
}

function objectFailure({ metric, describedObject, target }: Loose, namespace: string): MetricFailure {
  const { kind, name } = describedObject;
  const text = `unable to get metric ${metric.name}: ${kind} on ${namespace} ${name}/${noCustom}`;
  const whole = target.type === 'AverageValue' ? `failed to get ${metric.name} object metric: ${text}` : text;
  return new MetricFailure('FailedGetObjectMetric', text, `failed to get object metric value: ${whole}`);
}

function externalFailure({ metric, target }: Loose, namespace: string): MetricFailure {
  const why = `the server could not find the requested resource (get ${metric.name}.external.metrics.k8s.io)`;
  const text = `unable to get external metric ${namespace}/${metric.name}/${goSelector(metric.selector)}: unable to fetch metrics from external metrics API: ${why}`;
  const whole =
    target.averageValue !== undefined
      ? `failed to get ${metric.name} external metric: ${text}`
      : `failed to get external metric ${metric.name}: ${text}`;
  return new MetricFailure(
    'FailedGetExternalMetric',
    text,
    `failed to get ${metric.name} external metric value: ${whole}`,
  );
}

/** As Go prints a *LabelSelector. */
function goSelector(selector: Loose): string {
  if (!selector) return 'nil';
  const labels = Object.entries(selector.matchLabels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }: Loose) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.map(([key, value]) => `${key}: ${value},`).join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
}
