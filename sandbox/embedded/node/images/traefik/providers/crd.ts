import { createHash } from 'node:crypto';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { type Certificate, type Dynamic, emptyDynamic, normalize, type Router } from '../dynamic.ts';
import type { Log } from '../log.ts';
import { certificateOf } from './certificate.ts';
import { middlewareOf } from './crd-middleware.ts';
import { CrdServices, type CrdSettings } from './crd-services.ts';
import { loadTls, loadTransports } from './crd-tls.ts';
import { byName } from './ingress.ts';
import type { Provider, ProviderContext } from './provider.ts';
import { type Collection, kinds, onChange } from './watches.ts';

const root = 'providers.kubernetescrd';
const providerName = 'kubernetescrd';

const own = (kind: string, resource: string) => ({
  resource: { group: 'traefik.io', version: 'v1alpha1', resource },
  type: `*v1alpha1.${kind}`,
});

/** What the provider follows. */
export interface CrdWorld {
  routes: Collection;
  middlewares: Collection;
  transports: Collection;
  tlsOptions: Collection;
  tlsStores: Collection;
  traefikServices: Collection;
  services: Collection;
  endpointSlices: Collection;
  secrets: Collection;
  configMaps: Collection;
  nodes?: Collection;
}

/** `NAMESPACE-NAME`, as one name. */
export const idOf = ({ metadata: { namespace = '', name } }: KubeObject): string => normalize(`${namespace}-${name}`);

/** Kinds of traefik.io/v1alpha1. https://doc.traefik.io/traefik/routing/providers/kubernetes-crd/ */
export function crdProvider(context: ProviderContext): Provider {
  const { options } = context;
  const log = context.log.with({ providerName });
  return {
    name: providerName,
    title: '*crd.Provider',
    start(tell) {
      const labelSelector = options.text(`${root}.labelselector`);
      log.info(`label selector is: ${JSON.stringify(labelSelector)}`);
      log.info('Creating in-cluster Provider client');
      const watches = context.watches();
      const settings: CrdSettings & { ingressClass: string } = {
        allowCrossNamespace: options.flag(`${root}.allowcrossnamespace`),
        allowExternal: options.flag(`${root}.allowexternalnameservices`),
        allowEmpty: options.flag(`${root}.allowemptyservices`),
        native: options.flag(`${root}.nativelbbydefault`),
        ingressClass: options.text(`${root}.ingressclass`),
      };
      if (settings.allowCrossNamespace)
        log.warn(
          'Cross-namespace reference between IngressRoutes and resources is enabled, please ensure that this is expected (see AllowCrossNamespace option)',
        );
      if (settings.allowExternal)
        log.info(
          'ExternalName service loading is enabled, please ensure that this is expected (see AllowExternalNameServices option)',
        );
      const scope = { namespaces: options.list(`${root}.namespaces`) };
      const selected = { ...scope, ...(labelSelector && { labelSelector }) };
      const world: CrdWorld = {
        routes: watches.follow(own('IngressRoute', 'ingressroutes'), selected),
        middlewares: watches.follow(own('Middleware', 'middlewares'), selected),
        transports: watches.follow(own('ServersTransport', 'serverstransports'), selected),
        tlsOptions: watches.follow(own('TLSOption', 'tlsoptions'), selected),
        tlsStores: watches.follow(own('TLSStore', 'tlsstores'), selected),
        traefikServices: watches.follow(own('TraefikService', 'traefikservices'), selected),
        services: watches.follow(kinds.services, scope),
        endpointSlices: watches.follow(kinds.endpointSlices, scope),
        secrets: watches.follow(kinds.secrets, { ...scope, labelSelector: 'owner!=helm' }),
        configMaps: watches.follow(kinds.configMaps, scope),
        ...(!options.flag(`${root}.disableclusterscoperesources`) && { nodes: watches.follow(kinds.nodes) }),
      };
      // TCP and UDP are not played; that they cannot be listed stops the real one all the same.
      const waited = [
        own('IngressRouteTCP', 'ingressroutetcps'),
        own('IngressRouteUDP', 'ingressrouteudps'),
        own('MiddlewareTCP', 'middlewaretcps'),
        own('ServersTransportTCP', 'serverstransporttcps'),
      ].map((kind) => watches.follow(kind, selected));
      onChange([...Object.values(world), ...waited], () => tell(load(world, settings, log)));
    },
  };
}

