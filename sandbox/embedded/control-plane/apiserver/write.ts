import { isDeepStrictEqual } from 'node:util';
import type { KubeObject } from '../../../../kubernetes/object.ts';
import type { FieldError, StrategyContext } from '../resources/strategy.ts';
import type { Entry } from '../store/entry.ts';
import type { Attributes } from './admission/attributes.ts';
import { charge, mutate, validate } from './admission/chain.ts';
import { readObject } from './body.ts';
import { type Call, type ResourceCall, warn } from './call.ts';
import { applyDefaults, decodeObject, validateObject } from './engine.ts';
import { alreadyExists, badRequest, conflict, invalid, optionsOf, refusal, staleObject } from './errors.ts';
import { type Manage, manageFields } from './field-managers.ts';
import { countsGenerations, createsOnUpdate, needsVersion } from './kinds.ts';
import { checkManager } from './manager-name.ts';
import { immutableMetadata, validateMetadata, validateMetadataUpdate } from './metadata.ts';
import { generateName } from './naming.ts';
import { mustGet, notUnsigned, prepareViews, present, viewOf } from './read.ts';
import { type Content, contentOf, type Reply } from './reply.ts';
import type { ResourceType } from './resource-type.ts';
import { stamp } from './stamp.ts';
import { otherUid } from './storage-key.ts';
import { resetForSubresource } from './subresource-fields.ts';

/** `dryRun=All`. Throws 422 for anything else. */
export function isDryRun({ query, method }: Pick<Call, 'query' | 'method'>, fromBody?: string[]): boolean {
  const values = [...query.getAll('dryRun'), ...(fromBody ?? [])];
  if (values.some((value) => value !== 'All')) {
    throw invalid(optionsOf(method), 'meta.k8s.io', '', [
      {
        field: 'dryRun',
        reason: 'FieldValueNotSupported',
        message: `Unsupported value: ${JSON.stringify(values)}: supported values: "All"`,
      },
    ]);
  }
  return values.length > 0;
}

function strategyContext(call: ResourceCall): StrategyContext {
  const { services } = call;
  return {
    now: services.clock.now(),
    subresource: call.info.subresource,
    user: call.user,
    lookup: (resource, name, namespace) => {
      const type = services.types.byResource(resource);
      return type && services.store.get(type.collection, namespace ?? '', name)?.object;
    },
    allocate: (kind, wanted) => services.allocator.allocate(kind, wanted),
  };
}

export async function create(call: ResourceCall): Promise<Reply> {
  const { value, text } = readObject(call);
  return createObject(call, decodeObject(call, value, text));
}

