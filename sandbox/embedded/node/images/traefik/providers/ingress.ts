import { createHash } from 'node:crypto';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { type Certificate, type Dynamic, emptyDynamic, normalize, type Router, type Service } from '../dynamic.ts';
import type { Log } from '../log.ts';
import { endpointServers, hostPort, nodeServers, schemeOf } from './backend.ts';
import { certificateOf } from './certificate.ts';
import { type RouterLabels, routerLabels, serviceLabels } from './labels.ts';
import type { Provider, ProviderContext } from './provider.ts';
import { createStatusWriter, type StatusWriter } from './status.ts';
import { type Collection, kinds, onChange } from './watches.ts';

const controller = 'traefik.io/ingress-controller';
const legacyClass = 'kubernetes.io/ingress.class';
const root = 'providers.kubernetesingress';

/** Ingresses of networking.k8s.io/v1. https://doc.traefik.io/traefik/routing/providers/kubernetes-ingress/ */
export function ingressProvider(context: ProviderContext): Provider {
  const { options } = context;
  const log = context.log.with({ providerName: 'kubernetes' });
  return {
    name: 'kubernetes',
    title: '*ingress.Provider',
    start(tell) {
      log.info(`ingress label selector is: ${JSON.stringify(options.text(`${root}.labelselector`))}`);
      log.info('Creating in-cluster Provider client');
      const watches = context.watches();
      const scope = { namespaces: options.list(`${root}.namespaces`) };
      const labelSelector = options.text(`${root}.labelselector`);
      if (options.flag(`${root}.allowexternalnameservices`))
        log.info(
          'ExternalName service loading is enabled, please ensure that this is expected (see AllowExternalNameServices option)',
        );
      const disabled = options.flag(`${root}.disableclusterscoperesources`);
      const world: World = {
        ingresses: watches.follow(kinds.ingresses, { ...scope, ...(labelSelector && { labelSelector }) }),
        services: watches.follow(kinds.services, scope),
        endpointSlices: watches.follow(kinds.endpointSlices, scope),
        secrets: watches.follow(kinds.secrets, { ...scope, labelSelector: 'owner!=helm' }),
        ...(!disabled && { nodes: watches.follow(kinds.nodes), classes: watches.follow(kinds.ingressClasses) }),
      };
      const endpoint = `${root}.ingressendpoint`;
      const status = options.has(endpoint)
        ? createStatusWriter({
            client: context.client(),
            services: world.services,
            nodes: world.nodes,
            ip: options.text(`${endpoint}.ip`),
            hostname: options.text(`${endpoint}.hostname`),
            publishedService: options.text(`${endpoint}.publishedservice`),
            log: context.log,
          })
        : undefined;
      const settings: Settings = {
        ingressClass: options.text(`${root}.ingressclass`),
        allowEmpty: options.flag(`${root}.allowemptyservices`),
        allowExternal: options.flag(`${root}.allowexternalnameservices`),
        strict: options.flag(`${root}.strictprefixmatching`),
        native: options.flag(`${root}.nativelbbydefault`),
        lookup: !disabled && !options.flag(`${root}.disableingressclasslookup`),
      };
      onChange(
        Object.values(world).filter((one): one is Collection => one !== undefined),
        () => tell(load(world, settings, status, log)),
      );
    },
  };
}

interface World {
  ingresses: Collection;
  services: Collection;
  endpointSlices: Collection;
  secrets: Collection;
  nodes?: Collection;
  classes?: Collection;
}

interface Settings {
  ingressClass: string;
  allowEmpty: boolean;
  allowExternal: boolean;
  strict: boolean;
  native: boolean;
  lookup: boolean;
}

/** Who has the same name and namespace comes in the same order, whatever the watch told first. */
export const byName = (a: KubeObject, b: KubeObject): number =>
  `${a.metadata.namespace}/${a.metadata.name}` < `${b.metadata.namespace}/${b.metadata.name}` ? -1 : 1;

