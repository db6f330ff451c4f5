import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { matchLabels, selectorRequirements } from '../../../../../../kubernetes/selectors.ts';
import type { EntryPoint } from '../configuration/static.ts';
import type { Certificate } from '../dynamic.ts';
import type { Log } from '../log.ts';
import { namesOf } from '../server/certificates.ts';
import { certificateOf } from './certificate.ts';
import type { Condition } from './gateway-status.ts';
import { found, type GatewayWorld, gatewayGroup, granted } from './gateway-world.ts';

/** A listener of a Gateway, and what is told of it in the Gateway's status. */
export interface Listener {
  gateway: KubeObject;
  name: string;
  port: number;
  protocol: string;
  hostname: string | undefined;
  entryPoint: string;
  /** '' is every namespace. */
  namespaces: string[];
  kinds: string[];
  /** Whether routes there are served. */
  attached: boolean;
  status: { name: string; supportedKinds: Loose[]; attachedRoutes: number; conditions: Condition[] };
}

/** The listeners of a Gateway; certificates that they name are put to the others. */
export function loadListeners(
  gateway: KubeObject,
  world: GatewayWorld,
  entryPoints: EntryPoint[],
  certificates: Map<string, Certificate>,
  log: Log,
): Listener[] {
  const taken = new Set<string>();
  return (gateway.spec?.listeners ?? []).map((spec: Loose): Listener => {
    const { name, port, protocol, hostname } = spec;
    const listener: Listener = {
      gateway,
      name,
      port,
      protocol,
      hostname,
      entryPoint: '',
      namespaces: [],
      kinds: [],
      attached: false,
      status: { name, supportedKinds: [], attachedRoutes: 0, conditions: [] },
    };
    listener.status.conditions = complaints(spec, listener, world, entryPoints, taken, certificates, log);
    listener.attached = listener.status.conditions.length === 0;
    return listener;
  });
}

/** Fills the listener in as far as it goes, and says what is wrong with it. */
function complaints(
  spec: Loose,
  listener: Listener,
  world: GatewayWorld,
  entryPoints: EntryPoint[],
  taken: Set<string>,
  certificates: Map<string, Certificate>,
  log: Log,
): Condition[] {
  const { gateway } = listener;
  const { port, protocol, hostname = '', tls } = spec;
  const condition = (type: string, reason: string, message: string): Condition => ({
    type,
    status: type === 'Conflicted' ? 'True' : 'False',
    observedGeneration: gateway.metadata.generation ?? 0,
    reason,
    message,
  });
  const entry = entryPoints.find((one) => one.port === port && !(protocol === 'HTTP' && one.tls));
  if (!entry)
    return [
      condition(
        'Accepted',
        'PortUnavailable',
        `Cannot find entryPoint for Gateway: no matching entryPoint for port ${port} and protocol ${JSON.stringify(protocol)}`,
      ),
    ];
  listener.entryPoint = entry.name;
  const { from = 'Same', selector } = spec.allowedRoutes?.namespaces ?? {};
  try {
    listener.namespaces = allowedNamespaces(gateway, from, selector, world);
  } catch (error) {
    const why = `malformed selector: ${(error as Error).message}`;
    return [condition('ResolvedRefs', 'InvalidRouteNamespacesSelector', `Invalid route namespaces selector: ${why}`)];
  }
  const unsupported = (reason: string, message: string): Condition[] => {
    const { observedGeneration, ...rest } = condition('Conflicted', reason, message);
    return [rest];
  };
  if (protocol === 'TCP' || protocol === 'TLS') {
    if (!world.experimental)
      return unsupported(
        protocol === 'TCP' ? 'ProtocolConflict' : 'InvalidRouteKinds',
        `Protocol ${JSON.stringify(protocol)} requires the experimental channel support to be enabled, please use the \`experimentalChannel\` option`,
      );
  } else if (protocol !== 'HTTP' && protocol !== 'HTTPS')
    return unsupported('UnsupportedProtocol', `Unsupported listener protocol ${JSON.stringify(protocol)}`);
  const { kinds, wrong } = allowedKinds(spec);
  listener.kinds = kinds.map(({ kind }) => kind);
  listener.status.supportedKinds = kinds;
  if (wrong.length > 0)
    return wrong.map(({ group, kind }) =>
      condition(
        'ResolvedRefs',
        'InvalidRouteKinds',
        `Listener protocol ${JSON.stringify(protocol)} does not support RouteGroupKind ${group ?? '<nil>'}/${kind}`,
      ),
    );
  const key = `${protocol}|${hostname}|${port}`;
  if (taken.has(key))
    return [
      condition('Conflicted', 'DuplicateListener', 'A listener with same protocol, port and hostname already exists'),
    ];
  taken.add(key);
  const unencrypted = protocol === 'HTTP' || protocol === 'TCP';
  if (unencrypted && tls)
    return [
      condition(
        'Accepted',
        'InvalidTLSConfiguration',
        'TLS configuration must no be defined when using HTTP or TCP protocol',
      ),
    ];
  return unencrypted ? [] : tlsComplaints(spec, gateway, world, certificates, condition, log);
}

