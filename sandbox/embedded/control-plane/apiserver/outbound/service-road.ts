import { request as httpsRequest } from 'node:https';
import { connect, isIP } from 'node:net';
import type { Duplex } from 'node:stream';
import type { Loose } from '../../../../../kubernetes/object.ts';
import { isRun } from '../../../machine-annotations.ts';
import type { Services } from '../services.ts';
import { textOf } from '../streams/pipe.ts';
import { addressOf } from '../streams/target.ts';

export interface ServicePort {
  namespace: string;
  name: string;
  port: number;
}

/**
 * Where the API server reaches a Service, in the words of the real one where it does not
 * (k8s.io/apiserver, pkg/util/proxy). Throws an Error with the sentence.
 */
export function resolveService({ store }: Services, { namespace, name, port }: ServicePort): { address: string } {
  const service = store.get('/services', namespace, name)?.object;
  if (!service) throw new Error(`service ${JSON.stringify(name)} not found`);
  const { type = 'ClusterIP', clusterIP, externalName, ports = [] } = service.spec ?? {};
  if (type === 'ExternalName') return { address: `${externalName}:${port}` };
  if (clusterIP === 'None') throw new Error('cannot route to service with ClusterIP "None"');
  if (!ports.some((one: Loose) => one.port === port))
    throw new Error(`no service port ${port} found for service ${JSON.stringify(name)}`);
  return { address: `${clusterIP}:${port}` };
}

/**
 * A raw connection to one of a Service's endpoints, through the process of the node: TLS on it ends in the pod.
 * Rejects with an Error as Go's dialer words it.
 */
export async function openService(services: Services, place: ServicePort): Promise<Duplex> {
  const { address } = resolveService(services, place);
  const service = services.store.get('/services', place.namespace, place.name)?.object;
  if (service?.spec?.type === 'ExternalName') return dial(service.spec.externalName, place.port);
  const refused = new Error(`dial tcp ${address}: connect: connection refused`);
  const node = services.store.list('/nodes').find((entry) => isRun(entry.object));
  if (!node) throw refused;
  return new Promise((resolve, reject) => {
    const outgoing = httpsRequest({
      ...addressOf(node.object),
      ...services.kubeletTls,
      agent: false,
      path: `/connect/services/${place.namespace}/${place.name}/${place.port}`,
      headers: { connection: 'Upgrade', upgrade: 'tcp' },
    });
    outgoing.on('upgrade', (_answer, socket, head) => {
      if (head.length > 0) socket.unshift(head);
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
    outgoing.on('response', async (answer) => {
      const text = await textOf(answer);
      reject(text.startsWith('dial ') ? new Error(text.replace(/^dial tcp \S+:/, `dial tcp ${address}:`)) : refused);
    });
    outgoing.on('error', () => reject(refused));
    outgoing.end();
  });
}

/** A connection to a host of this machine's network. Rejects as Go's dialer does. */
export function dial(host: string, port: number): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port });
    socket.once('connect', () => resolve(socket));
    socket.once('error', (error: NodeJS.ErrnoException) => reject(new Error(dialText(error, host, port))));
  });
}

const reasons: Record<string, string> = {
  ECONNREFUSED: 'connect: connection refused',
  EHOSTUNREACH: 'connect: no route to host',
  ENETUNREACH: 'connect: network is unreachable',
  ETIMEDOUT: 'i/o timeout',
};

function dialText(error: NodeJS.ErrnoException, host: string, port: number): string {
  const { code = '' } = error;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `dial tcp: lookup ${host}: no such host`;
  // A name may have several addresses: what Go says is of one.
  const first = (error as AggregateError).errors?.[0] as (NodeJS.ErrnoException & { address?: string }) | undefined;
  const address = first?.address ?? (error as { address?: string }).address ?? host;
  const shown = isIP(address) === 6 ? `[${address}]` : address;
  return `dial tcp ${shown}:${port}: ${reasons[code || (first?.code ?? '')] ?? error.message}`;
}