/** Stores a new object; `manage` tells who owns its fields (default: a plain create). */
export async function createObject(call: ResourceCall, object: KubeObject, manage?: Manage): Promise<Reply> {
  const { services, type, info } = call;
  checkManager(call);
  const dryRun = isDryRun(call);
  const { metadata } = object;
  placeInNamespace(call, object);
  if (info.name && metadata.name !== info.name)
    throw badRequest(
      `the name of the object (${metadata.name ?? ''}) does not match the name on the URL (${info.name})`,
    );
  if (metadata.resourceVersion) throw refusal(500, '', 'resourceVersion should not be set on objects to be created');
  const generated = !metadata.name && !!metadata.generateName;
  metadata.uid = crypto.randomUUID();
  const now = services.clock.now();
  metadata.creationTimestamp = stamp(now);
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  if (!manage) delete metadata.managedFields;
  if (generationFields(call).length > 0) delete metadata.generation;
  Reflect.deleteProperty(metadata, 'selfLink');
  if (type.hasStatus) delete object.status;

  const context = strategyContext(call);
  applyDefaults(type, object);
  let stored = earlyForm(type, object);
  for (let attempt = 0; generated && attempt < 8; attempt++) {
    metadata.name = stored.metadata.name = generateName(metadata.generateName ?? '');
    if (!services.store.get(type.collection, info.namespace, metadata.name)) break;
  }
  type.strategy.defaults?.(stored);
  // What admission and the strategy add later is nobody's.
  (manage ?? manageFields)(call, undefined, stored);
  const attributes: Attributes = { call, operation: 'CREATE', object: stored, dryRun };
  const changing = mutate(attributes);
  if (changing) await changing;
  stored = attributes.object ?? stored;
  type.strategy.prepareForCreate?.(stored, context);
  if (generationFields(call).length > 0) stored.metadata.generation = 1;
  const faults = [
    ...validateMetadata(type, stored),
    ...validateObject(call, stored),
    ...(type.strategy.validate?.(stored, context) ?? []),
  ];
  if (faults.length > 0) throw refuseInvalid(call, stored, faults);
  for (const warning of type.strategy.warnings?.(stored) ?? []) warn(call, warning);
  const judging = validate(attributes);
  if (judging) await judging;
  refuseTaken(call, stored);
  charge(attributes);
  if (dryRun) return { code: 201, ...present(call, contentOf(fromStored(call, stored))) };
  const final = await lateForm(type, stored);
  if (final !== stored) refuseTaken(call, stored);
  const entry = services.store.put(type.collection, info.namespace, stored.metadata.name ?? '', final);
  await services.store.committed();
  await prepareViews(type, [entry]);
  return { code: 201, ...present(call, viewOf(type, entry)) };
}

/** Built-in kinds are handled in the form they are stored in; custom ones in the version of the request, whose schema holds. */
const earlyForm = (type: ResourceType, object: KubeObject): KubeObject =>
  type.conversion && !type.definition ? type.conversion.toStored(object) : object;

async function lateForm(type: ResourceType, object: KubeObject): Promise<KubeObject> {
  const { conversion, definition, storedVersion = '' } = type;
  if (!conversion || !definition || object.apiVersion === storedVersion) return object;
  if (!conversion.convert) return conversion.toStored(object);
  const [converted = object] = await conversion.convert([object], storedVersion);
  return converted;
}

/** Throws 409 when the name is taken: what is invalid or forbidden was said before. */
function refuseTaken({ services, type, info }: ResourceCall, { metadata }: KubeObject): void {
  const found = services.store.get(type.collection, info.namespace, metadata.name ?? '');
  if (!found) return;
  const error = alreadyExists(type, metadata.name ?? '');
  if (found.object.metadata.deletionTimestamp)
    error.status.message = `object is being deleted: ${error.status.message}`;
  throw error;
}

function fromStored(call: ResourceCall, object: KubeObject): KubeObject {
  return call.type.conversion ? call.type.conversion.fromStored(object) : object;
}

/** Fills the namespace from the path. Throws 400 when the object says another. */
function placeInNamespace(call: ResourceCall, object: KubeObject): void {
  const { type, info } = call;
  const { metadata } = object;
  if (!type.namespaced) {
    if (metadata.namespace === '') delete metadata.namespace;
    if (metadata.namespace)
      throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
    return;
  }
  if (!metadata.namespace) metadata.namespace = info.namespace;
  if (metadata.namespace !== info.namespace)
    throw badRequest('the namespace of the provided object does not match the namespace sent on the request');
}

function refuseInvalid(call: ResourceCall, object: KubeObject, faults: FieldError[]): Error {
  return invalid(call.type.kind, call.type.group, object.metadata.name ?? object.metadata.generateName ?? '', faults);
}

/** Somebody else wrote the object while a webhook was asked about this write. */
class Overtaken extends Error {}

const mostAttempts = 5;

/** Carries out a write anew on what is stored by now, when another came in between. Rejects with 409 in the end. */
export async function retried<T>(call: ResourceCall, run: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof Overtaken)) throw error;
      if (attempt === mostAttempts) throw conflict(call.type, call.info.name, staleObject);
    }
  }
}

