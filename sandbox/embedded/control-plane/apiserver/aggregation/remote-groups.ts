import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { Timer } from '../../../clock.ts';
import type { ClientConfig } from '../outbound/caller.ts';
import { resolveService } from '../outbound/service-road.ts';
import type { Services } from '../services.ts';
import { stamp } from '../stamp.ts';

const collection = 'apiregistration.k8s.io/apiservices';
const serviceName = 'kubernetes.io/service-name';
/** Milliseconds between two looks at a server that answered, or did not. */
const patience = 30_000;
const discoverySeconds = 5;

/** A group and version that another server answers for. */
export interface RemoteGroup {
  name: string;
  group: string;
  version: string;
  available: boolean;
  target: ClientConfig;
  /** What it serves, as its own discovery says: APIResourceList.resources. */
  resources: Loose[];
}

interface Verdict {
  available: boolean;
  reason: string;
  message: string;
  resources?: Loose[];
}

/**
 * Follows the APIServices that name a Service: whether it answers, and what it serves.
 * https://kubernetes.io/docs/concepts/extend-kubernetes/api-extension/apiserver-aggregation/
 */
export class RemoteGroups {
  readonly #services: () => Services;
  readonly #known = new Map<string, RemoteGroup>();
  readonly #timers = new Map<string, Timer>();
  readonly #checking = new Set<string>();
  #closed = false;

  constructor(services: () => Services) {
    this.#services = services;
  }

  find(group: string, version: string): RemoteGroup | undefined {
    return this.#known.get(`${version}.${group}`);
  }

  all(): RemoteGroup[] {
    return [...this.#known.values()];
  }

  follow(): void {
    const { store } = this.#services();
    for (const { object } of store.list(collection)) this.#take(object);
    const watch = (name: string, onChange: (object: KubeObject, gone: boolean) => void): void =>
      void store.watch(name, {
        from: store.toldRevision,
        namespace: undefined,
        onChange: (change) => onChange(change.entry.object, change.type === 'DELETED'),
      });
    watch(collection, (object, gone) => (gone ? this.#drop(object) : this.#take(object)));
    const touched = (namespace: string, name: string | undefined): void => {
      for (const one of this.all())
        if (one.target.service?.namespace === namespace && one.target.service.name === name) this.#soon(one.name, 0);
    };
    watch('/services', ({ metadata }) => touched(metadata.namespace ?? '', metadata.name));
    watch('discovery.k8s.io/endpointslices', ({ metadata }) =>
      touched(metadata.namespace ?? '', metadata.labels?.[serviceName]),
    );
  }

  close(): void {
    this.#closed = true;
    for (const timer of this.#timers.values()) timer.cancel();
    this.#timers.clear();
  }

  #take({ metadata, spec }: KubeObject): void {
    const name = metadata.name ?? '';
    // What this server answers itself it goes on answering: metrics.k8s.io, when a chart brings a server for it.
    if (!spec?.service || this.#isLocal(spec)) {
      this.#drop({ metadata } as KubeObject);
      return;
    }
    const { namespace, name: service, port = 443 } = spec.service;
    const target: ClientConfig = {
      service: { namespace, name: service, port },
      ...(spec.caBundle && { caBundle: spec.caBundle }),
      ...(spec.insecureSkipTLSVerify && { insecure: true }),
      frontProxy: true,
    };
    const known = this.#known.get(name);
    if (known && JSON.stringify(known.target) === JSON.stringify(target)) return;
    const { group, version } = spec;
    this.#known.set(name, { name, group, version, available: false, target, resources: [] });
    this.#soon(name, 0);
  }

  #isLocal({ group, version }: Loose): boolean {
    for (const type of this.#services().types.all()) if (type.group === group && type.version === version) return true;
    return false;
  }

  #drop({ metadata }: KubeObject): void {
    const name = metadata.name ?? '';
    this.#known.delete(name);
    this.#timers.get(name)?.cancel();
    this.#timers.delete(name);
  }

  #soon(name: string, milliseconds: number): void {
    if (this.#closed) return;
    this.#timers.get(name)?.cancel();
    this.#timers.set(
      name,
      this.#services().clock.after(milliseconds, () => void this.#check(name)),
    );
  }

  async #check(name: string): Promise<void> {
    const one = this.#known.get(name);
    if (!one || this.#checking.has(name)) return;
    this.#checking.add(name);
    try {
      const verdict = await this.#judge(one);
      if (this.#closed || this.#known.get(name) !== one) return;
      one.available = verdict.available;
      if (verdict.resources) one.resources = verdict.resources;
      this.#tell(name, verdict);
    } finally {
      this.#checking.delete(name);
      this.#soon(name, patience);
    }
  }

  async #judge({ target, group, version }: RemoteGroup): Promise<Verdict> {
    const services = this.#services();
    const { namespace = '', name = '', port = 443 } = target.service ?? {};
    const refuse = (reason: string, message: string): Verdict => ({ available: false, reason, message });
    const where = `service/${name} in ${JSON.stringify(namespace)}`;
    const service = services.store.get('/services', namespace, name)?.object;
    if (!service) return refuse('ServiceNotFound', `${where} is not present`);
    const asked = (service.spec?.ports ?? []).find((one: Loose) => one.port === port);
    if (!asked) return refuse('ServicePortError', `${where} is not listening on port ${port}`);
    const slices = services.store
      .list('discovery.k8s.io/endpointslices', namespace)
      .filter(({ object }) => object.metadata.labels?.[serviceName] === name);
    if (service.spec.type !== 'ExternalName') {
      if (slices.length === 0) return refuse('EndpointsNotFound', `cannot find endpointslices for ${where}`);
      const ready = slices.some(({ object }) =>
        object.endpoints?.some((one: Loose) => one.conditions?.ready !== false && one.addresses?.length),
      );
      if (!ready)
        return refuse(
          'MissingEndpoints',
          `endpointslices for ${where} have no addresses with port name ${JSON.stringify(asked.name ?? '')}`,
        );
    }
    const path = `/apis/${group}/${version}`;
    const shown = `https://${resolveService(services, { namespace, name, port }).address}${path}`;
    const failed = (why: string): Verdict =>
      refuse('FailedDiscoveryCheck', `failing or missing response from ${shown}: ${why}`);
    try {
      const { code, text } = await services.caller.get(target, path, discoverySeconds);
      if (code < 200 || code > 299) return failed(`bad status from ${shown}: ${code}`);
      const resources: Loose[] = JSON.parse(text).resources ?? [];
      return { available: true, reason: 'Passed', message: 'all checks passed', resources };
    } catch (error) {
      return failed(`Get ${JSON.stringify(shown)}: ${(error as Error).message}`);
    }
  }

  #tell(name: string, { available, reason, message }: Verdict): void {
    const { store, clock } = this.#services();
    const object = store.get(collection, '', name)?.object;
    if (!object) return;
    const status = available ? 'True' : 'False';
    const old: Loose = (object.status?.conditions ?? []).find(({ type }: Loose) => type === 'Available');
    if (old?.status === status && old.reason === reason && old.message === message) return;
    const lastTransitionTime = old?.status === status ? old.lastTransitionTime : stamp(clock.now());
    const condition = { lastTransitionTime, message, reason, status, type: 'Available' };
    store.put(collection, '', name, {
      ...object,
      metadata: { ...object.metadata },
      status: { ...object.status, conditions: [condition] },
    });
  }
}