function load(world: CrdWorld, settings: CrdSettings & { ingressClass: string }, log: Log): Dynamic {
  const dynamic = emptyDynamic();
  const certificates = new Map<string, Certificate>();
  loadTls(world, dynamic, certificates, log);
  const services = new CrdServices(world, settings, dynamic);
  for (const route of world.routes.list().sort(byName)) {
    const { name = '', namespace = '', annotations = {} } = route.metadata;
    const asked = annotations['kubernetes.io/ingress.class'] ?? '';
    if (settings.ingressClass !== asked && !(settings.ingressClass === '' && asked === 'traefik')) continue;
    const about = log.with({ ingress: name, namespace });
    const { tls } = route.spec ?? {};
    try {
      const key = `${namespace}/${tls?.secretName}`;
      if (tls?.secretName && !certificates.has(key))
        certificates.set(key, certificateOf(world.secrets.get(tls.secretName, namespace), key));
    } catch (error) {
      about.error('Error configuring TLS', { error: (error as Error).message });
    }
    for (const rule of route.spec?.routes ?? []) loadRoute(route, rule, services, settings, dynamic, about);
  }
  for (const middleware of world.middlewares.list().sort(byName)) {
    const id = idOf(middleware);
    const about = log.with({ middlewareName: id });
    const made = middlewareOf(middleware, world, about);
    if (made) dynamic.middlewares.set(id, made);
  }
  for (const service of world.traefikServices.list().sort(byName)) {
    try {
      services.weighted(service);
    } catch (error) {
      log.error('Error while building TraefikService', {
        error: (error as Error).message,
        serviceName: service.metadata.name,
      });
    }
  }
  loadTransports(world, dynamic, log);
  dynamic.certificates = [...certificates].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, certificate]) => certificate);
  return dynamic;
}

function loadRoute(
  route: KubeObject,
  rule: Loose,
  services: CrdServices,
  settings: CrdSettings,
  dynamic: Dynamic,
  log: Log,
) {
  const { name = '', namespace = '' } = route.metadata;
  if (rule.kind && rule.kind !== 'Rule')
    return log.error(`Unsupported match kind: ${rule.kind}. Only "Rule" is supported for now.`);
  if (!rule.match) return log.error('Empty match rule');
  const key = `${name}-${createHash('sha256').update(rule.match).digest('hex').slice(0, 20)}`;
  const routerName = normalize(`${namespace}-${key}`);
  let middlewares: string[];
  try {
    middlewares = (rule.middlewares ?? []).map((one: Loose) => middlewareName(one, namespace, settings, log));
  } catch (error) {
    return log.error('Failed to create middleware keys', { error: (error as Error).message });
  }
  let service: string;
  try {
    service = services.ofRoute(namespace, routerName, rule.services ?? []);
  } catch (error) {
    return log.error('', { error: (error as Error).message });
  }
  const router: Router = {
    rule: rule.match,
    priority: rule.priority ?? 0,
    entryPoints: route.spec?.entryPoints ?? [],
    middlewares,
    service,
    ...(rule.observability?.accessLogs === false && { accessLog: false }),
  };
  const { tls } = route.spec ?? {};
  if (tls) {
    router.tls = {};
    const { name: options, namespace: within } = tls.options ?? {};
    if (options) {
      const where = within || namespace;
      if (!options.includes('@') && !settings.allowCrossNamespace && where !== namespace)
        return log.error(`TLSOption ${where}/${options} is not in the IngressRoute namespace ${namespace}`);
      router.tls.options = options.includes('@') ? options : `${where}-${options}`;
    }
  }
  dynamic.routers.set(routerName, router);
}

/** Throws where a middleware of another namespace is meant and may not be. */
function middlewareName(
  { name, namespace: within }: Loose,
  namespace: string,
  settings: CrdSettings,
  log: Log,
): string {
  if (!settings.allowCrossNamespace && name.endsWith(`@${providerName}`))
    throw new Error(
      `invalid reference to middleware ${name}: with crossnamespace disallowed, the namespace field needs to be explicitly specified`,
    );
  if (name.includes('@')) {
    if (within)
      log.warn(`namespace ${JSON.stringify(within)} is ignored in cross-provider context`, { middlewareName: name });
    return name;
  }
  if (within && within !== namespace && !settings.allowCrossNamespace)
    throw new Error(`middleware ${within}/${name} is not in the IngressRoute namespace ${namespace}`);
  return normalize(`${within || namespace}-${name}`);
}
