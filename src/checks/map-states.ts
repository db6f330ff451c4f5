import type { KubeObject, Loose } from '../../kubernetes/object.ts';

/** One object as the map draws it. */
export interface MapObject {
  uid: string;
  kind: string;
  name: string;
  /** The uid of the object that made it. */
  owner?: string;
  /** What `kubectl get` would say, in a word or two: `Running`, `2/3 ready`. */
  state: string;
  tone: Tone;
  /** When it was made; ISO. */
  since?: string;
  /** The reason, where something is wrong, or the image. */
  detail?: string;
  /** Of a Service: the pods it calls. */
  selects?: string[];
  /** Of a Service: how many of them are ready. */
  endpoints?: number;
  node?: string;
}

/** `idle`: nothing to do, and nothing wrong. */
export type Tone = 'ok' | 'wait' | 'bad' | 'idle';

type Described = Pick<MapObject, 'state' | 'tone' | 'detail' | 'selects' | 'endpoints' | 'node'>;

/** How one object stands, in the words kubectl uses. */
export function standing(kind: string, item: KubeObject, pods: readonly KubeObject[]): Described {
  if (item.metadata.deletionTimestamp) return { state: 'Terminating', tone: 'wait', ...node(item) };
  switch (kind) {
    case 'Pod':
      return pod(item);
    case 'Service':
      return service(item, pods);
    case 'PersistentVolumeClaim':
      return claim(item);
    case 'Job':
      return job(item);
    case 'CronJob':
      return item.spec?.suspend
        ? { state: 'Suspended', tone: 'idle', detail: item.spec.schedule }
        : {
            state: item.status?.active?.length ? 'Active' : 'Scheduled',
            tone: 'idle',
            detail: String(item.spec?.schedule),
          };
    case 'DaemonSet':
      return ready(item.status?.numberReady, item.status?.desiredNumberScheduled, item);
    default:
      return ready(item.status?.readyReplicas, item.spec?.replicas ?? 1, item);
  }
}

function node(item: KubeObject): { node?: string } {
  return item.spec?.nodeName ? { node: item.spec.nodeName } : {};
}

function ready(now: number | undefined, wanted: number | undefined, item: KubeObject): Described {
  const [is, should] = [now ?? 0, wanted ?? 0];
  const failed: Loose = item.status?.conditions?.find(
    (one: Loose) =>
      (one.type === 'ReplicaFailure' && one.status === 'True') ||
      (one.type === 'Progressing' && one.status === 'False'),
  );
  const tone: Tone = should === 0 && is === 0 ? 'idle' : failed ? 'bad' : is === should ? 'ok' : 'wait';
  return { state: `${is}/${should} ready`, tone, ...(failed?.message ? { detail: failed.message } : {}) };
}

/** Reasons of a waiting or ended container that do not pass by themselves. */
const TROUBLE = /BackOff|^Err|Error|Invalid|Failed|OOMKilled|Evicted|NodeLost|ContainerStatusUnknown/;

/** As kubectl's STATUS column, the first container that says something decides. */
function pod(item: KubeObject): Described {
  const { status = {}, spec = {} } = item;
  const statuses: Loose[] = [...(status.initContainerStatuses ?? []), ...(status.containerStatuses ?? [])];
  const own: Loose[] = status.containerStatuses ?? [];
  const restarts = own.reduce((sum, one) => sum + (one.restartCount ?? 0), 0);
  const images = (spec.containers ?? []).map((one: Loose) => one.image).join(', ');
  const stuck = statuses.find(
    ({ state }) =>
      state?.waiting && state.waiting.reason !== 'PodInitializing' && state.waiting.reason !== 'ContainerCreating',
  );
  const ended = own.find(({ state }) => state?.terminated && state.terminated.reason !== 'Completed');
  const place = node(item);
  if (stuck) {
    const { reason, message } = stuck.state.waiting;
    return { state: reason, tone: TROUBLE.test(reason) ? 'bad' : 'wait', detail: message ?? images, ...place };
  }
  if (status.phase === 'Succeeded') return { state: 'Completed', tone: 'idle', detail: images, ...place };
  if (status.phase === 'Failed' || ended) {
    const { reason, message, exitCode } = ended?.state.terminated ?? {};
    return {
      state: reason ?? status.reason ?? 'Failed',
      tone: 'bad',
      detail: message ?? status.message ?? `exit code ${exitCode}`,
      ...place,
    };
  }
  const unscheduled: Loose = status.conditions?.find(
    (one: Loose) => one.type === 'PodScheduled' && one.status === 'False',
  );
  if (unscheduled) return { state: 'Pending', tone: 'bad', detail: unscheduled.message ?? unscheduled.reason };
  const isReady = status.conditions?.some((one: Loose) => one.type === 'Ready' && one.status === 'True');
  if (status.phase === 'Running')
    return {
      state: isReady ? 'Running' : 'Not ready',
      tone: isReady ? 'ok' : 'wait',
      detail: restarts > 0 ? `${images} · ${restarts} ${restarts === 1 ? 'restart' : 'restarts'}` : images,
      ...place,
    };
  return { state: spec.nodeName ? 'ContainerCreating' : 'Pending', tone: 'wait', detail: images, ...place };
}

function service(item: KubeObject, pods: readonly KubeObject[]): Described {
  const { spec = {}, status = {} } = item;
  const selector = Object.entries(spec.selector ?? {});
  const chosen =
    selector.length === 0
      ? []
      : pods.filter((one) => selector.every(([name, value]) => one.metadata.labels?.[name] === value));
  const endpoints = chosen.filter(isReady).length;
  const ports = (spec.ports ?? []).map((port: Loose) => port.port).join(', ');
  const address = status.loadBalancer?.ingress?.[0];
  const pending = spec.type === 'LoadBalancer' && !address;
  return {
    state: spec.type ?? 'ClusterIP',
    tone: selector.length === 0 ? 'idle' : pending ? 'wait' : endpoints > 0 ? 'ok' : chosen.length > 0 ? 'wait' : 'bad',
    detail: pending ? 'external address pending' : address ? `${address.ip ?? address.hostname}:${ports}` : ports,
    selects: chosen.map((one) => String(one.metadata.uid)),
    endpoints,
  };
}

function isReady(pod: KubeObject): boolean {
  return (
    !pod.metadata.deletionTimestamp &&
    (pod.status?.conditions ?? []).some((one: Loose) => one.type === 'Ready' && one.status === 'True')
  );
}

function claim(item: KubeObject): Described {
  const phase: string = item.status?.phase ?? 'Pending';
  const size = item.status?.capacity?.storage ?? item.spec?.resources?.requests?.storage;
  const tone: Tone = phase === 'Bound' ? 'ok' : phase === 'Lost' ? 'bad' : 'wait';
  return { state: phase, tone, ...(size ? { detail: size } : {}) };
}

function job(item: KubeObject): Described {
  const { status = {}, spec = {} } = item;
  const ended: Loose = status.conditions?.find(
    (one: Loose) => (one.type === 'Complete' || one.type === 'Failed') && one.status === 'True',
  );
  if (ended)
    return ended.type === 'Complete'
      ? { state: 'Complete', tone: 'idle' }
      : { state: 'Failed', tone: 'bad', detail: ended.message };
  const tone: Tone = status.failed ? 'bad' : status.active ? 'wait' : 'idle';
  return { state: `${status.succeeded ?? 0}/${spec.completions ?? 1} done`, tone };
}
