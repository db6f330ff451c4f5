import { configMapKey, environmentName, httpHeaderName, portName, portNumber } from '../../../../kubernetes/names.ts';
import type { Loose } from '../../../../kubernetes/object.ts';
import { duplicate, forbidden, invalid, notFound, notSupported, required } from '../schema/field-errors.ts';
import { each, label, nonNegative, oneOf, portNumberOrName, resourceRequirements, subdomain } from './faults.ts';
import { internalForm } from './internal-form.ts';
import { armourFaults, idFaults, seccompFaults } from './security-validation.ts';
import type { FieldError } from './strategy.ts';
import { descendingPathFaults, resourceFieldFaults } from './volume-validation.ts';

const protocols = ['SCTP', 'TCP', 'UDP'];
const pullPolicies = ['Always', 'IfNotPresent', 'Never'];
const containerRestartPolicies = ['Always', 'Never', 'OnFailure'];

/** `volumes` are the names that mounts may name. */
export function containerFaults(path: string, containers: Loose[], volumes: Set<string>): FieldError[] {
  const seen = new Set<string>();
  return containers.flatMap((container, index) => {
    const at = `${path}[${index}]`;
    const faults = commonFaults(at, container, volumes);
    if (seen.has(container.name)) faults.push(duplicate(`${at}.name`, container.name));
    seen.add(container.name);
    faults.push(...lifecycleFaults(at, container));
    if (container.restartPolicy !== undefined)
      faults.push(...oneOf(`${at}.restartPolicy`, container.restartPolicy, containerRestartPolicies));
    return faults;
  });
}

export function initContainerFaults(
  path: string,
  init: Loose[],
  containers: Loose[],
  volumes: Set<string>,
): FieldError[] {
  const seen = new Set<string>(containers.map(({ name }) => name));
  return init.flatMap((container, index) => {
    const at = `${path}[${index}]`;
    const faults = commonFaults(at, container, volumes);
    if (container.restartPolicy !== undefined)
      faults.push(...oneOf(`${at}.restartPolicy`, container.restartPolicy, containerRestartPolicies));
    if (seen.has(container.name)) faults.push(duplicate(`${at}.name`, container.name));
    else if (container.name) seen.add(container.name);
    faults.push(...hostPortFaults(path, [container]));
    if (container.restartPolicy === 'Always') return [...faults, ...lifecycleFaults(at, container)];
    for (const name of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'])
      if (container[name])
        faults.push(forbidden(`${at}.${name}`, 'may not be set for init containers without restartPolicy=Always'));
    return faults;
  });
}

/** What is asked of every container. */
export function commonFaults(path: string, container: Loose, volumes: Set<string>): FieldError[] {
  const { name, image, terminationMessagePolicy, ports = [], env = [], envFrom = [] } = container;
  return [
    ...(name ? label(`${path}.name`, name) : [required(`${path}.name`)]),
    ...(image ? [] : [required(`${path}.image`)]),
    ...oneOf(`${path}.terminationMessagePolicy`, terminationMessagePolicy, ['File', 'FallbackToLogsOnError']),
    ...portFaults(`${path}.ports`, ports),
    ...environmentFaults(`${path}.env`, env),
    ...environmentSourceFaults(`${path}.envFrom`, envFrom),
    ...mountFaults(`${path}.volumeMounts`, container.volumeMounts ?? [], volumes),
    ...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, pullPolicies),
    ...resourceRequirements(`${path}.resources`, container.resources),
    ...securityFaults(`${path}.securityContext`, container.securityContext ?? {}),
  ];
}

function portFaults(path: string, ports: Loose[]): FieldError[] {
  const seen = new Set<string>();
  return ports.flatMap(({ name, containerPort = 0, hostPort = 0, protocol }, index) => {
    const at = `${path}[${index}]`;
    const faults: FieldError[] = [];
    if (name) {
      const wrong = portName(name);
      faults.push(...each(`${at}.name`, name, wrong));
      if (wrong.length === 0 && seen.has(name)) faults.push(duplicate(`${at}.name`, name));
      seen.add(name);
    }
    if (containerPort === 0) faults.push(required(`${at}.containerPort`));
    else faults.push(...each(`${at}.containerPort`, containerPort, portNumber(containerPort)));
    if (hostPort !== 0) faults.push(...each(`${at}.hostPort`, hostPort, portNumber(hostPort)));
    return [...faults, ...oneOf(`${at}.protocol`, protocol, protocols)];
  });
}

