import { isDeepStrictEqual } from 'node:util';
import type { Gvr, KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { matchLabels, parseLabelSelector, type Requirement } from '../../../../../kubernetes/selectors.ts';
import { ApiError } from '../../../client/client.ts';
import { type ControllerContext, createController, isNotFound, keyOf, splitKey, timestamp } from '../context.ts';
import type { Kinds } from '../kinds.ts';
import { pods as podResource } from '../resources.ts';
import { type History, normalise, noteChange } from './normalise.ts';
import { MetricFailure, type Proposal, propose } from './replica-count.ts';

const autoscalers: Gvr = { group: 'autoscaling', version: 'v2', resource: 'horizontalpodautoscalers' };

/** How often one is looked at, and how near to the target is near enough, where it does not say itself. */
const period = 15_000;
const tolerance = 0.1;
const conflicts = 5;

/** No replica count comes of the metrics. */
class NoCount extends Error {}

/** Scales what has a scale by what its pods use. https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/ */
export function startAutoscalers(context: ControllerContext, kinds: Kinds): void {
  const { clock } = context;
  const controller = createController(context, 'horizontal-pod-autoscaler');
  const { client, recorder } = controller;
  const informer = context.informer(autoscalers);
  const pods = context.informer(podResource);
  const histories = new Map<string, History>();
  /** What each selects, once that is known: two must not share pods. */
  const selectors = new Map<string, Requirement[]>();
  const queue = controller.queue(sync);
  informer.on((now, before) => {
    if (now) queue.addAfter(keyOf(now), period);
    else if (before) {
      histories.delete(keyOf(before));
      selectors.delete(keyOf(before));
    }
  });

  async function sync(key: string): Promise<void> {
    await Promise.all([informer.synced, pods.synced]);
    const [namespace, name] = splitKey(key);
    const found = informer.get(name, namespace);
    if (!found) return;
    try {
      await reconcile(key, found);
    } finally {
      queue.addAfter(key, period);
    }
  }

  async function reconcile(key: string, found: KubeObject): Promise<void> {
    const hpa: KubeObject = {
      ...found,
      status: { ...found.status, conditions: [...(found.status?.conditions ?? [])] },
    };
    const { minReplicas: min = 1, maxReplicas: max, behavior, metrics = [] } = hpa.spec;
    const target = await scaleOf(hpa);
    if (!target) return write(found, hpa);
    const { resource, scale } = target;
    condition(
      hpa,
      'AbleToScale',
      'True',
      'SucceededGetScale',
      "the HPA controller was able to get the target's current scale",
    );
    const current: number = scale.spec?.replicas ?? 0;
    const history = remember(key, current);
    let desired = current;
    let reason = '';
    let statuses: Loose[] | null = null;
    if (current === 0 && min !== 0) {
      const message = 'scaling is disabled since the replica count of the target is zero';
      condition(hpa, 'ScalingActive', 'False', 'ScalingDisabled', message);
    } else if (current > max) {
      desired = max;
      reason = 'Current number of replicas above Spec.MaxReplicas';
    } else if (current < min) {
      desired = min;
      reason = 'Current number of replicas below Spec.MinReplicas';
    } else {
      statuses = metrics.map(() => ({ type: '' }));
      try {
        const wanted = await compute(key, hpa, scale, statuses!);
        if (wanted.replicas > current) reason = `${wanted.metric} above target`;
        else if (wanted.replicas < current) reason = 'All metrics below target';
        const now = clock.monotonic();
        const decision = normalise({ history, now, behavior, current, desired: wanted.replicas, min, max });
        condition(hpa, 'AbleToScale', 'True', ...decision.able);
        condition(hpa, 'ScalingLimited', decision.isLimited ? 'True' : 'False', ...decision.limited);
        desired = decision.replicas;
      } catch (error) {
        if (!(error instanceof NoCount)) throw error;
        setStatus(
          hpa,
          current,
          hpa.status.desiredReplicas ?? 0,
          error.message.startsWith('invalid metrics') ? statuses : null,
        );
        await write(found, hpa);
        void recorder.event(hpa, 'Warning', 'FailedComputeMetricsReplicas', error.message);
        return;
      }
    }
    if (desired !== current) {
      const refused = await rescale(resource, scale, desired);
      if (refused !== undefined) {
        void recorder.event(
          hpa,
          'Warning',
          'FailedRescale',
          `New size: ${desired}; reason: ${reason}; error: ${refused}`,
        );
        const message = `the HPA controller was unable to update the target scale: ${refused}`;
        condition(hpa, 'AbleToScale', 'False', 'FailedUpdateScale', message);
        setStatus(hpa, current, hpa.status.desiredReplicas ?? 0, statuses);
        return write(found, hpa);
      }
      const message = `the HPA controller was able to update the target scale to ${desired}`;
      condition(hpa, 'AbleToScale', 'True', 'SucceededRescale', message);
      void recorder.event(hpa, 'Normal', 'SuccessfulRescale', `New size: ${desired}; reason: ${reason}`);
      noteChange(history, behavior, current, desired, clock.monotonic());
      hpa.status.lastScaleTime = timestamp(clock);
    }
    setStatus(hpa, current, desired, statuses);
    await write(found, hpa);
  }

  function remember(key: string, current: number): History {
    let history = histories.get(key);
    if (!history) {
      history = { recommendations: [{ replicas: current, at: clock.monotonic() }], ups: [], downs: [] };
      histories.set(key, history);
    }
    return history;
  }

  /** The target's scale; undefined, and said so, when there is none. */
  async function scaleOf(hpa: KubeObject): Promise<{ resource: Gvr; scale: KubeObject } | undefined> {
    const { apiVersion = '', kind, name } = hpa.spec.scaleTargetRef;
    const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
    const known = kinds.find(apiVersion, kind);
    try {
      if (!known) throw new Error(`no matches for kind ${JSON.stringify(kind)} in group ${JSON.stringify(group)}`);
      const { resource } = known;
      return { resource, scale: await client.get(resource, name, hpa.metadata.namespace, 'scale') };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      void recorder.event(hpa, 'Warning', 'FailedGetScale', error.message);
      const message = `the HPA controller was unable to get the target's current scale: ${error.message}`;
      condition(hpa, 'AbleToScale', 'False', 'FailedGetScale', message);
      return undefined;
    }
  }

  /** The highest count any metric asks for. Throws {@link NoCount} when that cannot be said. */
  async function compute(key: string, hpa: KubeObject, scale: KubeObject, statuses: Loose[]): Promise<Proposal> {
    const namespace = hpa.metadata.namespace!;
    const selected = select(key, hpa, scale.status?.selector ?? '');
    const { behavior, metrics = [] } = hpa.spec;
    const current: number = scale.spec?.replicas ?? 0;
    const near = (rules: Loose): number => (rules?.tolerance === undefined ? tolerance : Number(rules.tolerance));
    let best: Proposal | undefined;
    const failures: MetricFailure[] = [];
    for (const [index, metric] of metrics.entries()) {
      try {
        const proposal = await propose(
          {
            client,
            age: context.age,
            namespace,
            selector: scale.status.selector,
            pods: selected,
            current,
            tolerance: { up: near(behavior?.scaleUp), down: near(behavior?.scaleDown) },
          },
          metric,
        );
        statuses[index] = proposal.status;
        if (!best || proposal.replicas > best.replicas) best = proposal;
      } catch (error) {
        if (!(error instanceof MetricFailure)) throw error;
        void recorder.event(hpa, 'Warning', error.reason, error.condition);
        failures.push(error);
      }
    }
    const [first] = failures;
    if (first && (!best || best.replicas < current)) {
      condition(
        hpa,
        'ScalingActive',
        'False',
        first.reason,
        `the HPA was unable to compute the replica count: ${first.condition}`,
      );
      throw new NoCount(
        `invalid metrics (${failures.length} invalid out of ${metrics.length}), first error is: ${first.message}`,
      );
    }
    if (!best) throw new NoCount('no metrics');
    const message = `the HPA was able to successfully calculate a replica count from ${best.metric}`;
    condition(hpa, 'ScalingActive', 'True', 'ValidMetricFound', message);
    return best;
  }

  /** The pods a scale selects, which no other autoscaler may. */
  function select(key: string, hpa: KubeObject, selector: string): KubeObject[] {
    const refuse = (event: string, reason: string, text: string, shown = text): never => {
      void recorder.event(hpa, 'Warning', event, text);
      condition(hpa, 'ScalingActive', 'False', reason, shown);
      throw new NoCount(text);
    };
    if (selector === '')
      refuse(
        'SelectorRequired',
        'InvalidSelector',
        'selector is required',
        "the HPA target's scale is missing a selector",
      );
    let parsed: Requirement[] = [];
    try {
      parsed = parseLabelSelector(selector);
    } catch (error) {
      const why = (error as Error).message;
      const text = `couldn't convert selector into a corresponding internal selector object: ${why}`;
      refuse('InvalidSelector', 'InvalidSelector', text);
    }
    selectors.set(key, parsed);
    const { namespace } = hpa.metadata;
    const selected = pods.list(namespace).filter((pod) => matchLabels(parsed, pod.metadata.labels));
    const rivals = [...selectors]
      .filter(([other]) => other.startsWith(`${namespace}/`))
      .filter(([, terms]) => selected.some((pod) => matchLabels(terms, pod.metadata.labels)))
      .map(([other]) => other)
      .sort();
    if (rivals.length > 1) {
      const text = `pods by selector ${selector} are controlled by multiple HPAs: [${rivals.join(' ')}]`;
      refuse('AmbiguousSelector', 'AmbiguousSelector', text);
    }
    return selected;
  }

  /** Why it was refused; undefined when it was done. */
  async function rescale(resource: Gvr, scale: KubeObject, replicas: number): Promise<string | undefined> {
    const { name, namespace } = scale.metadata;
    let latest = scale;
    for (let attempt = 1; ; attempt += 1) {
      try {
        await client.update(resource, { ...latest, spec: { replicas } }, 'scale');
        return undefined;
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        if (error.code !== 409 || attempt === conflicts) return error.message;
        latest = await client.get(resource, name!, namespace, 'scale');
      }
    }
  }

  async function write(before: KubeObject, hpa: KubeObject): Promise<void> {
    if (isDeepStrictEqual(before.status, hpa.status)) return;
    try {
      informer.observe(await client.update(autoscalers, hpa, 'status'));
    } catch (error) {
      if (isNotFound(error)) return;
      if (!(error instanceof ApiError)) throw error;
      void recorder.event(hpa, 'Warning', 'FailedUpdateStatus', error.message);
    }
  }

  function condition(hpa: KubeObject, type: string, status: 'True' | 'False', reason: string, message: string): void {
    const list: Loose[] = hpa.status.conditions;
    const at = list.findIndex((one) => one.type === type);
    const before = list[at];
    const lastTransitionTime = before?.status === status ? before.lastTransitionTime : timestamp(clock);
    const entry = { type, status, lastTransitionTime, reason, message };
    if (at < 0) list.push(entry);
    else list[at] = entry;
  }

  function setStatus(hpa: KubeObject, current: number, desired: number, statuses: Loose[] | null): void {
    const { lastScaleTime, conditions } = hpa.status;
    hpa.status = {
      ...(lastScaleTime && { lastScaleTime }),
      ...(current !== 0 && { currentReplicas: current }),
      desiredReplicas: desired,
      currentMetrics: statuses,
      conditions,
    };
  }
}
