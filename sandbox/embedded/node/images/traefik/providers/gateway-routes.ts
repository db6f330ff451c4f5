import { createHash } from 'node:crypto';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { type Dynamic, emptyDynamic, normalize, type Router } from '../dynamic.ts';
import type { Log } from '../log.ts';
import { type BackendSettings, loadBackends } from './gateway-backends.ts';
import { loadFilters } from './gateway-filters.ts';
import type { Listener } from './gateway-listeners.ts';
import { matchRule, sharedHostnames } from './gateway-rule.ts';
import type { Condition } from './gateway-status.ts';
import { controllerName, type GatewayWorld, gatewayGroup } from './gateway-world.ts';

/** Hangs an HTTPRoute at the listeners it names; answers its status, or undefined where none of them is ours. */
export function loadRoute(
  route: KubeObject,
  listeners: Listener[],
  world: GatewayWorld,
  settings: BackendSettings,
  dynamic: Dynamic,
  log: Log,
): Loose | undefined {
  const { namespace = '', generation = 0 } = route.metadata;
  const refs: Loose[] = route.spec?.parentRefs ?? [];
  // A Gateway that is named twice counts twice, as in the real one's attachedRoutes.
  const meant = listeners.flatMap((listener) =>
    refs.filter((ref) => names(ref, listener, namespace)).map(() => listener),
  );
  if (meant.length === 0) return undefined;
  const parents = refs.map((parentRef) => {
    const accepted: Condition = {
      type: 'Accepted',
      status: 'False',
      observedGeneration: generation,
      reason: 'NoMatchingParent',
      message: '',
    };
    let resolved: Condition | undefined;
    const refuse = (reason: string): void => {
      if (accepted.status === 'False') accepted.reason = reason;
    };
    for (const listener of meant) {
      let fits =
        (!parentRef.sectionName || parentRef.sectionName === listener.name) &&
        (parentRef.port === undefined || parentRef.port === listener.port);
      if (fits && !allows(listener, namespace)) {
        refuse('NotAllowedByListeners');
        fits = false;
      }
      const hostnames = sharedHostnames(listener.hostname, route.spec?.hostnames ?? []);
      if (fits && !hostnames) {
        refuse('NoMatchingListenerHostname');
        fits = false;
      }
      if (fits) {
        listener.status.attachedRoutes += 1;
        if (listener.attached) Object.assign(accepted, { reason: 'Accepted', status: 'True' });
      }
      const served = emptyDynamic();
      const condition = loadRules(route, listener, hostnames ?? [], world, settings, served, log);
      if (fits && listener.attached)
        for (const kind of ['routers', 'services', 'middlewares'] as const)
          for (const [key, value] of served[kind]) dynamic[kind].set(key, value as never);
      if (!(resolved?.status === 'False' && condition.status === 'True')) resolved = condition;
    }
    return { parentRef, controllerName, conditions: [accepted, resolved!] };
  });
  // What other controllers said stays.
  const others = (route.status?.parents ?? []).filter((one: Loose) => one.controllerName !== controllerName);
  return { parents: [...parents, ...others] };
}

function names({ group = gatewayGroup, kind = 'Gateway', namespace, name }: Loose, listener: Listener, own: string) {
  const { metadata } = listener.gateway;
  return (
    group === gatewayGroup && kind === 'Gateway' && (namespace ?? own) === metadata.namespace && name === metadata.name
  );
}

function allows({ kinds, namespaces }: Listener, namespace: string): boolean {
  return kinds.includes('HTTPRoute') && namespaces.some((one) => one === '' || one === namespace);
}

function loadRules(
  route: KubeObject,
  listener: Listener,
  hostnames: string[],
  world: GatewayWorld,
  settings: BackendSettings,
  dynamic: Dynamic,
  log: Log,
): Condition {
  const { namespace = '', name, generation = 0 } = route.metadata;
  const { metadata: gateway } = listener.gateway;
  const rules: Loose[] = route.spec?.rules ?? [];
  let condition: Condition = {
    type: 'ResolvedRefs',
    status: 'True',
    observedGeneration: generation,
    reason: 'ResolvedRefs',
    message: '',
  };
  rules.forEach(({ matches = [], filters = [], backendRefs = [] }, index) => {
    const key = normalize(
      `httproute-${namespace}-${name}-gw-${gateway.namespace}-${gateway.name}-ep-${listener.entryPoint}-${index}`,
    );
    for (const match of matches) {
      const { rule, priority } = matchRule(hostnames, match);
      const routerName = `${key}-${createHash('sha256').update(rule).digest('hex').slice(0, 20)}`;
      const router: Router = {
        rule,
        priority: priority + rules.length - index,
        entryPoints: [listener.entryPoint],
        middlewares: [],
        service: '',
        ...(listener.protocol === 'HTTPS' && { tls: {} }),
      };
      dynamic.routers.set(routerName, router);
      try {
        router.middlewares = loadFilters(dynamic, namespace, routerName, filters, match.path, settings);
      } catch (error) {
        log.error('Unable to load HTTPRoute filters', { error: (error as Error).message });
        router.service = `${routerName}-err-wrr`;
        dynamic.services.set(router.service, {
          weighted: [{ name: 'invalid-httproute-filter', status: 500, weight: 1 }],
        });
        continue;
      }
      const [only] = backendRefs;
      if (backendRefs.length === 1 && isInternal(only)) {
        router.service = only.name;
        continue;
      }
      router.service = `${routerName}-wrr`;
      condition = loadBackends(dynamic, router.service, backendRefs, route, world, settings, log) ?? condition;
    }
  });
  return condition;
}

/** A service of Traefik's own: `ping@internal`. */
const isInternal = ({ group, kind, name }: Loose): boolean =>
  group === 'traefik.io' && kind === 'TraefikService' && name.endsWith('@internal');
