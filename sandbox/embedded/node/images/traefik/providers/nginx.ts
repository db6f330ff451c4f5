import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { type Certificate, type Dynamic, emptyDynamic, normalize, type Router, type Service } from '../dynamic.ts';
import type { Log } from '../log.ts';
import { endpointServers, hostPort } from './backend.ts';
import { certificateOf } from './certificate.ts';
import { byName, hostRule, portText } from './ingress.ts';
import type { Provider, ProviderContext } from './provider.ts';
import { createStatusWriter, type StatusWriter } from './status.ts';
import { type Collection, kinds, onChange } from './watches.ts';

const root = 'providers.kubernetesingressnginx';
const prefix = 'nginx.ingress.kubernetes.io/';
/** Below every rule. */
const last = -2_147_483_648;

interface World {
  ingresses: Collection;
  services: Collection;
  endpointSlices: Collection;
  secrets: Collection;
  classes: Collection;
}

interface Settings {
  controllerClass: string;
  ingressClass: string;
  classByName: boolean;
  withoutClass: boolean;
  refuseExternal: boolean;
  /** Entry points whose routers speak no TLS. */
  plain: string[];
}

/**
 * Ingresses as ingress-nginx has them, with those of its annotations that Traefik 3.6 knows and that are common:
 * ssl-redirect, force-ssl-redirect, use-regex, affinity, backend-protocol, enable-cors. Others say nothing, as in the real one.
 * https://doc.traefik.io/traefik/reference/install-configuration/providers/kubernetes/kubernetes-ingress-nginx/
 */
export function nginxProvider(context: ProviderContext): Provider {
  const { options } = context;
  const log = context.log.with({ providerName: 'kubernetesingressnginx' });
  return {
    name: 'kubernetesingressnginx',
    title: '*ingressnginx.Provider',
    start(tell) {
      const watches = context.watches();
      const namespace = options.text(`${root}.watchnamespace`);
      const scope = { namespaces: namespace ? [namespace] : [] };
      const world: World = {
        ingresses: watches.follow(kinds.ingresses, scope),
        services: watches.follow(kinds.services, scope),
        endpointSlices: watches.follow(kinds.endpointSlices, scope),
        secrets: watches.follow(kinds.secrets, { ...scope, labelSelector: 'owner!=helm' }),
        classes: watches.follow(kinds.ingressClasses),
      };
      const published = options.text(`${root}.publishservice`);
      const status = published
        ? createStatusWriter({
            client: context.client(),
            services: world.services,
            nodes: undefined,
            ip: '',
            hostname: '',
            publishedService: published,
            log: context.log,
          })
        : undefined;
      const settings: Settings = {
        controllerClass: options.text(`${root}.controllerclass`),
        ingressClass: options.text(`${root}.ingressclass`),
        classByName: options.flag(`${root}.ingressclassbyname`),
        withoutClass: options.flag(`${root}.watchingresswithoutclass`),
        refuseExternal: options.flag(`${root}.disablesvcexternalname`),
        plain: context.entryPoints.filter(({ tls }) => !tls).map(({ name }) => name),
      };
      onChange(Object.values(world), () => tell(load(world, settings, status, log)));
    },
  };
}

function isOurs(ingress: KubeObject, classes: KubeObject[], settings: Settings): boolean {
  const named = ingress.spec?.ingressClassName;
  if (classes.length > 0 && named != null) return classes.some(({ metadata }) => metadata.name === named);
  const legacy = ingress.metadata.annotations?.['kubernetes.io/ingress.class'];
  return legacy === undefined ? settings.withoutClass : legacy === settings.ingressClass;
}