/** Ports of the node that two containers want. */
export function hostPortFaults(path: string, containers: Loose[]): FieldError[] {
  const seen = new Set<string>();
  const faults: FieldError[] = [];
  for (const [index, container] of containers.entries()) {
    for (const [place, { protocol, hostIP = '', hostPort }] of (container.ports ?? []).entries()) {
      if (!hostPort) continue;
      const key = `${protocol}/${hostIP}/${hostPort}`;
      if (seen.has(key)) faults.push(duplicate(`${path}[${index}].ports[${place}].hostPort`, key));
      seen.add(key);
    }
  }
  return faults;
}

const sources = ['fieldRef', 'resourceFieldRef', 'configMapKeyRef', 'secretKeyRef', 'fileKeyRef'];
const fieldPaths = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];

function environmentFaults(path: string, variables: Loose[]): FieldError[] {
  return variables.flatMap(({ name, value, valueFrom }, index) => {
    const at = `${path}[${index}]`;
    const faults = name ? each(`${at}.name`, name, environmentName(name)) : [required(`${at}.name`)];
    if (!valueFrom) return faults;
    const from = `${at}.valueFrom`;
    const present = sources.filter((source) => valueFrom[source]);
    if (valueFrom.fieldRef) faults.push(...fieldFaults(`${from}.fieldRef`, valueFrom.fieldRef));
    if (valueFrom.resourceFieldRef)
      faults.push(...resourceFieldFaults(`${from}.resourceFieldRef`, valueFrom.resourceFieldRef));
    for (const source of ['configMapKeyRef', 'secretKeyRef'])
      if (valueFrom[source]) faults.push(...keyFaults(`${from}.${source}`, valueFrom[source]));
    if (present.length === 0) {
      const sentence =
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';
      faults.push(invalid(from, '', sentence));
    } else if (value) faults.push(invalid(from, '', 'may not be specified when `value` is not empty'));
    else if (present.length > 1) faults.push(invalid(from, '', 'may not have more than one field specified at a time'));
    return faults;
  });
}

function fieldFaults(path: string, { fieldPath }: Loose): FieldError[] {
  if (!fieldPath) return [required(`${path}.fieldPath`)];
  if (/^metadata\.(labels|annotations)\['.*'\]$/.test(fieldPath)) return [];
  if (fieldPaths.includes(fieldPath)) return [];
  if (
    /^(metadata\.(labels|annotations)|spec\.(restartPolicy|schedulerName|hostNetwork)|status\.(phase|nominatedNodeName))$/.test(
      fieldPath,
    )
  )
    return [notSupported(`${path}.fieldPath`, fieldPath, fieldPaths)];
  return [
    invalid(`${path}.fieldPath`, fieldPath, `error converting fieldPath: field label not supported: ${fieldPath}`),
  ];
}

function keyFaults(path: string, { name = '', key }: Loose): FieldError[] {
  const faults = subdomain(`${path}.name`, name);
  return [...faults, ...(key ? each(`${path}.key`, key, configMapKey(key)) : [required(`${path}.key`)])];
}