function load(world: World, settings: Settings, status: StatusWriter | undefined, log: Log): Dynamic {
  const dynamic = emptyDynamic();
  const certificates = new Map<string, Certificate>();
  const classes = settings.lookup
    ? (world.classes?.list() ?? [])
        .filter(
          ({ spec, metadata }) =>
            spec?.controller === controller && (!settings.ingressClass || metadata.name === settings.ingressClass),
        )
        .map(({ metadata }) => metadata.name)
    : [];
  for (const ingress of world.ingresses.list().sort(byName)) {
    const { name = '', namespace = '', annotations = {} } = ingress.metadata;
    const named = ingress.spec?.ingressClassName;
    const legacy = annotations[legacyClass];
    const ours =
      named != null
        ? classes.includes(named)
        : settings.ingressClass === (legacy ?? '') || (settings.ingressClass === '' && legacy === 'traefik');
    if (!ours) continue;
    const about = log.with({ ingress: name, namespace });
    try {
      status?.update(ingress);
    } catch (error) {
      about.error('Error while updating ingress status', { error: (error as Error).message });
    }
    let labels: RouterLabels;
    try {
      labels = routerLabels(annotations);
    } catch (error) {
      about.error('Failed to parse annotations', { error: (error as Error).message });
      continue;
    }
    try {
      for (const { secretName } of ingress.spec?.tls ?? []) {
        const key = `${namespace}-${secretName}`;
        if (!secretName || certificates.has(key)) continue;
        certificates.set(key, certificateOf(world.secrets.get(secretName, namespace), `${namespace}/${secretName}`));
      }
    } catch (error) {
      about.error('Error configuring TLS', { error: (error as Error).message });
    }
    loadRules(ingress, labels, { dynamic, world, settings, log: about });
  }
  dynamic.certificates = [...certificates].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, certificate]) => certificate);
  return dynamic;
}

interface Loading {
  dynamic: Dynamic;
  world: World;
  settings: Settings;
  log: Log;
}

function loadRules(ingress: KubeObject, labels: RouterLabels, loading: Loading) {
  const { dynamic, log } = loading;
  const { name, namespace = '' } = ingress.metadata;
  const { rules = [], defaultBackend } = ingress.spec ?? {};
  if (rules.length === 0 && defaultBackend) {
    if (dynamic.services.has('default-backend')) return log.error('The default backend already exists.');
    if (defaultBackend.resource) return log.error('Resource is not supported for default backend');
    if (!defaultBackend.service) return log.error('Default backend is missing service definition');
    const service = serviceFor(namespace, defaultBackend.service, loading);
    if (!service) return;
    dynamic.routers.set('default-router', {
      ...routerOf(labels, 'default-backend'),
      rule: 'PathPrefix(`/`)',
      priority: -2_147_483_648,
    });
    dynamic.services.set('default-backend', service);
  }
  const routers = new Map<string, Router[]>();
  for (const rule of rules) {
    for (const path of rule.http?.paths ?? []) {
      const { backend } = path;
      if (backend?.resource) {
        log.error('Resource backends are not supported');
        continue;
      }
      if (!backend?.service) {
        log.error('Missing service definition');
        continue;
      }
      const service = serviceFor(namespace, backend.service, loading);
      if (!service) continue;
      const { port } = backend.service;
      const serviceName = normalize(`${namespace}-${backend.service.name}-${port?.name || port?.number}`);
      dynamic.services.set(serviceName, service);
      const router = {
        ...routerOf(labels, serviceName),
        rule: ruleOf(rule.host ?? '', path, labels, loading.settings.strict),
      };
      const key = normalize(`${namespace}-${name}-${rule.host ?? ''}${path.path ?? ''}`);
      routers.set(key, [...(routers.get(key) ?? []), router]);
    }
  }
  for (const [key, list] of routers)
    for (const router of list) {
      const hash = createHash('sha256').update(router.rule).digest('hex').slice(0, 20);
      dynamic.routers.set(list.length === 1 ? key : `${key}-${hash}`, router);
    }
}

function routerOf(labels: RouterLabels, service: string): Router {
  return {
    rule: '',
    priority: labels.priority ?? 0,
    entryPoints: labels.entrypoints ?? [],
    middlewares: labels.middlewares ?? [],
    service,
    ...(labels.tls && { tls: { ...(labels.tls.options && { options: labels.tls.options }) } }),
    ...(labels.observability?.accesslogs === false && { accessLog: false }),
  };
}

