import type { ColumnFact } from '../../../../../kubernetes/facts.ts';
import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { formatSelector } from '../../../../../kubernetes/selectors.ts';
import type { Cell } from '../../resources/strategy.ts';
import { readObject } from '../body.ts';
import type { ResourceCall } from '../call.ts';
import { applyObject, decodeObject, patchObject } from '../engine.ts';
import { badRequest, conflict, invalid, methodNotAllowed, staleObject } from '../errors.ts';
import { type Manage, managedAlready, manageFields } from '../field-managers.ts';
import { age } from '../human-duration.ts';
import { applyType, checkApplied, readPatch } from '../patch.ts';
import { mustGet, viewOf } from '../read.ts';
import { contentOf, type Reply } from '../reply.ts';
import type { ResourceType } from '../resource-type.ts';
import { tableOf, tableView } from '../table.ts';
import { retried, updateObject } from '../write.ts';

interface Paths {
  replicas: string[];
  status: string[];
  selector: string[];
}

const builtIn: Paths = {
  replicas: ['spec', 'replicas'],
  status: ['status', 'replicas'],
  selector: ['spec', 'selector'],
};

/** The number of replicas alone, in the form of autoscaling/v1 Scale. */
export function scale(call: ResourceCall): Promise<Reply> {
  return retried(call, () => scaleOnce(call));
}

async function scaleOnce(call: ResourceCall): Promise<Reply> {
  const { services, type, info } = call;
  if (!['get', 'update', 'patch'].includes(info.verb)) throw methodNotAllowed();
  const entry = mustGet(call);
  const current = scaleOf(type, viewOf(type, entry).object);
  if (info.verb === 'get') return { code: 200, content: contentOf(shown(call, current)) };
  const scaleType = services.types.find('autoscaling', 'v1', 'scales') ?? scaleResource(type);
  const scaleCall: ResourceCall = { ...call, type: scaleType };
  const applied = call.contentType === applyType && info.verb === 'patch' ? readPatch(call) : undefined;
  if (applied !== undefined) checkApplied(scaleCall, applied);
  const wanted: KubeObject =
    info.verb === 'update' ? readScale(scaleCall) : (applied ?? patchObject(scaleCall, current, readPatch(call)));
  const { name, resourceVersion, uid } = wanted.metadata;
  if (name && name !== info.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${info.name})`);
  if (resourceVersion && resourceVersion !== current.metadata.resourceVersion)
    throw conflict(type, info.name, staleObject);
  if (uid && uid !== current.metadata.uid)
    throw conflict(
      type,
      info.name,
      `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${current.metadata.uid}`,
    );
  const replicas = wanted.spec?.replicas ?? 0;
  if (replicas < 0) {
    throw invalid('Scale', 'autoscaling', info.name, [
      {
        field: 'spec.replicas',
        reason: 'FieldValueInvalid',
        message: `Invalid value: ${replicas}: must be greater than or equal to 0`,
      },
    ]);
  }
  if (applied !== undefined) {
    const partial: Loose = { apiVersion: type.apiVersion, kind: type.kind, metadata: { name: info.name } };
    if (wanted.spec?.replicas !== undefined) writeReplicas(type, partial, replicas);
    const merged = applyObject(call, viewOf(type, entry).object, partial);
    const view = await updateObject(call, entry, merged, managedAlready);
    return { code: 200, content: contentOf(scaleOf(type, view.object)) };
  }
  const object = structuredClone(type.definition ? viewOf(type, entry).object : entry.object);
  writeReplicas(type, object, replicas);
  const manage = replicas === 0 ? ownedByNobody(pathsOf(type).replicas) : manageFields;
  const view = await updateObject(call, entry, object, manage);
  return { code: 200, content: contentOf(scaleOf(type, view.object)) };
}

/** A Scale leaves out zero replicas, and who leaves a field out does not own it. */
function ownedByNobody(path: string[]): Manage {
  return (call, old, object) => {
    const without = structuredClone(object);
    const place = read(without, path.slice(0, -1));
    delete place[path.at(-1) ?? ''];
    manageFields(call, old, without);
    if (without.metadata.managedFields) object.metadata.managedFields = without.metadata.managedFields;
    else delete object.metadata.managedFields;
  };
}

function readScale(call: ResourceCall): KubeObject {
  const { value, text } = readObject(call, 'Scale', 'autoscaling/v1');
  return decodeObject(call, value, text);
}

/** A type that is no resource of its own, for its schema. */
function scaleResource(type: ResourceType): ResourceType {
  const scale: ResourceType = {
    ...type,
    group: 'autoscaling',
    version: 'v1',
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    hasStatus: false,
  };
  delete scale.definition;
  delete scale.schema;
  return scale;
}

function pathsOf({ definition, version }: ResourceType): Paths {
  const one = definition?.spec.versions.find((candidate: Loose) => candidate.name === version);
  const custom = one?.subresources?.scale;
  if (!custom) return builtIn;
  const path = (text: string | undefined): string[] => (text ?? '').split('.').filter((part) => part !== '');
  return {
    replicas: path(custom.specReplicasPath),
    status: path(custom.statusReplicasPath),
    selector: path(custom.labelSelectorPath),
  };
}

const read = (object: Loose, path: string[]): Loose => path.reduce((value, key) => value?.[key], object);

/** Sets the number in an object of the resource itself. */
export function writeReplicas(type: ResourceType, object: Loose, value: number): void {
  const path = pathsOf(type).replicas;
  let place = object;
  for (const key of path.slice(0, -1)) {
    place[key] ??= {};
    place = place[key];
  }
  place[path.at(-1) ?? ''] = value;
}

/** An object's replicas, as autoscaling/v1 shows them. */
export function scaleOf(type: ResourceType, object: KubeObject): KubeObject {
  const paths = pathsOf(type);
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = paths.selector.length > 0 ? read(object, paths.selector) : undefined;
  const replicas = read(object, paths.replicas) ?? 0;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp } as KubeObject['metadata'],
    spec: replicas === 0 ? {} : { replicas },
    status: {
      replicas: read(object, paths.status) ?? 0,
      ...(selector !== undefined && { selector: selectorText(selector) }),
    },
  };
}

function selectorText(selector: Loose): string {
  if (typeof selector === 'string') return selector;
  const isObject = 'matchLabels' in selector || 'matchExpressions' in selector;
  return formatSelector(isObject ? selector : { matchLabels: selector });
}

/** What `kubectl get --subresource=scale` prints. */
function shown(call: ResourceCall, scale: KubeObject): Loose {
  if (call.accept.as !== 'Table') return scale;
  const column = (name: string, type: string, format = ''): ColumnFact => ({ name, type, format, priority: 0 });
  const columns = [
    column('Name', 'string', 'name'),
    column('Desired', 'integer'),
    column('Available', 'integer'),
    column('Age', 'string'),
  ];
  const cells = ({ metadata, spec, status }: KubeObject, now: Date): Cell[] => [
    metadata.name ?? '',
    spec?.replicas ?? 0,
    status?.replicas ?? 0,
    age(metadata.creationTimestamp, now),
  ];
  const type: ResourceType = { ...call.type, columns, strategy: { cells } };
  const { resourceVersion } = scale.metadata;
  return tableOf(type, [scale], { resourceVersion }, tableView(call));
}
