import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { formatSelector } from '../../../../kubernetes/selectors.ts';
import { age } from '../apiserver/human-duration.ts';
import type { Cell } from './strategy.ts';

/** Pieces of rows that many kinds share. */

export const ageOf = (object: KubeObject, now: Date): string => age(object.metadata.creationTimestamp, now);

export const nameOf = (object: KubeObject): string => object.metadata.name ?? '';

/** NAME and AGE around what a kind adds. */
export const named =
  (cells: (object: KubeObject, now: Date) => Cell[] = () => []) =>
  (object: KubeObject, now: Date): Cell[] => [nameOf(object), ...cells(object, now), ageOf(object, now)];

/** Kinds without columns of their own. */
export const createdAt = (object: KubeObject): Cell[] => [nameOf(object), object.metadata.creationTimestamp ?? ''];

/** CONTAINERS and IMAGES of a pod template. */
export function containerCells(template: Loose): [string, string] {
  const containers: Loose[] = template?.spec?.containers ?? [];
  return [containers.map(({ name }) => name).join(','), containers.map(({ image }) => image ?? '').join(',')];
}

export const selectorCell = (selector: Loose): string => formatSelector(selector);

/** `a=1,b=2` of a plain map. */
export function mapCell(map: Record<string, string> | undefined): string {
  const pairs = Object.entries(map ?? {}).map(([key, value]) => `${key}=${value}`);
  return pairs.sort().join(',') || '<none>';
}

/** At most `most` of a list, then how many are left out; `none` for an empty one. */
export function someOf(list: string[], most: number, none: string): string {
  if (list.length === 0) return none;
  const shown = list.slice(0, most).join(',');
  return list.length > most ? `${shown} + ${list.length - most} more...` : shown;
}

/** Addresses of a load balancer, cut to 16 characters as without `-o wide`. */
export function balancerCell(status: Loose): string {
  const addresses = (status?.loadBalancer?.ingress ?? []).map(({ ip, hostname }: Loose) => ip || hostname || '');
  const text = [...new Set<string>(addresses.filter(Boolean))].sort().join(',');
  return text.length > 16 ? `${text.slice(0, 13)}...` : text;
}

export const intOrStringCell = (value: Loose): string => (value === undefined ? 'N/A' : String(value));

const modes: Record<string, string> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

/** `RWO,RWX`, in the order kubectl knows. */
export function accessModesCell(list: string[] | undefined): string {
  return Object.keys(modes)
    .filter((mode) => list?.includes(mode))
    .map((mode) => modes[mode])
    .join(',');
}
