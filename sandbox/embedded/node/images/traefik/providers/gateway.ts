import type { Gvr, KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { type Certificate, type Dynamic, emptyDynamic } from '../dynamic.ts';
import type { Log } from '../log.ts';
import type { BackendSettings } from './gateway-backends.ts';
import { type Listener, loadListeners } from './gateway-listeners.ts';
import { loadRoute } from './gateway-routes.ts';
import { type Condition, createGatewayStatusWriter, type GatewayStatusWriter } from './gateway-status.ts';
import { controllerName, found, type GatewayWorld, gatewayGroup } from './gateway-world.ts';
import { byName } from './ingress.ts';
import type { Provider, ProviderContext } from './provider.ts';
import { kinds, onChange } from './watches.ts';

const root = 'providers.kubernetesgateway';
const providerName = 'kubernetesgateway';

const own = (kind: string, resource: string, version = 'v1') => ({
  resource: { group: gatewayGroup, version, resource },
  type: `*${version}.${kind}`,
});

const classes = own('GatewayClass', 'gatewayclasses');
const gateways = own('Gateway', 'gateways');
const routes = own('HTTPRoute', 'httproutes');

/** What the real one says it can do; ours lacks gRPC and BackendTLSPolicy, and TCP and TLS routes. */
const features = [
  'BackendTLSPolicy',
  'GRPCRoute',
  'Gateway',
  'GatewayPort8080',
  'HTTPRoute',
  'HTTPRouteBackendProtocolH2C',
  'HTTPRouteBackendProtocolWebSocket',
  'HTTPRouteDestinationPortMatching',
  'HTTPRouteHostRewrite',
  'HTTPRouteMethodMatching',
  'HTTPRoutePathRedirect',
  'HTTPRoutePathRewrite',
  'HTTPRoutePortRedirect',
  'HTTPRouteQueryParamMatching',
  'HTTPRouteResponseHeaderModification',
  'HTTPRouteSchemeRedirect',
  'ReferenceGrant',
  'TLSRoute',
];

interface Settings extends BackendSettings {
  /** What Gateways say of where they are reached. Throws where that cannot be known. */
  addresses(world: GatewayWorld): Loose[];
  entryPoints: ProviderContext['entryPoints'];
}

/** HTTPRoutes at the listeners of Gateways. https://doc.traefik.io/traefik/routing/providers/kubernetes-gateway/ */
export function gatewayProvider(context: ProviderContext): Provider {
  const { options, entryPoints } = context;
  const log = context.log.with({ providerName });
  return {
    name: providerName,
    title: '*gateway.Provider',
    start(tell) {
      const labelSelector = options.text(`${root}.labelselector`);
      log.info(`Label selector is: ${JSON.stringify(labelSelector)}`);
      log.info('Creating in-cluster Provider client', { endpoint: options.text(`${root}.endpoint`) });
      const watches = context.watches();
      const watched = options.list(`${root}.namespaces`);
      const scope = { namespaces: watched };
      const world: GatewayWorld = {
        namespaces: watches.follow(kinds.namespaces),
        classes: watches.follow(classes, labelSelector ? { labelSelector } : {}),
        gateways: watches.follow(gateways, scope),
        routes: watches.follow(routes, scope),
        grants: watches.follow(own('ReferenceGrant', 'referencegrants', 'v1beta1'), scope),
        services: watches.follow(kinds.services, scope),
        endpointSlices: watches.follow(kinds.endpointSlices, scope),
        secrets: watches.follow(kinds.secrets, { ...scope, labelSelector: 'owner!=helm' }),
        watched,
        experimental: options.flag(`${root}.experimentalchannel`),
      };
      // These are not played; that they cannot be listed stops the real one all the same.
      const waited = [
        own('GRPCRoute', 'grpcroutes'),
        own('BackendTLSPolicy', 'backendtlspolicies'),
        ...(world.experimental
          ? [own('TCPRoute', 'tcproutes', 'v1alpha2'), own('TLSRoute', 'tlsroutes', 'v1alpha2')]
          : []),
      ].map((kind) => watches.follow(kind, scope));
      const settings: Settings = {
        native: options.flag(`${root}.nativelbbydefault`),
        extensions: options.has('providers.kubernetescrd')
          ? { namespaces: options.list('providers.kubernetescrd.namespaces') }
          : undefined,
        addresses: (now) => addressesOf(context, now),
        entryPoints,
      };
      const writer = createGatewayStatusWriter(context.client(), context.process.container.clock);
      const { watched: _, experimental, ...collections } = world;
      onChange([...Object.values(collections), ...waited, watches.follow(kinds.configMaps, scope)], () => {
        const dynamic = load(world, settings, writer, log);
        if (dynamic) tell(dynamic);
      });
    },
  };
}

function addressesOf({ options }: ProviderContext, world: GatewayWorld): Loose[] {
  const at = `${root}.statusaddress`;
  if (!options.has(at)) return [];
  const ip = options.text(`${at}.ip`);
  if (ip) return [{ type: 'IPAddress', value: ip }];
  const hostname = options.text(`${at}.hostname`);
  if (hostname) return [{ type: 'Hostname', value: hostname }];
  const [name, namespace] = [options.text(`${at}.service.name`), options.text(`${at}.service.namespace`)];
  if (!name || !namespace) throw new Error('empty Gateway status address configuration');
  let service: KubeObject;
  try {
    service = found(world, world.services, 'service', name, namespace);
  } catch (error) {
    throw new Error(`getting service: ${(error as Error).message}`);
  }
  return (service.status?.loadBalancer?.ingress ?? []).flatMap((one: Loose) => {
    if (one.ip) return [{ type: 'IPAddress', value: one.ip }];
    return one.hostname ? [{ type: 'Hostname', value: one.hostname }] : [];
  });
}

function load(world: GatewayWorld, settings: Settings, writer: GatewayStatusWriter, log: Log): Dynamic | undefined {
  const dynamic = emptyDynamic();
  let addresses: Loose[];
  try {
    addresses = settings.addresses(world);
  } catch (error) {
    log.error('Unable to get Gateway status addresses', { error: (error as Error).message });
    return undefined;
  }
  const ours = new Set<string>();
  for (const one of world.classes.list()) {
    if (one.spec?.controllerName !== controllerName) continue;
    const { name = '' } = one.metadata;
    ours.add(name);
    tellClass(one, writer, log.with({ gateway_class: name }));
  }
  const meant = world.gateways.list().filter(({ spec }) => ours.has(spec?.gatewayClassName));
  const certificates = new Map<string, Certificate>();
  const listeners = meant.sort(byName).flatMap((gateway) => {
    const { name = '', namespace = '' } = gateway.metadata;
    return loadListeners(gateway, world, settings.entryPoints, certificates, log.with({ gateway: name, namespace }));
  });
  for (const route of world.routes.list().sort(byName)) {
    const { name = '', namespace = '' } = route.metadata;
    const about = log.with({ http_route: name, namespace });
    const status = loadRoute(route, listeners, world, settings, dynamic, about);
    if (status) writer.update(routes.resource, route, status, about);
  }
  for (const gateway of meant) tellGateway(gateway, listeners, addresses, writer, log);
  dynamic.certificates = [...certificates].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, one]) => one);
  return dynamic;
}