/** A host as a rule: below a wildcard there is one more label. */
export function hostRule(host: string): string {
  if (!host.startsWith('*.')) return `Host(\`${host}\`)`;
  return `HostRegexp(\`^[a-zA-Z0-9-]+\\.${host.slice(2).replaceAll(/[.+*?()|[\]{}^$\\]/g, '\\$&')}$\`)`;
}

/** `Host(…) && PathPrefix(…)` */
function ruleOf(host: string, path: Loose, labels: RouterLabels, strict: boolean): string {
  const parts: string[] = [];
  if (host) parts.push(hostRule(host));
  const type = path.pathType || 'ImplementationSpecific';
  const matcher = type === 'Exact' ? 'Path' : type === 'Prefix' ? 'PathPrefix' : labels.pathmatcher || 'PathPrefix';
  if (path.path) {
    const plain = path.path.replace(/\/$/, '');
    parts.push(
      strict && matcher === 'PathPrefix' && plain
        ? `(Path(\`${plain}\`) || PathPrefix(\`${plain}/\`))`
        : `${matcher}(\`${path.path}\`)`,
    );
  }
  return parts.join(' && ');
}

/** As Go prints a ServiceBackendPort. */
export const portText = ({ name = '', number = 0 }: Loose = {}): string =>
  `&ServiceBackendPort{Name:${name},Number:${number},}`;

function serviceFor(namespace: string, backend: Loose, { world, settings, log }: Loading): Service | undefined {
  const about = { serviceName: backend.name, servicePort: portText(backend.port) };
  let service: Service;
  try {
    service = loadService(namespace, backend, world, settings);
  } catch (error) {
    log.error('Cannot create service', { ...about, error: (error as Error).message });
    return undefined;
  }
  if (service.servers?.length === 0 && !settings.allowEmpty) {
    log.error('Skipping service: no endpoints found', about);
    return undefined;
  }
  return service;
}

function loadService(namespace: string, backend: Loose, world: World, settings: Settings): Service {
  const object = world.services.get(backend.name, namespace);
  if (!object) throw new Error('service not found');
  const { spec = {} } = object;
  if (spec.type === 'ExternalName' && !settings.allowExternal)
    throw new Error(`externalName services not allowed: ${namespace}/${backend.name}`);
  const port = (spec.ports ?? []).find(
    (one: Loose) => backend.port?.number === one.port || (one.name && backend.port?.name === one.name),
  );
  if (!port) throw new Error('service port not found');
  const labels = serviceLabels(object.metadata.annotations);
  const scheme = schemeOf(port, labels.serversscheme);
  const cookie = labels.sticky?.cookie;
  const service: Service = {
    passHostHeader: labels.passhostheader ?? true,
    ...(labels.serverstransport && { transport: labels.serverstransport }),
    ...(cookie && {
      sticky: { ...cookie, httpOnly: cookie.httponly, sameSite: cookie.samesite, maxAge: cookie.maxage },
    }),
  };
  if (labels.nodeportlb && spec.type === 'NodePort') {
    if (!world.nodes) throw new Error('nodes lookup is disabled');
    const servers = nodeServers(world.nodes.list(), port, scheme);
    if (servers.length === 0) throw new Error(`no servers were generated for service ${backend.name} in namespace`);
    return { ...service, servers };
  }
  if (spec.type === 'ExternalName')
    return { ...service, servers: [{ url: `${scheme}://${hostPort(spec.externalName, port.port)}` }] };
  if (labels.nativelb ?? settings.native) {
    const failed = (text: string): Error =>
      new Error(`getting native Kubernetes Service address: ${text}: ${namespace}/${backend.name}`);
    if (spec.clusterIP === 'None') throw failed('no clusterIP on headless service');
    if (!spec.clusterIP) throw failed('no clusterIP found for service');
    return { ...service, servers: [{ url: `${scheme}://${hostPort(spec.clusterIP, port.port)}` }] };
  }
  return { ...service, servers: endpointServers(world.endpointSlices, object, port, scheme) };
}