function load(world: World, settings: Settings, status: StatusWriter | undefined, log: Log): Dynamic {
  const dynamic = emptyDynamic();
  const certificates = new Map<string, Certificate>();
  const classes = world.classes
    .list()
    .filter(
      ({ metadata, spec }) =>
        spec?.controller === settings.controllerClass ||
        (settings.classByName && metadata.name === settings.ingressClass),
    );
  for (const ingress of world.ingresses.list().sort(byName)) {
    if (!isOurs(ingress, classes, settings)) continue;
    const { name = '', namespace = '' } = ingress.metadata;
    const about = log.with({ ingress: name, namespace });
    try {
      status?.update(ingress);
    } catch (error) {
      about.error('Error while updating ingress status', { error: (error as Error).message });
    }
    try {
      for (const { secretName } of ingress.spec?.tls ?? []) {
        const key = `${namespace}/${secretName}`;
        if (secretName && !certificates.has(key))
          certificates.set(key, certificateOf(world.secrets.get(secretName, namespace), key));
      }
    } catch (error) {
      about.error('Error configuring TLS', { error: (error as Error).message });
      continue;
    }
    loadIngress(ingress, { dynamic, world, settings, log: about });
  }
  dynamic.certificates = [...certificates.values()];
  return dynamic;
}

interface Loading {
  dynamic: Dynamic;
  world: World;
  settings: Settings;
  log: Log;
}

function loadIngress(ingress: KubeObject, loading: Loading): void {
  const { dynamic, log } = loading;
  const { name = '', namespace = '' } = ingress.metadata;
  const { rules = [], defaultBackend, tls } = ingress.spec ?? {};
  const annotation = (key: string): string | undefined => ingress.metadata.annotations?.[prefix + key];
  const secure = (tls ?? []).length > 0;
  const add = (key: string, rule: string, service: string, priority = 0): void =>
    addRouter(key, { rule, priority, entryPoints: [], middlewares: [], service }, { annotation, secure, loading });
  if (defaultBackend?.service) {
    const key = rules.length === 0 ? 'default-backend' : normalize(`${namespace}-${name}-default-backend`);
    const service = serviceFor(namespace, name, defaultBackend.service, annotation, loading);
    if (service) {
      dynamic.services.set(key, service);
      if (rules.length === 0) add(key, 'PathPrefix(`/`)', key, last);
      for (const { host } of rules) if (host) add(key, hostRule(host), key);
    }
  }
  for (const [ruleIndex, rule] of rules.entries())
    for (const [pathIndex, path] of (rule.http?.paths ?? []).entries()) {
      const { backend } = path;
      if (!backend?.service) {
        log.error('Ignoring path with no service backend', { path: path.path });
        continue;
      }
      const service = serviceFor(namespace, name, backend.service, annotation, loading);
      if (!service) continue;
      const { port } = backend.service;
      const serviceName = normalize(`${namespace}-${name}-${backend.service.name}-${port?.name || port?.number}`);
      dynamic.services.set(serviceName, service);
      const regular = isTrue(annotation('use-regex'));
      add(
        normalize(`${namespace}-${name}-rule-${ruleIndex}-path-${pathIndex}`),
        [...(rule.host ? [hostRule(rule.host)] : []), ...pathRules(path, regular)].join(' && '),
        serviceName,
      );
    }
}

const isTrue = (text: string | undefined): boolean => /^(?:1|t|true)$/i.test(text ?? '');

function pathRules({ path, pathType }: Loose, regular: boolean): string[] {
  if (!path) return [];
  if (pathType === 'Exact') return [`Path(\`${path}\`)`];
  if (regular) return [`PathRegexp(\`^${path}\`)`];
  const plain = path.replace(/\/$/, '');
  return [plain ? `(Path(\`${plain}\`) || PathPrefix(\`${plain}/\`))` : 'PathPrefix(`/`)'];
}

type Annotation = (key: string) => string | undefined;