function tlsComplaints(
  { name, port, protocol, tls }: Loose,
  gateway: KubeObject,
  world: GatewayWorld,
  certificates: Map<string, Certificate>,
  condition: (type: string, reason: string, message: string) => Condition,
  log: Log,
): Condition[] {
  const refs: Loose[] = tls?.certificateRefs ?? [];
  const passthrough = tls?.mode === 'Passthrough';
  if (!tls || (refs.length === 0 && tls.mode && !passthrough))
    return [
      condition(
        'Accepted',
        'InvalidTLSConfiguration',
        `No TLS configuration for Gateway Listener ${name}:${port} and protocol ${JSON.stringify(protocol)}`,
      ),
    ];
  if (passthrough && refs.length > 0)
    log.warn(
      'In case of Passthrough TLS mode, no TLS settings take effect as the TLS session from the client is NOT terminated at the Gateway',
    );
  if (passthrough)
    return protocol === 'HTTPS'
      ? [condition('Accepted', 'UnsupportedProtocol', 'HTTPS protocol is not supported with TLS mode Passthrough')]
      : [];
  const [ref] = refs;
  const invalid = (message: string): Condition => condition('ResolvedRefs', 'InvalidCertificateRef', message);
  if (!ref) return [invalid('One TLS CertificateRef is required in Terminate mode')];
  const { group, kind } = ref;
  if (kind !== 'Secret' || (group !== '' && group !== 'core'))
    return [invalid(`Unsupported TLS CertificateRef group/kind: ${group ?? '<nil>'}/${kind ?? '<nil>'}`)];
  const own = gateway.metadata.namespace ?? '';
  const namespace = ref.namespace ?? own;
  const missing = granted(
    world,
    { kind: 'Gateway', namespace: own },
    { group: 'core', kind, name: ref.name, namespace },
  );
  if (missing)
    return [
      condition('ResolvedRefs', 'RefNotPermitted', `Cannot load CertificateRef ${namespace}/${ref.name}: ${missing}`),
    ];
  const key = `${namespace}/${ref.name}`;
  if (certificates.has(key)) return [];
  try {
    certificates.set(key, usable(world, ref.name, namespace, key));
    return [];
  } catch (error) {
    const message = `Error while retrieving certificate: ${(error as Error).message}`;
    return [invalid(message), condition('Programmed', 'Invalid', message)];
  }
}

/** Throws, in Traefik's words, what keeps the Secret from being a certificate with its key. */
function usable(world: GatewayWorld, name: string, namespace: string, key: string): Certificate {
  const within = <T>(doing: string, act: () => T): T => {
    try {
      return act();
    } catch (error) {
      throw new Error(`${doing}: ${(error as Error).message.replace('unable to generate', 'unable to parse')}`);
    }
  };
  const secret = within('getting secret', () => found(world, world.secrets, 'secret', name, namespace));
  const certificate = within('getting certificate blocks', () => certificateOf(secret, key));
  within('validating certificate', () => namesOf(certificate));
  return certificate;
}

/** Throws where the selector is none. */
function allowedNamespaces(gateway: KubeObject, from: string, selector: Loose, world: GatewayWorld): string[] {
  if (from === 'All') return [''];
  if (from !== 'Selector') return [gateway.metadata.namespace ?? ''];
  // No selector at all selects nothing.
  const requirements = selectorRequirements(selector);
  if (!requirements) return [];
  return world.namespaces
    .list()
    .filter(({ metadata }) => matchLabels(requirements, metadata.labels))
    .map(({ metadata }) => metadata.name ?? '');
}

function allowedKinds({ protocol, allowedRoutes }: Loose): { kinds: Loose[]; wrong: Loose[] } {
  const supported = ({ HTTP: ['HTTPRoute', 'GRPCRoute'], HTTPS: ['HTTPRoute', 'GRPCRoute'], TCP: ['TCPRoute'] }[
    protocol as string
  ] ?? ['TCPRoute', 'TLSRoute']) as string[];
  const asked: Loose[] = allowedRoutes?.kinds ?? [];
  if (asked.length === 0) return { kinds: supported.map((kind) => ({ group: gatewayGroup, kind })), wrong: [] };
  const fits = ({ group, kind }: Loose): boolean => supported.includes(kind) && group === gatewayGroup;
  const kinds = asked.filter(
    (one, index) => fits(one) && asked.findIndex((other) => fits(other) && other.kind === one.kind) === index,
  );
  return { kinds, wrong: asked.filter((one) => !fits(one)) };
}