export function update(call: ResourceCall): Promise<Reply> {
  return retried(call, () => replace(call));
}

async function replace(call: ResourceCall): Promise<Reply> {
  const { value, text } = readObject(call);
  const object = decodeObject(call, value, text);
  const { name } = object.metadata;
  if (!name)
    throw badRequest(
      `the name of the object (${call.info.name} based on URL) was undeterminable: name must be provided`,
    );
  if (name !== call.info.name)
    throw badRequest(`the name of the object (${name}) does not match the name on the URL (${call.info.name})`);
  if (
    !call.services.store.get(call.type.collection, call.info.namespace, name) &&
    createsOnUpdate.has(call.type.collection)
  )
    return createObject({ ...call, info: { ...call.info, subresource: '' } }, object);
  const content = await updateObject(call, mustGet(call), object);
  return { code: 200, ...present(call, content) };
}

/** Replaces what is stored by `object`, which is changed and kept. Resolves when it is on disk; runs within {@link retried}. */
export async function updateObject(
  call: ResourceCall,
  entry: Entry,
  object: KubeObject,
  manage: Manage = manageFields,
): Promise<Content> {
  const { type, info } = call;
  checkManager(call);
  const dryRun = isDryRun(call);
  const old: KubeObject = type.definition ? viewOf(type, entry).object : entry.object;
  placeInNamespace(call, object);
  const { metadata } = object;
  const isPut = call.info.verb === 'update';
  if (metadata.name !== entry.name)
    throw badRequest(
      `the name of the object (${metadata.name ?? ''}) does not match the name on the URL (${entry.name})`,
    );
  if (metadata.uid && metadata.uid !== old.metadata.uid && !isPut) {
    const message = `Invalid value: ${JSON.stringify(metadata.uid)}: field is immutable`;
    const fault: FieldError = { field: 'metadata.uid', reason: 'FieldValueInvalid', message };
    throw refuseInvalid(call, object, [fault, fault]);
  }
  if (metadata.uid && metadata.uid !== old.metadata.uid)
    throw conflict(type, info.name, otherUid(call, metadata.uid, old.metadata.uid ?? ''));
  if (isPut && !metadata.resourceVersion && (type.definition || needsVersion.has(type.collection))) {
    const message = 'Invalid value: 0: must be specified for an update';
    throw invalid(type.resource, type.group, metadata.name ?? '', [
      { field: 'metadata.resourceVersion', reason: 'FieldValueInvalid', message },
    ]);
  }
  if (metadata.resourceVersion && !/^\d+$/.test(metadata.resourceVersion))
    throw refusal(500, '', notUnsigned(metadata.resourceVersion));
  if (metadata.resourceVersion && metadata.resourceVersion !== old.metadata.resourceVersion)
    throw conflict(type, info.name, staleObject);
  const fixed = immutableMetadata(object, old);
  if (fixed.length > 0) throw refuseInvalid(call, object, fixed);
  copySystemFields(object, old);
  applyDefaults(type, object);
  let stored = earlyForm(type, object);
  const sent = stored;
  stored = resetForSubresource(call, stored, old);
  const context = strategyContext(call);
  if (info.subresource !== 'status' && info.subresource !== 'finalize') type.strategy.defaults?.(stored);
  if (type.definition && info.subresource === 'status') {
    // Of a custom resource even what this path leaves alone has an owner, if it was sent.
    manage(call, old, sent);
    const { managedFields } = sent.metadata;
    if (managedFields) stored.metadata.managedFields = managedFields;
    else delete stored.metadata.managedFields;
  } else manage(call, old, stored);
  const attributes: Attributes = { call, operation: 'UPDATE', object: stored, old, dryRun };
  const changing = mutate(attributes);
  if (changing) await changing;
  stored = attributes.object ?? stored;
  if (info.subresource !== 'status' && info.subresource !== 'finalize')
    type.strategy.prepareForUpdate?.(stored, old, context);
  if (info.subresource === 'status') type.strategy.prepareForStatusUpdate?.(stored, old, context);
  bumpGeneration(call, stored, old);
  const faults = [
    ...validateMetadataUpdate(call, stored, old),
    ...validateObject(call, stored, old),
    ...(info.subresource === 'status'
      ? (type.strategy.validateStatusUpdate?.(stored, old, context) ?? [])
      : [
          ...(type.strategy.changesFirst ? (type.strategy.validateUpdate?.(stored, old, context) ?? []) : []),
          ...(type.strategy.validate?.(stored, context) ?? []),
          ...(type.strategy.changesFirst ? [] : (type.strategy.validateUpdate?.(stored, old, context) ?? [])),
        ]),
  ];
  if (faults.length > 0) throw refuseInvalid(call, stored, faults);
  if (info.subresource === '') for (const warning of type.strategy.warnings?.(stored, old) ?? []) warn(call, warning);
  const judging = validate(attributes);
  if (judging) await judging;
  if ((changing || judging) && call.services.store.get(type.collection, entry.namespace, entry.name) !== entry)
    throw new Overtaken();
  charge(attributes);
  stored.metadata.resourceVersion = old.metadata.resourceVersion ?? '';
  if (isDeepStrictEqual(stored, old)) return viewOf(type, entry);
  if (dryRun) return contentOf(fromStored(call, stored));
  return commit(call, entry, stored);
}

