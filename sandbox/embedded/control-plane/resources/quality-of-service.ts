import type { Loose } from '../../../../kubernetes/object.ts';
import { compareQuantities } from '../../../../kubernetes/quantity.ts';

/** https://kubernetes.io/docs/concepts/workloads/pods/pod-qos/ */
export function qualityOfService(spec: Loose): 'Guaranteed' | 'Burstable' | 'BestEffort' {
  const containers: Loose[] = [...(spec.containers ?? []), ...(spec.initContainers ?? [])];
  const names = ['cpu', 'memory'];
  const isSet = (list: Loose, name: string) => list?.[name] !== undefined && compareQuantities(list[name], '0') > 0;
  const anything = containers.some(({ resources }) =>
    names.some((name) => isSet(resources?.requests, name) || isSet(resources?.limits, name)),
  );
  if (!anything) return 'BestEffort';
  const guaranteed = containers.every(({ resources }) =>
    names.every(
      (name) =>
        isSet(resources?.limits, name) &&
        compareQuantities(resources?.requests?.[name] ?? resources.limits[name], resources.limits[name]) === 0,
    ),
  );
  return guaranteed ? 'Guaranteed' : 'Burstable';
}