function environmentSourceFaults(path: string, list: Loose[]): FieldError[] {
  return list.flatMap(({ prefix, configMapRef, secretRef }, index) => {
    const at = `${path}[${index}]`;
    const faults = prefix ? each(`${at}.prefix`, prefix, environmentName(prefix)) : [];
    if (configMapRef) faults.push(...subdomain(`${at}.configMapRef.name`, configMapRef.name ?? ''));
    if (secretRef) faults.push(...subdomain(`${at}.secretRef.name`, secretRef.name ?? ''));
    if (!configMapRef && !secretRef)
      faults.push(invalid(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    if (configMapRef && secretRef)
      faults.push(invalid(path, '', 'may not have more than one field specified at a time'));
    return faults;
  });
}

function mountFaults(path: string, mounts: Loose[], volumes: Set<string>): FieldError[] {
  const seen = new Set<string>();
  return mounts.flatMap(({ name, mountPath = '', subPath, subPathExpr }, index) => {
    const at = `${path}[${index}]`;
    const faults: FieldError[] = name ? [] : [required(`${at}.name`)];
    if (!volumes.has(name)) faults.push(notFound(`${at}.name`, name ?? ''));
    if (!mountPath) faults.push(required(`${at}.mountPath`));
    if (seen.has(mountPath)) faults.push(invalid(`${at}.mountPath`, mountPath, 'must be unique'));
    seen.add(mountPath);
    if (subPath) faults.push(...descendingPathFaults(`${path}.subPath`, subPath));
    if (subPathExpr && subPath)
      faults.push(invalid(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
    if (subPathExpr) faults.push(...descendingPathFaults(`${path}.subPathExpr`, subPathExpr));
    return faults;
  });
}

function lifecycleFaults(path: string, container: Loose): FieldError[] {
  const faults: FieldError[] = [];
  for (const hook of ['postStart', 'preStop'])
    if (container.lifecycle?.[hook])
      faults.push(...handlerFaults(`${path}.lifecycle.${hook}`, container.lifecycle[hook]));
  for (const kind of ['livenessProbe', 'readinessProbe', 'startupProbe']) {
    const probe = container[kind];
    if (!probe) continue;
    const at = `${path}.${kind}`;
    faults.push(...probeFaults(at, probe));
    if (kind === 'readinessProbe') {
      if (probe.terminationGracePeriodSeconds !== undefined)
        faults.push(
          invalid(
            `${at}.terminationGracePeriodSeconds`,
            probe.terminationGracePeriodSeconds,
            'must not be set for readinessProbes',
          ),
        );
    } else if (probe.successThreshold !== 1)
      faults.push(invalid(`${at}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
  return faults;
}

const timings = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'];

function probeFaults(path: string, probe: Loose): FieldError[] {
  const faults = [
    ...handlerFaults(path, probe),
    ...timings.flatMap((name) => nonNegative(`${path}.${name}`, probe[name])),
  ];
  const grace = probe.terminationGracePeriodSeconds;
  if (grace !== undefined && grace <= 0)
    faults.push(invalid(`${path}.terminationGracePeriodSeconds`, grace, 'must be greater than 0'));
  return faults;
}

function handlerFaults(path: string, handler: Loose): FieldError[] {
  const faults: FieldError[] = [];
  const present = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'].filter((kind) => handler[kind]);
  for (const [index, kind] of present.entries()) {
    const at = `${path}.${kind}`;
    const action = handler[kind];
    if (index > 0) faults.push(forbidden(at, 'may not specify more than 1 handler type'));
    else if (kind === 'exec' && !action.command?.length) faults.push(required(`${at}.command`));
    else if (kind === 'tcpSocket') faults.push(...portNumberOrName(`${at}.port`, action.port));
    else if (kind === 'grpc') faults.push(...portNumberOrName(`${at}.port`, action.port));
    else if (kind === 'httpGet') {
      if (!action.path) faults.push(required(`${at}.path`));
      faults.push(...portNumberOrName(`${at}.port`, action.port));
      if (!['HTTP', 'HTTPS'].includes(action.scheme))
        faults.push(notSupported(`${at}.scheme`, action.scheme, ['HTTP', 'HTTPS']));
      for (const { name = '' } of action.httpHeaders ?? [])
        faults.push(...each(`${at}.httpHeaders`, name, httpHeaderName(name)));
    }
  }
  if (present.length === 0) faults.push(required(path, 'must specify a handler type'));
  return faults;
}

function securityFaults(path: string, context: Loose): FieldError[] {
  const own = () => internalForm(context, 'SecurityContext');
  const faults = ['runAsUser', 'runAsGroup'].flatMap((name) => idFaults(`${path}.${name}`, context[name]));
  faults.push(...seccompFaults(`${path}.seccompProfile`, context.seccompProfile));
  if (context.allowPrivilegeEscalation === false && context.privileged)
    faults.push(invalid(path, own(), 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
  if (context.allowPrivilegeEscalation === false)
    for (const capability of context.capabilities?.add ?? [])
      if (capability === 'CAP_SYS_ADMIN')
        faults.push(
          invalid(path, own(), 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'),
        );
  return [...faults, ...armourFaults(`${path}.appArmorProfile`, context.appArmorProfile)];
}
