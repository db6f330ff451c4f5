import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { isRun, kubeletAnnotation } from '../../../machine-annotations.ts';
import type { ResourceCall } from '../call.ts';
import { badRequest, notFound, nothingHere, refusal } from '../errors.ts';

/** Where the bytes of a stream come from. */
export interface Target {
  host: string;
  port: number;
  /** Path and query at the kubelet. */
  path: string;
  /** Where the kubelet would be on a real network. */
  shown?: string;
}

/** Where a node's kubelet listens. */

/** What of a resource is a stream to its node. */
export const streamed = new Set(['log', 'exec', 'attach', 'portforward', 'proxy']);

/** Finds the kubelet that answers; undefined for the log of a pod that has no node yet. Throws 400 and 404 as the real one does. */
export function targetOf(call: ResourceCall): Target | undefined {
  const { type, info, query } = call;
  const search = query.size > 0 ? `?${query}` : '';
  if (type.collection === '/nodes') return nodeTarget(call, info.name, `/${info.rest}${search}`);
  if (info.subresource === 'proxy') return proxyTarget(call, search);
  if (type.collection !== '/pods') throw nothingHere();
  const pod = call.services.store.get('/pods', info.namespace, info.name)?.object;
  if (!pod) throw notFound(type, info.name);
  const names = `${info.namespace}/${info.name}`;
  const node = pod.spec?.nodeName;
  if (info.subresource === 'portforward') {
    if (!node) throw badRequest(`pod ${info.name} does not have a host assigned`);
    return nodeTarget(call, node, `/portForward/${names}${search}`);
  }
  const container = containerOf(pod, query.get('container') ?? '');
  if (!node) {
    if (info.subresource === 'log') return undefined;
    throw badRequest(`pod ${info.name} does not have a host assigned`);
  }
  const verb = info.subresource === 'log' ? 'containerLogs' : info.subresource;
  return nodeTarget(call, node, `/${verb}/${names}/${encodeURIComponent(container)}${search}`);
}

function containerOf(pod: KubeObject, asked: string): string {
  const names = (list: Loose[] | undefined): string[] => (list ?? []).map((container) => container.name);
  const { containers, initContainers, ephemeralContainers } = pod.spec ?? {};
  const main = names(containers);
  const init = names(initContainers);
  const debug = names(ephemeralContainers);
  const { name } = pod.metadata;
  if (asked) {
    if ([...main, ...init, ...debug].includes(asked)) return asked;
    throw badRequest(`container ${asked} is not valid for pod ${name}`);
  }
  if (main.length === 1 && main[0]) return main[0];
  let message = `a container name must be specified for pod ${name}, choose one of: [${main.join(' ')}]`;
  if (init.length > 0) message += ` or one of the init containers: [${init.join(' ')}]`;
  if (debug.length > 0) message += ` or one of the ephemeral containers: [${debug.join(' ')}]`;
  throw badRequest(message);
}

function nodeTarget(call: ResourceCall, node: string, path: string): Target {
  const object = call.services.store.get('/nodes', '', node)?.object;
  if (!object) throw notFound({ group: '', resource: 'nodes' }, node);
  const address = (object.status?.addresses ?? []).find((one: Loose) => one.type === 'InternalIP')?.address;
  return { ...addressOf(object), path, ...(address && { shown: `${address}:10250` }) };
}

/** What a program of the real one says of a node that does not answer. */
export function dialError({ host, port, shown }: Target, error: NodeJS.ErrnoException): string {
  if (error.code !== 'ECONNREFUSED' && error.code !== 'ECONNRESET') return error.message;
  return `dial tcp ${shown ?? `${host}:${port}`}: connect: no route to host`;
}

/** Throws 500 for a node that nobody runs. */
export function addressOf(node: KubeObject): { host: string; port: number } {
  const address = node.metadata.annotations?.[kubeletAnnotation] ?? '';
  const match = /^(.+):(\d+)$/.exec(address);
  if (!match) throw refusal(500, '', `no preferred addresses found; known addresses: []`);
  return { host: match[1] ?? '', port: Number(match[2]) };
}

/** `pods/web:8080/proxy/…` and `services/https:web:443/proxy/…`: any node leads there. */
function proxyTarget(call: ResourceCall, search: string): Target {
  const { services, type, info } = call;
  const { scheme, name, port } = splitName(info.name);
  const object = services.store.get(type.collection, info.namespace, name)?.object;
  if (!object) throw notFound(type, name);
  const rest = info.path.endsWith('/') && info.rest !== '' ? `${info.rest}/` : info.rest;
  if (type.collection === '/pods') {
    const first = object.spec?.containers?.[0]?.ports?.[0]?.containerPort;
    const node = object.spec?.nodeName;
    if (!node) throw badRequest(`pod ${name} does not have a host assigned`);
    const place = `${scheme}${port || first || 80}`;
    return nodeTarget(call, node, `/proxy/pods/${info.namespace}/${name}/${place}/${rest}${search}`);
  }
  const ports: Loose[] = object.spec?.ports ?? [];
  const found = port
    ? ports.find((one) => one.name === port || String(one.port) === port)
    : ports.length === 1
      ? ports[0]
      : ports.find((one) => !one.name);
  const none = `no endpoints available for service ${JSON.stringify(info.name)}`;
  const unavailable = (why: string): Error => refusal(503, 'ServiceUnavailable', why);
  if (!found)
    throw unavailable(/^\d+$/.test(port) ? `no service port ${port} found for service ${JSON.stringify(name)}` : none);
  if (!hasEndpoints(call, name)) throw unavailable(none);
  const path = `/proxy/services/${info.namespace}/${name}/${scheme}${found.port}/${rest}${search}`;
  const node = services.store.list('/nodes').find((entry) => isRun(entry.object));
  if (!node) throw unavailable('no node is ready');
  return nodeTarget(call, node.name, path);
}

function splitName(text: string): { scheme: string; name: string; port: string } {
  const parts = text.split(':');
  if (parts.length === 3) return { scheme: parts[0] ? `${parts[0]}:` : '', name: parts[1] ?? '', port: parts[2] ?? '' };
  return { scheme: '', name: parts[0] ?? '', port: parts[1] ?? '' };
}

function hasEndpoints({ services, info }: ResourceCall, service: string): boolean {
  return services.store
    .list('discovery.k8s.io/endpointslices', info.namespace)
    .some(
      ({ object }) =>
        object.metadata.labels?.['kubernetes.io/service-name'] === service &&
        object.endpoints?.some((endpoint: Loose) => endpoint.conditions?.ready !== false),
    );
}
