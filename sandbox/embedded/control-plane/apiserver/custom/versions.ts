import type { KubeObject } from '../../../../../kubernetes/object.ts';

/** GA before beta before alpha, the higher number first, other names last by name. https://kubernetes.io/docs/tasks/extend-kubernetes/custom-resources/custom-resource-definition-versioning/#version-priority */
export function compareVersions(one: string, other: string): number {
  const [first, second] = [rankOf(one), rankOf(other)];
  if (!first || !second) return first ? -1 : second ? 1 : one < other ? -1 : 1;
  for (const [index, value] of first.entries()) if (value !== second[index]) return (second[index] ?? 0) - value;
  return 0;
}

function rankOf(name: string): number[] | undefined {
  const found = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(name);
  if (!found) return undefined;
  const stage = { alpha: 0, beta: 1 }[found[2] ?? ''] ?? 2;
  return [stage, Number(found[1]), Number(found[3] ?? 0)];
}

/** What is said whenever a version that is called old is used; undefined for one that is not. */
export function deprecationOf({ spec }: KubeObject, name: string): string | undefined {
  const version = spec.versions.find((one: { name: string }) => one.name === name);
  if (!version?.deprecated) return undefined;
  if (version.deprecationWarning !== undefined) return version.deprecationWarning;
  const of = (which: string): string => `${spec.group}/${which} ${spec.names.kind}`;
  const newer = spec.versions
    .filter((one: { served: boolean; deprecated?: boolean }) => one.served && !one.deprecated)
    .map((one: { name: string }) => one.name)
    .filter((which: string) => compareVersions(which, name) < 0)
    .sort(compareVersions)[0];
  return `${of(name)} is deprecated${newer ? `; use ${of(newer)}` : ''}`;
}
