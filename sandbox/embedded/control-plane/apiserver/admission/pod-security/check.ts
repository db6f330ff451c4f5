import type { Loose } from '../../../../../../kubernetes/object.ts';

/** A template of a pod, or the pod itself. */
export interface Subject {
  annotations: Record<string, string>;
  spec: Loose;
}

export interface Finding {
  reason: string;
  detail: string;
}

/** One rule of the Pod Security Standards, since the minor version it is in force. */
export interface Check {
  id: string;
  since: number;
  run(subject: Subject, minor: number): Finding | undefined;
}

export const quoted = (names: readonly string[]): string => names.map((name) => JSON.stringify(name)).join(', ');
export const plural = (one: string, many: string, count: number): string => (count === 1 ? one : many);
export const containerNames = (names: readonly string[]): string =>
  `${plural('container', 'containers', names.length)} ${quoted(names)}`;
export const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort();

/** Init containers first, then containers, then those that were added. */
export function containersOf({ spec }: Subject): Loose[] {
  return [...(spec.initContainers ?? []), ...(spec.containers ?? []), ...(spec.ephemeralContainers ?? [])];
}

/** Names of the containers that do something. */
export const containersThat = (subject: Subject, does: (security: Loose, container: Loose) => boolean): string[] =>
  containersOf(subject)
    .filter((container) => does(container.securityContext ?? {}, container))
    .map(({ name }) => name);

/** `pod and containers "a", "b"`: who sets something it must not. */
export function setters(pod: boolean, containers: readonly string[]): string {
  return [...(pod ? ['pod'] : []), ...(containers.length > 0 ? [containerNames(containers)] : [])].join(' and ');
}

/** A pod in a user namespace of its own is root nowhere else. */
export const inUserNamespace = ({ spec }: Subject): boolean => spec.hostUsers === false;
export const onWindows = ({ spec }: Subject): boolean => spec.os?.name === 'windows';
