import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Opening } from '../loopback.ts';
import { type ControllerContext, createController, isNotFound, keyOf, splitKey } from './context.ts';
import { nodes as nodeResource, services as serviceResource } from './resources.ts';

const finalizer = 'service.kubernetes.io/load-balancer-cleanup';
const excluded = 'node.kubernetes.io/exclude-from-external-load-balancers';
/** What all share where the machine has but one loopback address. */
const shared = '127.0.0.1';

export interface LoadBalancerOptions {
  /** First three numbers of the addresses given out. */
  range: string;
  tryListen(address: string, port: number): Promise<Opening>;
}

/**
 * The cloud's part: gives each Service of type LoadBalancer an address of this machine. The node opens its ports.
 * https://kubernetes.io/docs/concepts/services-networking/service/#loadbalancer
 */
export function startLoadBalancers(context: ControllerContext, options: LoadBalancerOptions): void {
  const { client, recorder, queue: makeQueue } = createController(context, 'service-controller');
  const services = context.informer(serviceResource);
  const nodes = context.informer(nodeResource);
  /** By uid, what a balancer was last made for. */
  const ensured = new Map<string, string>();
  const queue = makeQueue(sync, { retry: { first: 1_000, longest: 60_000 } });

  services.on((now, before) => {
    if (!now) ensured.delete(before!.metadata.uid!);
    else if (wants(now) || holds(now)) queue.add(keyOf(now));
  });
  nodes.on((now, before) => {
    if (takesTraffic(now) === takesTraffic(before)) return;
    const any = nodes.list().some(takesTraffic);
    for (const service of services.list()) {
      if (!ensured.has(service.metadata.uid!)) continue;
      if (any) recorder.event(service, 'Normal', 'UpdatedLoadBalancer', 'Updated load balancer with new hosts');
      else recorder.event(service, 'Warning', 'UnAvailableLoadBalancer', noNodes);
    }
  });

  async function sync(key: string): Promise<void> {
    await Promise.all([services.synced, nodes.synced]);
    const [namespace, name] = splitKey(key);
    const service = services.get(name, namespace);
    if (!service) return;
    if (!wants(service) || service.metadata.deletionTimestamp) {
      if (holds(service)) await remove(service);
      return;
    }
    const { uid } = service.metadata;
    const wanted = shapeOf(service);
    const addresses = addressesOf(service);
    // What an earlier life of this process made is as good as new.
    if (!ensured.has(uid!) && holds(service) && addresses.length > 0) ensured.set(uid!, wanted);
    if (ensured.get(uid!) === wanted && addresses.length > 0) return;
    recorder.event(service, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
    let held = service;
    if (!holds(service)) {
      const finalizers = [...(service.metadata.finalizers ?? []), finalizer];
      held = await write(service, { metadata: { finalizers } });
    }
    if (!nodes.list().some(takesTraffic)) recorder.event(service, 'Warning', 'UnAvailableLoadBalancer', noNodes);
    try {
      const address = await choose(held);
      if (!addresses.includes(address)) {
        const loadBalancer = { ingress: [{ ip: address, ipMode: 'VIP' }] };
        held = await write(service, { status: { loadBalancer } });
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const message = `Error syncing load balancer: failed to ensure load balancer: ${why}`;
      recorder.event(service, 'Warning', 'SyncLoadBalancerFailed', message);
      throw error;
    }
    ensured.set(uid!, wanted);
    services.observe(held);
    recorder.event(service, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
  }

  /** Its role may write the status alone, with which finalizers go. */
  function write({ metadata }: KubeObject, patch: Loose): Promise<KubeObject> {
    const { name, namespace } = metadata;
    return client.patch(serviceResource, name!, namespace, 'merge', patch, { subresource: 'status' });
  }

  async function remove(service: KubeObject): Promise<void> {
    recorder.event(service, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    ensured.delete(service.metadata.uid!);
    const finalizers = (service.metadata.finalizers ?? []).filter((each) => each !== finalizer);
    const status = addressesOf(service).length > 0 && !service.metadata.deletionTimestamp;
    try {
      await write(service, {
        metadata: { finalizers },
        ...(status && { status: { loadBalancer: { ingress: null } } }),
      });
    } catch (error) {
      if (!isNotFound(error)) throw error;
    }
    recorder.event(service, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
  }

  /** The address it has, the one it asks for, or the next free one. Rejects with a sentence and a remedy. */
  async function choose(service: KubeObject): Promise<string> {
    const wanted = service.spec.loadBalancerIP;
    const [has] = addressesOf(service);
    if (has && (!wanted || wanted === has)) return has;
    const ports = carried(service);
    const others = services.list().filter((other) => other.metadata.uid !== service.metadata.uid);
    const taken = new Set(others.flatMap(addressesOf));
    if (wanted) {
      if (!/^127\.\d+\.\d+\.\d+$/.test(wanted) || wanted === shared || (await open(wanted, ports)) === 'missing')
        throw new Error(
          `spec.loadBalancerIP ${wanted} is no address of this machine that may be given out: leave it out, or choose one that begins with ${options.range}`,
        );
      if (taken.has(wanted))
        throw new Error(`spec.loadBalancerIP ${wanted} is another Service's: choose another, or leave it out`);
      return wanted;
    }
    for (let last = 1; last < 255; last++) {
      const address = `${options.range}.${last}`;
      if (taken.has(address)) continue;
      const opening = await open(address, ports);
      if (opening === 'missing') break;
      if (opening !== 'busy') return address;
    }
    const sharing = others.filter((other) => addressesOf(other).includes(shared)).flatMap(carried);
    const twice = ports.find((port) => sharing.includes(port));
    if (twice !== undefined)
      throw new Error(
        `this machine has one loopback address, and another Service has port ${twice} of it: change spec.ports[].port of one of them`,
      );
    return shared;
  }

  async function open(address: string, ports: number[]): Promise<Opening> {
    let worst: Opening = 'free';
    for (const port of ports) {
      const opening = await options.tryListen(address, port);
      if (opening === 'missing' || opening === 'busy') return opening;
      if (opening === 'forbidden') worst = opening;
    }
    return worst;
  }
}

const noNodes = 'There are no available nodes for LoadBalancer';

const wants = ({ spec }: KubeObject): boolean => spec.type === 'LoadBalancer' && spec.loadBalancerClass === undefined;

const holds = ({ metadata }: KubeObject): boolean => !!metadata.finalizers?.includes(finalizer);

const takesTraffic = (node: KubeObject | undefined): boolean =>
  !!node && !node.metadata.deletionTimestamp && node.metadata.labels?.[excluded] === undefined;

const carried = ({ spec }: KubeObject): number[] =>
  (spec.ports ?? []).filter((port: Loose) => port.protocol === 'TCP').map((port: Loose) => port.port);

function addressesOf({ status }: KubeObject): string[] {
  return (status?.loadBalancer?.ingress ?? []).map(({ ip }: Loose) => ip).filter(Boolean);
}

/** Everything a change of which makes a balancer anew. */
function shapeOf({ spec, metadata }: KubeObject): string {
  const { ports, loadBalancerIP, loadBalancerSourceRanges, sessionAffinity, sessionAffinityConfig } = spec;
  const { externalIPs, externalTrafficPolicy } = spec;
  return JSON.stringify([
    (ports ?? []).map(({ name, port, protocol, nodePort }: Loose) => [name, port, protocol, nodePort]),
    [loadBalancerIP, loadBalancerSourceRanges, sessionAffinity, sessionAffinityConfig],
    [externalIPs, externalTrafficPolicy, metadata.annotations],
  ]);
}