/** Stores an object's next state; when nothing holds back its deletion any more, removes it instead. */
async function commit(call: ResourceCall, entry: Entry, stored: KubeObject): Promise<Content> {
  const { services, type } = call;
  const { metadata } = stored;
  const done =
    metadata.deletionTimestamp !== undefined &&
    !metadata.finalizers?.length &&
    !metadata.deletionGracePeriodSeconds &&
    !(type.collection === '/namespaces' && stored.spec?.finalizers?.length);
  const final = await lateForm(type, stored);
  if (type.conversion?.convert && services.store.get(type.collection, entry.namespace, entry.name) !== entry)
    throw new Overtaken();
  const next = done
    ? services.store.remove(type.collection, entry.namespace, entry.name, final)
    : services.store.put(type.collection, entry.namespace, entry.name, final);
  await services.store.committed();
  if (next) await prepareViews(type, [next]);
  return viewOf(type, next ?? entry);
}

function copySystemFields(object: KubeObject, old: KubeObject): void {
  const { metadata } = object;
  const was = old.metadata;
  Reflect.deleteProperty(metadata, 'selfLink');
  for (const field of [
    'uid',
    'creationTimestamp',
    'deletionTimestamp',
    'deletionGracePeriodSeconds',
    'generation',
    'generateName',
  ] as const) {
    if (was[field] === undefined) delete metadata[field];
    else Object.assign(metadata, { [field]: was[field] });
  }
}

function generationFields({ type }: ResourceCall): string[] {
  if (type.strategy.generationFields) return type.strategy.generationFields;
  return type.definition || countsGenerations.has(type.collection) ? ['*'] : [];
}

function bumpGeneration(call: ResourceCall, stored: KubeObject, old: KubeObject): void {
  if (call.info.subresource === 'status') return;
  const fields = generationFields(call);
  const keepsStatus = call.type.hasStatus || !call.type.definition;
  const named = fields.includes('*')
    ? [...new Set([...Object.keys(stored), ...Object.keys(old)])].filter(
        (key) => key !== 'metadata' && (key !== 'status' || !keepsStatus),
      )
    : fields;
  const differs = (field: string) => !isDeepStrictEqual(stored[field], old[field]);
  const { countsAnnotations } = call.type.strategy;
  if (
    named.some(differs) ||
    (countsAnnotations && !isDeepStrictEqual(stored.metadata.annotations ?? {}, old.metadata.annotations ?? {}))
  )
    stored.metadata.generation = (old.metadata.generation ?? 0) + 1;
}
