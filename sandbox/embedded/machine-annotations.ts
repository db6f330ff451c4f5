import type { KubeObject } from '../../kubernetes/object.ts';

/** On a Node: where the kubelet that plays it listens, `127.0.0.1:PORT`. */
export const kubeletAnnotation = 'atelier.dev/kubelet';
/** On a Node: `off` is a computer without power, from one moment to the next. */
const powerAnnotation = 'atelier.dev/power';

export const hasPower = (node: KubeObject | undefined): boolean =>
  node?.metadata.annotations?.[powerAnnotation] !== 'off';

/** Whether somebody runs the node, as far as one can know without asking. */
export const isRun = (node: KubeObject): boolean => !!node.metadata.annotations?.[kubeletAnnotation] && hasPower(node);
