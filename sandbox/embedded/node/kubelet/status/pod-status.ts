import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { ContainerRecord } from '../records.ts';
import { type Phase, phaseOf } from './phase.ts';

/** What was decided about a pod, whatever its containers say. */
export interface PodVerdict {
  phase: Phase;
  reason?: string;
  message?: string;
  /** The node sent it away for the sake of others. */
  disrupted?: boolean;
}

export interface StatusFacts {
  pod: KubeObject;
  records: ContainerRecord[];
  /** The pod will not run again: it is deleted, or its time is over. */
  terminal: boolean;
  /** The pod's network is there. */
  sandbox: boolean;
  ip: string | undefined;
  hostIP: string;
  startTime: string;
  now: string;
  /** Overrides what the containers say. */
  verdict?: PodVerdict | undefined;
  /** The conditions as last computed, for their transition times. */
  before: Loose[];
}

/** The pod's whole status, as the kubelet of 1.35 writes it. */
export function podStatus(facts: StatusFacts): Loose {
  const { pod, records, verdict, ip, hostIP } = facts;
  const phase = verdict?.phase ?? phaseOf(pod.spec, records, facts.terminal);
  const ofRole = (...roles: string[]) => records.filter((record) => roles.includes(record.role));
  const generation = pod.metadata.generation ?? 1;
  const status: Loose = { observedGeneration: generation, phase };
  if (verdict?.message) status.message = verdict.message;
  if (verdict?.reason) status.reason = verdict.reason;
  status.conditions = conditions(facts, phase, generation);
  status.hostIP = hostIP;
  status.hostIPs = [{ ip: hostIP }];
  if (ip) {
    status.podIP = ip;
    status.podIPs = [{ ip }];
  }
  status.startTime = facts.startTime;
  const inits = ofRole('init', 'sidecar');
  const extra = ofRole('ephemeral');
  if (inits.length) status.initContainerStatuses = inits.map(containerStatus);
  status.containerStatuses = ofRole('main').map(containerStatus);
  if (extra.length) status.ephemeralContainerStatuses = extra.map(containerStatus);
  status.qosClass = pod.status?.qosClass ?? 'BestEffort';
  return status;
}

/** The status of a pod that the node did not take. */
export function rejectedStatus(
  pod: KubeObject,
  startTime: string,
  verdict: NonNullable<StatusFacts['verdict']>,
): Loose {
  const { phase, reason, message } = verdict;
  return { observedGeneration: pod.metadata.generation ?? 1, phase, reason, message, startTime, conditions: [] };
}

function containerStatus(record: ContainerRecord): Loose {
  const { spec } = record;
  const status: Loose = {
    name: record.name,
    state: record.state,
    lastState: record.last ? { terminated: record.last } : {},
    ready: record.role !== 'ephemeral' && record.ready,
    restartCount: record.restartCount,
    image: record.image,
    imageID: record.imageID,
    started: record.started,
  };
  if (record.containerID) {
    status.containerID = record.containerID;
    status.resources = spec.resources ?? {};
    if (spec.resources?.requests) status.allocatedResources = spec.resources.requests;
  }
  if (spec.volumeMounts?.length) {
    status.volumeMounts = spec.volumeMounts.map((mount: Loose) => ({
      name: mount.name,
      mountPath: mount.mountPath,
      ...(mount.readOnly && { readOnly: true, recursiveReadOnly: 'Disabled' }),
    }));
  }
  return status;
}

interface Verdict {
  status: 'True' | 'False';
  reason?: string;
  message?: string;
}

function conditions(facts: StatusFacts, phase: Phase, generation: number): Loose[] {
  const { pod, records, before, now } = facts;
  const seen: Loose[] = pod.status?.conditions ?? [];
  const ready = containersReady(records, phase);
  const { disrupted, message = '' } = facts.verdict ?? {};
  const wanted: [string, Verdict][] = [
    ...(disrupted
      ? [['DisruptionTarget', { status: 'True', reason: 'TerminationByKubelet', message }] as [string, Verdict]]
      : []),
    ['PodReadyToStartContainers', { status: facts.sandbox ? 'True' : 'False' }],
    ['Initialized', initialized(records, phase)],
    ['Ready', ready.status === 'True' ? gates(pod, seen) : ready],
    ['ContainersReady', ready],
    ['PodScheduled', { status: 'True' }],
  ];
  return wanted.map(([type, verdict]) => {
    const old =
      before.find((condition) => condition.type === type) ?? seen.find((condition) => condition.type === type);
    return {
      type,
      observedGeneration: generation,
      status: verdict.status,
      lastProbeTime: null,
      lastTransitionTime: old?.status === verdict.status ? old.lastTransitionTime : now,
      ...(verdict.reason && { reason: verdict.reason }),
      ...(verdict.message && { message: verdict.message }),
    };
  });
}

