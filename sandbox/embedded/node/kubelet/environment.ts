import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Configuration } from './configuration.ts';
import { fieldValue, resourceValue } from './downward.ts';

/** A container that cannot be made as its spec asks: CreateContainerConfigError. */
export class ConfigError extends Error {}

export interface EnvironmentFacts {
  pod: KubeObject;
  container: Loose;
  configuration: Configuration;
  services: KubeObject[];
  ip: string;
  hostIP: string;
  node: string;
  allocatable: Record<string, string>;
}

/** https://kubernetes.io/docs/tasks/inject-data-application/define-environment-variable-container/ */
export async function environmentOf(facts: EnvironmentFacts): Promise<Record<string, string>> {
  const { pod, container, configuration } = facts;
  const namespace = pod.metadata.namespace!;
  const services = serviceVariables(facts.services, namespace, pod.spec.enableServiceLinks !== false);
  const result: Record<string, string> = {};
  const known: Record<string, string> = { ...services };

  for (const source of container.envFrom ?? []) {
    const reference = source.configMapRef ?? source.secretRef;
    const kind = source.configMapRef ? 'configmap' : 'secret';
    const object = await configuration.get(kind, reference.name, namespace);
    if (!object) {
      if (reference.optional) continue;
      throw new ConfigError(`${kind} "${reference.name}" not found`);
    }
    for (const [key, value] of Object.entries(object.data ?? {})) {
      const name = `${source.prefix ?? ''}${key}`;
      result[name] = kind === 'secret' ? decode(value as string) : (value as string);
      known[name] = result[name];
    }
  }

  for (const entry of container.env ?? []) {
    const value = entry.valueFrom ? await valueFrom(entry.valueFrom, facts) : expand(entry.value ?? '', known);
    if (value === undefined) continue;
    result[entry.name] = value;
    known[entry.name] = value;
  }
  return { ...services, ...result };
}

async function valueFrom(source: Loose, facts: EnvironmentFacts): Promise<string | undefined> {
  const { pod, container, configuration } = facts;
  const namespace = pod.metadata.namespace!;
  if (source.fieldRef) {
    return fieldValue(pod, source.fieldRef.fieldPath, { ip: facts.ip, hostIP: facts.hostIP, node: facts.node });
  }
  if (source.resourceFieldRef) return resourceValue(pod, container, source.resourceFieldRef, facts.allocatable);
  const reference = source.configMapKeyRef ?? source.secretKeyRef;
  if (!reference) return undefined;
  const [kind, title] = source.configMapKeyRef
    ? (['configmap', 'ConfigMap'] as const)
    : (['secret', 'Secret'] as const);
  const object = await configuration.get(kind, reference.name, namespace);
  if (!object) {
    if (reference.optional) return undefined;
    throw new ConfigError(`${kind} "${reference.name}" not found`);
  }
  const value = object.data?.[reference.key];
  if (value === undefined) {
    if (reference.optional) return undefined;
    throw new ConfigError(`couldn't find key ${reference.key} in ${title} ${namespace}/${reference.name}`);
  }
  return kind === 'secret' ? decode(value) : value;
}

const decode = (text: string) => Buffer.from(text, 'base64').toString('utf8');

/** Fills in `$(NAME)`; `$$(NAME)` stays as `$(NAME)`, an unknown name as it is. */
export function expand(text: string, known: Record<string, string>): string {
  return text.replace(/\$(\$|\(([^()]*)\))/g, (whole, after: string, name: string | undefined) => {
    if (after === '$') return '$';
    return name !== undefined && Object.hasOwn(known, name) ? known[name]! : whole;
  });
}

/** https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables */
export function serviceVariables(services: KubeObject[], namespace: string, links: boolean): Record<string, string> {
  const result: Record<string, string> = {};
  for (const service of services) {
    const { clusterIP, ports = [] } = service.spec ?? {};
    if (!clusterIP || clusterIP === 'None' || ports.length === 0) continue;
    const master = service.metadata.namespace === 'default' && service.metadata.name === 'kubernetes';
    if (!master && (!links || service.metadata.namespace !== namespace)) continue;
    const name = service.metadata.name!.toUpperCase().replaceAll('-', '_');
    result[`${name}_SERVICE_HOST`] = clusterIP;
    result[`${name}_SERVICE_PORT`] = String(ports[0].port);
    for (const [index, port] of ports.entries()) {
      const protocol = port.protocol ?? 'TCP';
      const url = `${protocol.toLowerCase()}://${clusterIP}:${port.port}`;
      if (port.name) {
        result[`${name}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`] = String(port.port);
      }
      if (index === 0) result[`${name}_PORT`] = url;
      const prefix = `${name}_PORT_${port.port}_${protocol.toUpperCase()}`;
      result[prefix] = url;
      result[`${prefix}_PROTO`] = protocol.toLowerCase();
      result[`${prefix}_PORT`] = String(port.port);
      result[`${prefix}_ADDR`] = clusterIP;
    }
  }
  return result;
}
