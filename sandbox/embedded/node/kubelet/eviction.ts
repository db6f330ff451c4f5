import type { Loose } from '../../../../kubernetes/object.ts';
import { addQuantities, compareQuantities, formatQuantity, parseQuantity } from '../../../../kubernetes/quantity.ts';
import type { Clock, Timer } from '../../clock.ts';
import type { PodWorker } from './pod-worker.ts';
import { timings } from './stages/timings.ts';

export interface EvictionOptions {
  clock: Clock;
  pods: () => PodWorker[];
  /** Bytes of memory the node has, and those its own programs use. */
  memory: { capacity: number; own: number };
  /** The node came under pressure, or out of it. */
  pressed(pressed: boolean): void;
}

/** Free memory below which the node sends pods away, and how long it then counts as pressed: https://kubernetes.io/docs/concepts/scheduling-eviction/node-pressure-eviction/ */
const threshold = 100 << 20;
const relief = 300_000;

const critical = 2_000_000_000;

/** Bytes as a quantity. */
const bytes = (amount: number): string =>
  formatQuantity({ nano: BigInt(Math.round(amount)) * 1_000_000_000n, format: 'BinarySI' });

/** Looks from time to time whether pods use more of the node than they may. Returns how to stop. */
export function watchUse(options: EvictionOptions): () => void {
  const { clock } = options;
  let pressedUntil = 0;
  let timer: Timer;

  function look(): void {
    timer = clock.after(timings.evictionMonitoring, look);
    const living = options.pods().filter((worker) => worker.network && !isCritical(worker));
    for (const worker of living) {
      const why = overStorage(worker);
      if (why) worker.evict(why);
    }
    pressNode(living);
  }

  function pressNode(living: PodWorker[]): void {
    const used = living.reduce((total, worker) => total + memoryOf(worker), options.memory.own);
    const available = options.memory.capacity - used;
    const now = clock.monotonic();
    if (available < threshold) {
      if (pressedUntil === 0) options.pressed(true);
      pressedUntil = now + relief;
      const [first] = living.sort(byMemory);
      first?.evict(lowMemory(first, Math.max(0, available)), true);
    } else if (pressedUntil > 0 && now >= pressedUntil) {
      pressedUntil = 0;
      options.pressed(false);
    }
  }

  timer = clock.after(timings.evictionMonitoring, look);
  return () => timer.cancel();
}

const isCritical = ({ pod }: PodWorker): boolean => (pod.spec.priority ?? 0) >= critical;

/** Why a pod's local storage is too much, as its status says it; undefined when it is not. */
function overStorage(worker: PodWorker): string | undefined {
  const { spec } = worker.pod;
  const limited: Loose[] = (spec.volumes ?? []).filter((volume: Loose) => volume.emptyDir?.sizeLimit);
  const limits: { name: string; limit: string }[] = spec.containers
    .map(({ name, resources }: Loose) => ({ name, limit: resources?.limits?.['ephemeral-storage'] }))
    .filter(({ limit }: Loose) => limit !== undefined);
  if (limited.length === 0 && limits.length === 0) return undefined;
  const { containers, emptyDirs } = worker.storage();
  const over = (used: number, limit: string) => compareQuantities(bytes(used), limit) > 0;
  for (const { name, emptyDir } of limited)
    if (over(emptyDirs.get(name) ?? 0, emptyDir.sizeLimit))
      return `Usage of EmptyDir volume "${name}" exceeds the limit "${emptyDir.sizeLimit}". `;
  if (limits.length === 0) return undefined;
  const total = formatQuantity(limits.map(({ limit }) => parseQuantity(limit)).reduce((a, b) => addQuantities(a, b)));
  const all = [...containers.values(), ...emptyDirs.values()].reduce((sum, used) => sum + used, 0);
  if (over(all, total)) return `Pod ephemeral local storage usage exceeds the total limit of containers ${total}. `;
  const one = limits.find(({ name, limit }) => over(containers.get(name) ?? 0, limit));
  return one && `Container ${one.name} exceeded its local ephemeral storage limit "${one.limit}". `;
}

const memoryOf = ({ records }: PodWorker): number =>
  records.reduce((total, { instance }) => total + (instance?.container.memory.used ?? 0), 0);

function requestOf({ pod }: PodWorker): number {
  const requests = pod.spec.containers.map(({ resources }: Loose) => resources?.requests?.memory ?? '0');
  return requests.reduce((sum: number, text: string) => sum + Number(parseQuantity(text).nano / 1_000_000_000n), 0);
}

/** Who goes first: more than asked for, then lower priority, then the most above what was asked for. */
function byMemory(a: PodWorker, b: PodWorker): number {
  const above = (worker: PodWorker) => memoryOf(worker) - requestOf(worker);
  const priority = ({ pod }: PodWorker) => pod.spec.priority ?? 0;
  return Number(above(b) > 0) - Number(above(a) > 0) || priority(a) - priority(b) || above(b) - above(a);
}

function lowMemory(worker: PodWorker, available: number): string {
  let text = `The node was low on resource: memory. Threshold quantity: ${bytes(threshold)}, available: ${bytes(available)}. `;
  for (const { name, spec, instance } of worker.records) {
    const used = instance?.container.memory.used ?? 0;
    const request: string = spec.resources?.requests?.memory ?? '0';
    if (instance && compareQuantities(bytes(used), request) > 0)
      text += `Container ${name} was using ${bytes(used)}, request is ${request}, has larger consumption of memory. `;
  }
  return text;
}