function tellClass(one: KubeObject, writer: GatewayStatusWriter, log: Log): void {
  const before: Loose[] = one.status?.conditions ?? [];
  const accepted: Condition = {
    type: 'Accepted',
    status: 'True',
    observedGeneration: one.metadata.generation ?? 0,
    reason: 'Handled',
    message: 'Handled by Traefik controller',
  };
  const conditions = [...before.filter(({ type }) => type !== 'Accepted'), accepted];
  const supportedFeatures = features.map((name) => ({ name }));
  writer.update(classes.resource as Gvr, one, { conditions, supportedFeatures }, log);
}

function tellGateway(
  gateway: KubeObject,
  all: Listener[],
  addresses: Loose[],
  writer: GatewayStatusWriter,
  log: Log,
): void {
  const { name = '', namespace = '', generation = 0 } = gateway.metadata;
  const about = log.with({ gateway: name, namespace });
  const listeners = all.filter((listener) => listener.gateway === gateway).map(({ status }) => status);
  const errors = listeners.flatMap(({ conditions }) => conditions);
  const said = (type: string, reason: string, message: string, status: Condition['status'] = 'True'): Condition => ({
    type,
    status,
    observedGeneration: generation,
    reason,
    message,
  });
  for (const listener of listeners)
    if (listener.conditions.length === 0)
      listener.conditions = [
        said('Accepted', 'Accepted', 'No error found'),
        said('ResolvedRefs', 'ResolvedRefs', 'No error found'),
        said('Programmed', 'Programmed', 'No error found'),
      ];
  if (errors.length > 0) {
    const messages = new Set(errors.map(({ message }) => message));
    about.error('Gateway Not Accepted', { error: several([...messages]) });
  }
  const conditions =
    errors.length > 0
      ? [said('Accepted', 'ListenersNotValid', 'All Listeners must be valid', 'False')]
      : [
          said('Accepted', 'Accepted', 'Gateway successfully scheduled'),
          said('Programmed', 'Programmed', 'Gateway successfully scheduled'),
        ];
  writer.update(
    gateways.resource,
    gateway,
    { ...(addresses.length > 0 && { addresses }), conditions, listeners },
    about,
  );
}

/** As Go's multierror tells several at once. */
function several(messages: string[]): string {
  const lines = messages.map((message) => `\t* ${message}`).join('\n');
  return `${messages.length} error${messages.length === 1 ? '' : 's'} occurred:\n${lines}\n\n`;
}
