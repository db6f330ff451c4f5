import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { parseBody } from '../body.ts';
import type { ResourceCall } from '../call.ts';
import { conflict, notFound, refusal } from '../errors.ts';
import { contentOf, type Reply } from '../reply.ts';
import { stamp } from '../stamp.ts';
import { isDryRun } from '../write.ts';

/** How a scheduler gives a pod its node: POST to `pods/NAME/binding`, or to `bindings` with the name in the body. */
export async function bind(call: ResourceCall): Promise<Reply> {
  const { services, info } = call;
  const binding = parseBody(call, 'Binding')?.value ?? {};
  const name = info.name || binding.metadata?.name || '';
  const target = binding.target ?? {};
  const { kind = '' } = target;
  if (kind !== '' && kind !== 'Node')
    throw refusal(
      500,
      '',
      `target.kind: Unsupported value: ${JSON.stringify(kind)}: supported values: "Node", "<empty>"`,
    );
  if (!target.name) throw refusal(500, '', 'target.name: Required value');
  const pods = { group: '', resource: 'pods' };
  const pod = services.store.get('/pods', info.namespace, name)?.object;
  if (!pod) throw notFound(pods, name);
  const refuse = (why: string): Error => conflict({ group: '', resource: 'pods/binding' }, name, why);
  if (binding.metadata?.uid && binding.metadata.uid !== pod.metadata.uid)
    throw refuse(
      `Precondition failed: UID in precondition: ${binding.metadata.uid}, UID in object meta: ${pod.metadata.uid}`,
    );
  if (pod.metadata.deletionTimestamp) throw refuse(`pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec.nodeName) throw refuse(`pod ${name} is already assigned to node "${pod.spec.nodeName}"`);
  if (pod.spec.schedulingGates?.length) throw refuse(`pod ${name} has non-empty .spec.schedulingGates`);
  const next: KubeObject = {
    ...pod,
    metadata: {
      ...pod.metadata,
      ...(binding.metadata?.annotations && {
        annotations: { ...pod.metadata.annotations, ...binding.metadata.annotations },
      }),
    },
    spec: { ...pod.spec, nodeName: target.name },
    status: bound(pod.status ?? {}, stamp(services.clock.now())),
  };
  if (!isDryRun(call)) {
    services.store.put('/pods', info.namespace, name, next);
    await services.store.committed();
  }
  const status: Loose = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
  return { code: 201, content: contentOf(status) };
}

/** Where room was made for it is of no more interest. */
function bound({ nominatedNodeName: _, ...status }: Loose, now: string): Loose {
  const others = (status.conditions ?? []).filter((one: Loose) => one.type !== 'PodScheduled');
  const condition = { type: 'PodScheduled', status: 'True', lastProbeTime: null, lastTransitionTime: now };
  return { ...status, conditions: [...others, condition] };
}
