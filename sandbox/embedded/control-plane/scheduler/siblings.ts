import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { Informer } from '../../client/informer.ts';
import { controllerOf, matches } from '../controllers/references.ts';
import type { DefaultSelector } from './topology-spread.ts';

export interface SiblingViews {
  services: Informer;
  ReplicaSet: Informer;
  StatefulSet: Informer;
}

/** The pods that belong together by the Services that select a pod and by its owner. */
export function siblingSelector(views: SiblingViews): DefaultSelector {
  return (pod) => {
    const namespace = pod.metadata.namespace;
    const selectors: KubeObject['spec'][] = [];
    for (const { spec } of views.services.list(namespace)) {
      if (spec?.selector && holds(spec.selector, pod.metadata.labels ?? {})) selectors.push(spec.selector);
    }
    const owner = controllerOf(pod);
    const kind = owner?.kind === 'ReplicaSet' || owner?.kind === 'StatefulSet' ? owner.kind : undefined;
    const selector = kind && views[kind].get(owner!.name, namespace)?.spec.selector;
    if (selectors.length === 0 && !selector) return undefined;
    return (labels) => selectors.every((one) => holds(one, labels)) && (!selector || matches(selector, labels));
  };
}

function holds(selector: Record<string, string>, labels: Record<string, string>): boolean {
  for (const key in selector) if (labels[key] !== selector[key]) return false;
  return true;
}
