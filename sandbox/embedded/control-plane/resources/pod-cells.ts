import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { age } from '../apiserver/human-duration.ts';
import { ageOf, nameOf } from './cells.ts';
import type { Cell } from './strategy.ts';

/** A pod's row; STATUS is the first thing that is wrong, in the order kubectl looks. */
export function podCells(pod: KubeObject, now: Date): Cell[] {
  const { spec = {}, status = {} } = pod;
  const sidecars = new Set<string>((spec.initContainers ?? []).filter(isSidecar).map(({ name }: Loose) => name));
  const init = initState(spec, status, sidecars);
  const initialized = (status.conditions ?? []).some(
    ({ type, status: is }: Loose) => type === 'Initialized' && is === 'True',
  );
  const main = init.reason === undefined || initialized ? mainState(status) : undefined;
  const reason = statusOf(pod, main?.reason ?? init.reason ?? firstReason(status));
  const restarts = main ? sum(main, init.sidecars) : init.all;
  const ready = init.ready + (main?.ready ?? 0);
  const total = (spec.containers ?? []).length + sidecars.size;
  return [
    nameOf(pod),
    `${ready}/${total}`,
    reason,
    restarts.count > 0 && restarts.last ? `${restarts.count} (${age(restarts.last, now)} ago)` : String(restarts.count),
    ageOf(pod, now),
    status.podIPs?.[0]?.ip || '<none>',
    spec.nodeName || '<none>',
    status.nominatedNodeName || '<none>',
    readinessGates(spec, status),
  ];
}

interface Restarts {
  count: number;
  /** When the last container that was restarted had ended. */
  last: string | undefined;
}

const none: Restarts = { count: 0, last: undefined };

function sum(a: Restarts, b: Restarts): Restarts {
  const last = !a.last || (b.last && b.last > a.last) ? b.last : a.last;
  return { count: a.count + b.count, last };
}

const restartsOf = ({ restartCount = 0, lastState }: Loose): Restarts => ({
  count: restartCount,
  last: lastState?.terminated?.finishedAt,
});

const isSidecar = ({ restartPolicy }: Loose): boolean => restartPolicy === 'Always';

function firstReason(status: Loose): string {
  const gated = (status.conditions ?? []).some(
    ({ type, reason }: Loose) => type === 'PodScheduled' && reason === 'SchedulingGated',
  );
  return gated ? 'SchedulingGated' : status.reason || status.phase || '';
}

function endOf({ reason, signal, exitCode }: Loose): string {
  return reason || (signal ? `Signal:${signal}` : `ExitCode:${exitCode}`);
}

/** Where initialization stands; `reason` is absent when it is over. */
function initState(spec: Loose, status: Loose, sidecars: Set<string>) {
  const state = { reason: undefined as string | undefined, ready: 0, all: none, sidecars: none };
  const count = (spec.initContainers ?? []).length;
  for (const [index, container] of (status.initContainerStatuses ?? []).entries()) {
    const { name, state: now = {}, started, ready } = container;
    state.all = sum(state.all, restartsOf(container));
    if (sidecars.has(name)) state.sidecars = sum(state.sidecars, restartsOf(container));
    if (now.terminated?.exitCode === 0) continue;
    if (sidecars.has(name) && started) {
      if (ready) state.ready++;
      continue;
    }
    const waiting = now.waiting?.reason;
    if (now.terminated) state.reason = `Init:${endOf(now.terminated)}`;
    else if (waiting && waiting !== 'PodInitializing') state.reason = `Init:${waiting}`;
    else state.reason = `Init:${index}/${count}`;
    break;
  }
  return state;
}

/** What the containers say; the first of them has the last word. */
function mainState(status: Loose) {
  let reason: string | undefined;
  let failure: string | undefined;
  let running = false;
  let ready = 0;
  let restarts = none;
  for (const container of [...(status.containerStatuses ?? [])].reverse()) {
    const { state = {} } = container;
    restarts = sum(restarts, restartsOf(container));
    if (state.waiting?.reason) reason = state.waiting.reason;
    else if (state.terminated) {
      reason = endOf(state.terminated);
      if (state.terminated.exitCode !== 0) failure = reason;
    } else if (container.ready && state.running) {
      running = true;
      ready++;
    }
  }
  reason ??= firstReason(status);
  if (reason === 'Completed') {
    const isReady = (status.conditions ?? []).some(({ type, status: is }: Loose) => type === 'Ready' && is === 'True');
    if (running && isReady) reason = 'Running';
    else reason = failure ?? (running ? 'NotReady' : reason);
  }
  return { reason, ready, ...restarts };
}

function statusOf(pod: KubeObject, reason: string): string {
  if (!pod.metadata.deletionTimestamp) return reason;
  if (pod.status?.reason === 'NodeLost') return 'Unknown';
  return ['Succeeded', 'Failed'].includes(pod.status?.phase) ? reason : 'Terminating';
}

function readinessGates(spec: Loose, status: Loose): string {
  const gates: Loose[] = spec.readinessGates ?? [];
  if (gates.length === 0) return '<none>';
  const open = gates.filter(({ conditionType }) =>
    (status.conditions ?? []).some(({ type, status: is }: Loose) => type === conditionType && is === 'True'),
  );
  return `${open.length}/${gates.length}`;
}