const list = (records: ContainerRecord[]) => `[${records.map((record) => record.name).join(' ')}]`;

function containersReady(records: ContainerRecord[], phase: Phase): Verdict {
  if (phase === 'Succeeded') return { status: 'False', reason: 'PodCompleted' };
  if (phase === 'Failed') return { status: 'False', reason: 'PodFailed' };
  const unready = records.filter((record) => (record.role === 'main' || record.role === 'sidecar') && !record.ready);
  if (unready.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ContainersNotReady', message: `containers with unready status: ${list(unready)}` };
}

function initialized(records: ContainerRecord[], phase: Phase): Verdict {
  if (phase === 'Succeeded') return { status: 'True', reason: 'PodCompleted' };
  const begun = records.some(
    (record) => record.role === 'main' && ('running' in record.state || 'terminated' in record.state || record.last),
  );
  const open = records.filter(
    (record) => (record.role === 'init' && !record.ready) || (record.role === 'sidecar' && !record.started),
  );
  if (begun || open.length === 0) return { status: 'True' };
  return {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: `containers with incomplete status: ${list(open)}`,
  };
}

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/#pod-readiness-gate */
function gates(pod: KubeObject, seen: Loose[]): Verdict {
  const messages: string[] = [];
  for (const { conditionType } of pod.spec.readinessGates ?? []) {
    const condition = seen.find((candidate) => candidate.type === conditionType);
    if (!condition) messages.push(`corresponding condition of pod readiness gate "${conditionType}" does not exist.`);
    else if (condition.status !== 'True') {
      messages.push(`the status of pod readiness gate "${conditionType}" is not "True", but ${condition.status}`);
    }
  }
  if (messages.length === 0) return { status: 'True' };
  return { status: 'False', reason: 'ReadinessGatesNotReady', message: messages.join(', ') };
}

/** The strategic merge patch that turns what the API shows into `status`; undefined when nothing differs. */
export function statusPatch(pod: KubeObject, status: Loose): Loose | undefined {
  const shown = pod.status ?? {};
  const patch: Loose = {};
  for (const [field, value] of Object.entries(status)) {
    if (field === 'conditions') {
      // Conditions of others are theirs; the list is merged by type.
      const open = (value as Loose[]).flatMap((condition) => {
        const old = shown.conditions?.find((other: Loose) => other.type === condition.type);
        if (same(old, condition)) return [];
        // What is merged must be told what is no longer so.
        return [{ ...(old?.reason && { reason: null }), ...(old?.message && { message: null }), ...condition }];
      });
      if (open.length) patch.conditions = open;
    } else if (same(shown[field], value)) continue;
    else if (field === 'podIPs') {
      // A list merged by its key: the address of an earlier life must be named to go.
      const gone = (shown.podIPs ?? []).filter(({ ip }: Loose) => ip !== status.podIP);
      patch.podIPs = [...(value as Loose[]), ...gone.map(({ ip }: Loose) => ({ ip, $patch: 'delete' }))];
    } else patch[field] = value;
  }
  for (const field of ['message', 'reason', 'podIP', 'initContainerStatuses']) {
    if (shown[field] !== undefined && status[field] === undefined) patch[field] = null;
  }
  return Object.keys(patch).length ? { metadata: { uid: pod.metadata.uid }, status: patch } : undefined;
}

/** Deep equality; a field that is null is one that is not there. */
export function same(a: Loose, b: Loose): boolean {
  if (a === b || (a ?? null) === (b ?? null)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || !a || !b) return false;
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  if (Array.isArray(a)) return a.length === b.length && a.every((item, index) => same(item, b[index]));
  for (const key in a) if (!same(a[key], b[key])) return false;
  for (const key in b) if (!(key in a) && b[key] !== null && b[key] !== undefined) return false;
  return true;
}
