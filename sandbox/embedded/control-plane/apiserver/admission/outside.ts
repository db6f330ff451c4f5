import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { parseBody } from '../body.ts';
import type { ResourceCall } from '../call.ts';
import { isDryRun } from '../write.ts';
import type { Attributes, Kind } from './attributes.ts';
import { mutate, validate } from './chain.ts';

/** Lets a POST that stores no object of its own (an eviction, a binding, an access review) be refused. Rejects with the refusal. */
export async function admitPosted(call: ResourceCall): Promise<void> {
  const { type, info } = call;
  const part = type.fact.subresources?.find((one) => one.name === info.subresource);
  const kind: Kind = {
    group: part?.group ?? type.group,
    version: part?.version ?? type.version,
    kind: part?.kind ?? type.kind,
  };
  const object = parseBody(call, kind.kind)?.value as KubeObject | undefined;
  if (object) object.metadata ??= {};
  await admit({ call, operation: 'CREATE', ...(object && { object }), dryRun: isDryRun(call), kind });
}

const optionKinds: Record<string, string> = {
  '/pods/exec': 'PodExecOptions',
  '/pods/attach': 'PodAttachOptions',
  '/pods/portforward': 'PodPortForwardOptions',
  '/pods/proxy': 'PodProxyOptions',
  '/services/proxy': 'ServiceProxyOptions',
  '/nodes/proxy': 'NodeProxyOptions',
};

/** Lets a stream (exec, attach, port-forward, proxy) be refused before it opens. Rejects with the refusal. */
export async function admitConnect(call: ResourceCall): Promise<void> {
  const { type, info, query } = call;
  const kind = optionKinds[`${type.collection}/${info.subresource}`];
  if (!kind) return;
  const options: Loose = { kind, apiVersion: 'v1', metadata: undefined };
  for (const name of ['stdin', 'stdout', 'stderr', 'tty']) if (query.get(name) === 'true') options[name] = true;
  for (const name of ['container', 'path']) if (query.get(name)) options[name] = query.get(name);
  if (query.has('command')) options.command = query.getAll('command');
  if (query.has('ports')) options.ports = query.getAll('ports').map(Number);
  await admit({
    call,
    operation: 'CONNECT',
    object: options,
    dryRun: false,
    kind: { group: '', version: 'v1', kind },
  });
}

async function admit(attributes: Attributes): Promise<void> {
  await mutate(attributes);
  await validate(attributes);
}
