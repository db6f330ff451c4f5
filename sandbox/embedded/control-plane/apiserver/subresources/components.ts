import type { KubeObject } from '../../../../../kubernetes/object.ts';
import type { ResourceCall } from '../call.ts';
import { notFound } from '../errors.ts';
import { present } from '../read.ts';
import { contentOf, type Reply } from '../reply.ts';
import { tableOf, tableView } from '../table.ts';

/** The parts of the control plane: in this cluster all of them live as long as the server does. */
const components: KubeObject[] = ['scheduler', 'controller-manager', 'etcd-0'].map((name) => ({
  apiVersion: 'v1',
  kind: 'ComponentStatus',
  metadata: { name },
  conditions: [{ type: 'Healthy', status: 'True', message: 'ok' }],
}));

export function listComponents(call: ResourceCall): Reply {
  if (call.accept.as === 'Table')
    return { code: 200, content: contentOf(tableOf(call.type, components, {}, tableView(call))) };
  return {
    code: 200,
    content: contentOf({ kind: 'ComponentStatusList', apiVersion: 'v1', metadata: {}, items: components }),
  };
}

export function getComponent(call: ResourceCall): Reply {
  const found = components.find((one) => one.metadata.name === call.info.name);
  if (!found) throw notFound({ group: '', resource: 'componentstatus' }, call.info.name);
  return { code: 200, ...present(call, contentOf(found)) };
}