/** A router, and where there is TLS one beside it that leads there from plain HTTP. */
function addRouter(
  key: string,
  router: Router,
  { annotation, secure, loading }: { annotation: Annotation; secure: boolean; loading: Loading },
): void {
  const { dynamic, settings } = loading;
  const list = (name: string, fallback: string[]): string[] =>
    annotation(name)
      ?.split(',')
      .map((one) => one.trim()) ?? fallback;
  const middlewares: string[] = [];
  if (isTrue(annotation('enable-cors'))) {
    dynamic.middlewares.set(`${key}-cors`, {
      headers: {
        accessControlAllowCredentials:
          annotation('cors-allow-credentials') === undefined || isTrue(annotation('cors-allow-credentials')),
        accessControlAllowHeaders: list(
          'cors-allow-headers',
          'DNT Keep-Alive User-Agent X-Requested-With If-Modified-Since Cache-Control Content-Type Range,Authorization'.split(
            ' ',
          ),
        ),
        accessControlAllowMethods: list('cors-allow-methods', ['GET', 'PUT', 'POST', 'DELETE', 'PATCH', 'OPTIONS']),
        accessControlAllowOriginList: list('cors-allow-origin', ['*']),
        accessControlMaxAge: Number(annotation('cors-max-age') ?? 1_728_000),
      },
    });
    middlewares.push(`${key}-cors`);
  }
  const force = isTrue(annotation('force-ssl-redirect'));
  const redirects =
    force || (secure && (annotation('ssl-redirect') === undefined || isTrue(annotation('ssl-redirect'))));
  const redirect = `${key}-redirect-scheme`;
  if (redirects)
    dynamic.middlewares.set(redirect, { redirectScheme: { scheme: 'https', forcePermanentRedirect: true } });
  if (secure) {
    dynamic.routers.set(key, { ...router, middlewares, tls: {} });
    dynamic.routers.set(`${key}-http`, {
      ...router,
      entryPoints: settings.plain,
      middlewares: redirects ? [redirect] : middlewares,
      service: redirects ? 'noop@internal' : router.service,
    });
  } else dynamic.routers.set(key, { ...router, middlewares: redirects ? [redirect, ...middlewares] : middlewares });
}

function serviceFor(
  namespace: string,
  ingress: string,
  backend: Loose,
  annotation: Annotation,
  loading: Loading,
): Service | undefined {
  const { world, settings, dynamic, log } = loading;
  try {
    const object = world.services.get(backend.name, namespace);
    if (!object) throw new Error(`getting service: service ${JSON.stringify(backend.name)} not found`);
    const external = object.spec?.type === 'ExternalName';
    if (external && settings.refuseExternal) throw new Error('externalName services not allowed');
    const port = (object.spec?.ports ?? []).find(
      (one: Loose) => backend.port?.number === one.port || (one.name && backend.port?.name === one.name),
    );
    if (!port) throw new Error('service port not found');
    const scheme = /^(?:HTTPS|GRPCS)$/i.test(annotation('backend-protocol') ?? '') ? 'https' : 'http';
    const transport = normalize(`${namespace}-${ingress}`);
    if (scheme === 'https') dynamic.transports.set(transport, { insecureSkipVerify: true });
    const same = annotation('session-cookie-samesite')?.toLowerCase();
    return {
      servers: external
        ? [{ url: `${scheme}://${hostPort(object.spec?.externalName, port.port)}` }]
        : endpointServers(world.endpointSlices, object, port, scheme),
      passHostHeader: true,
      ...(scheme === 'https' && { transport }),
      ...(annotation('affinity') && {
        sticky: {
          name: annotation('session-cookie-name') ?? 'INGRESSCOOKIE',
          httpOnly: true,
          secure: isTrue(annotation('session-cookie-secure')),
          path: annotation('session-cookie-path') ?? '/',
          maxAge: Number(annotation('session-cookie-max-age') ?? 0),
          ...(same && { sameSite: same }),
        },
      }),
    };
  } catch (error) {
    log.error('Cannot create service', {
      error: `getting backend addresses: ${(error as Error).message}`,
      serviceName: backend.name,
      servicePort: portText(backend.port),
    });
    return undefined;
  }
}
