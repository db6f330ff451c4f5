import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Entry } from '../store/entry.ts';
import type { Attributes } from './admission/attributes.ts';
import { mutate, validate } from './admission/chain.ts';
import { guardDeletion } from './admission/deletion-guard.ts';
import { parseBody } from './body.ts';
import { type ResourceCall, warn } from './call.ts';
import { cleanup, definitions } from './custom/definition.ts';
import { badRequest, conflict, invalid } from './errors.ts';
import { list, mustGet, prepareViews, present, viewOf } from './read.ts';
import { type Content, contentOf, type Reply } from './reply.ts';
import { collectionOf } from './resource-type.ts';
import { readSelection } from './selection.ts';
import { stamp } from './stamp.ts';
import { isDryRun } from './write.ts';

/** https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/delete-options/ */
export interface DeleteOptions {
  gracePeriodSeconds?: number;
  propagationPolicy?: 'Background' | 'Foreground' | 'Orphan';
  orphanDependents?: boolean;
  preconditions?: { uid?: string; resourceVersion?: string };
  dryRun?: string[];
}

const policies = ['Foreground', 'Background', 'Orphan'];

/** The body's faults are told without saying what should be in it. */
function readBody(call: ResourceCall): Loose {
  let body: Loose;
  try {
    body = parseBody(call, 'DeleteOptions')?.value;
  } catch (error) {
    const told = /^the object provided is unrecognized .*?: (couldn't get version\/kind; .*) \(.*\)$/s;
    const [, why] = told.exec((error as Error).message) ?? [];
    throw why ? badRequest(why) : error;
  }
  if (body?.kind && body.kind !== 'DeleteOptions')
    throw badRequest(
      `no kind ${JSON.stringify(body.kind)} is registered for version ${JSON.stringify(body.apiVersion ?? '')} in scheme "pkg/runtime/scheme.go:111"`,
    );
  return body;
}

/** From the body, else from the query. Throws 400 and 422. */
function readDeleteOptions(call: ResourceCall): DeleteOptions {
  const options: Loose = { ...(readBody(call) ?? {}) };
  const grace = call.query.get('gracePeriodSeconds');
  if (grace !== null && options.gracePeriodSeconds === undefined) {
    if (!/^-?\d+$/.test(grace)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(grace)}: invalid syntax`);
    options.gracePeriodSeconds = Number(grace);
  }
  options.propagationPolicy ??= call.query.get('propagationPolicy') ?? undefined;
  const orphan = call.query.get('orphanDependents');
  if (orphan !== null) options.orphanDependents ??= orphan === 'true';
  if (options.propagationPolicy !== undefined && !policies.includes(options.propagationPolicy)) {
    const given = JSON.stringify(options.propagationPolicy);
    throw invalid('DeleteOptions', 'meta.k8s.io', '', [
      {
        field: 'propagationPolicy',
        reason: 'FieldValueNotSupported',
        message: `Unsupported value: ${given}: supported values: "Foreground", "Background", "Orphan", "nil"`,
      },
    ]);
  }
  if (options.propagationPolicy !== undefined && options.orphanDependents !== undefined) {
    const given = JSON.stringify(options.propagationPolicy);
    throw invalid('DeleteOptions', 'meta.k8s.io', '', [
      {
        field: 'propagationPolicy',
        reason: 'FieldValueInvalid',
        message: `Invalid value: ${given}: orphanDependents and deletionPropagation cannot be both set`,
      },
    ]);
  }
  isDryRun(call, options.dryRun);
  return options as DeleteOptions;
}

/** Of these the object comes back even when it is gone (`ReturnDeletedObject` in k8s.io/kubernetes, pkg/registry). */
const returned = new Set([
  '/namespaces',
  '/persistentvolumeclaims',
  '/persistentvolumes',
  '/pods',
  '/podtemplates',
  '/resourcequotas',
  '/serviceaccounts',
  '/services',
  'resource.k8s.io/deviceclasses',
  'resource.k8s.io/resourceclaims',
  'resource.k8s.io/resourceclaimtemplates',
  'resource.k8s.io/resourceslices',
  'storage.k8s.io/csidrivers',
  'storage.k8s.io/csinodes',
  'storage.k8s.io/storageclasses',
  'storage.k8s.io/volumeattachments',
  'storage.k8s.io/volumeattributesclasses',
]);

export async function remove(call: ResourceCall): Promise<Reply> {
  const options = readDeleteOptions(call);
  mustGet(call);
  guardDeletion(call);
  await admitDelete(call, mustGet(call), isDryRun(call, options.dryRun));
  const entry = mustGet(call);
  const { removed, content } = await deleteEntry(call, entry, options);
  if (!removed || returned.has(call.type.collection)) return { code: 200, ...present(call, content) };
  return { code: 200, content: contentOf(successOf(call, entry)) };
}

function successOf({ type }: ResourceCall, entry: Entry): Loose {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    details: {
      name: entry.name,
      ...(type.group && { group: type.group }),
      kind: type.resource,
      uid: entry.object.metadata.uid,
    },
  };
}

/** All that the selectors match, one by one. */
export async function removeCollection(call: ResourceCall): Promise<Reply> {
  const { services, type, info, query } = call;
  const options = readDeleteOptions(call);
  const selection = readSelection(type, query, '');
  const before = list({ ...call, accept: { format: 'json' } });
  for (const entry of [...services.store.list(type.collection, info.namespace || undefined)]) {
    if (!selection.matches(viewOf(type, entry).object)) continue;
    const one = { ...call, info: { ...info, namespace: entry.namespace, name: entry.name } };
    await admitDelete(one, entry, isDryRun(one, options.dryRun));
    const current = services.store.get(type.collection, entry.namespace, entry.name);
    if (current) await deleteEntry(one, current, options);
  }
  return before;
}

/** Asks those who may refuse a deletion. Rejects with the refusal. */
async function admitDelete(call: ResourceCall, { object: old }: Entry, dryRun: boolean): Promise<void> {
  const attributes: Attributes = { call, operation: 'DELETE', old, dryRun };
  await mutate(attributes);
  await validate(attributes);
}

/** Deletes an object, or marks it as going when a grace period or finalizers hold it. */
export async function deleteEntry(
  call: ResourceCall,
  entry: Entry,
  options: DeleteOptions,
): Promise<{ removed: boolean; content: Content }> {
  const { services, type } = call;
  const old = entry.object;
  checkPreconditions(call, old, options);
  const dryRun = isDryRun(call, options.dryRun);
  const object: KubeObject = { ...old, metadata: { ...old.metadata } };
  const { metadata } = object;
  setFinalizers(call, metadata, options);
  if (type.collection === definitions) markDefinition(call, object);
  const requested = options.gracePeriodSeconds;
  const grace = graceOf(call, old, requested);
  const held = !!metadata.finalizers?.length || isHeldNamespace(call, object);
  const removed = grace === 0 && !held;
  if (!removed) {
    mark(call, object, grace);
    if (JSON.stringify(metadata) === JSON.stringify(old.metadata))
      return { removed: false, content: viewOf(type, entry) };
  }
  if (dryRun) return { removed, content: contentOf(object) };
  const next = removed
    ? services.store.remove(type.collection, entry.namespace, entry.name, object)
    : services.store.put(type.collection, entry.namespace, entry.name, object);
  await services.store.committed();
  if (next) await prepareViews(type, [next]);
  return { removed, content: viewOf(type, next ?? entry) };
}

/** A definition goes after the last object of what it defines. */
function markDefinition({ services }: ResourceCall, object: KubeObject): void {
  const { metadata, status } = object;
  if (!services.store.list(collectionOf(object.spec.group, object.spec.names.plural)).length) return;
  if (!metadata.finalizers?.includes(cleanup)) metadata.finalizers = [...(metadata.finalizers ?? []), cleanup];
  if (status?.conditions?.some((one: Loose) => one.type === 'Terminating')) return;
  const terminating = {
    type: 'Terminating',
    status: 'True',
    lastTransitionTime: stamp(services.clock.now()),
    reason: 'InstanceDeletionPending',
    message: 'CustomResourceDefinition marked for deletion; CustomResource deletion will be initiated soon',
  };
  object.status = { ...status, conditions: [...(status?.conditions ?? []), terminating] };
}

function graceOf({ type }: ResourceCall, old: KubeObject, requested: number | undefined): number {
  const strategy = type.strategy.gracePeriodSeconds;
  if (!strategy) return 0;
  const running = old.metadata.deletionGracePeriodSeconds;
  // Deleting again can only shorten the wait.
  if (old.metadata.deletionTimestamp && running !== undefined && requested === undefined) return running;
  const asked = requested !== undefined && requested < 0 ? 1 : requested;
  const grace = strategy(old, asked);
  return running === undefined || !old.metadata.deletionTimestamp ? grace : Math.min(grace, running);
}

function isHeldNamespace({ type }: ResourceCall, object: KubeObject): boolean {
  return type.collection === '/namespaces' && !!object.spec?.finalizers?.length;
}

function mark(call: ResourceCall, object: KubeObject, grace: number): void {
  const { metadata } = object;
  const now = call.services.clock.now();
  const running = metadata.deletionGracePeriodSeconds;
  if (metadata.deletionTimestamp) {
    if (running === undefined || grace >= running) return;
    const start = Date.parse(metadata.deletionTimestamp) - running * 1000;
    metadata.deletionTimestamp = stamp(new Date(start + grace * 1000));
  } else {
    metadata.deletionTimestamp = stamp(new Date(now.getTime() + grace * 1000));
    if (metadata.generation !== undefined) metadata.generation++;
  }
  if (call.type.collection === '/namespaces') object.status = { ...object.status, phase: 'Terminating' };
  else metadata.deletionGracePeriodSeconds = grace;
}

function setFinalizers(call: ResourceCall, metadata: KubeObject['metadata'], options: DeleteOptions): void {
  const policy = policyOf(call, options, metadata);
  const others = (metadata.finalizers ?? []).filter((name) => name !== 'orphan' && name !== 'foregroundDeletion');
  if (policy === 'Orphan') others.push('orphan');
  if (policy === 'Foreground') others.push('foregroundDeletion');
  if (others.length > 0) metadata.finalizers = others;
  else delete metadata.finalizers;
}

function policyOf(call: ResourceCall, options: DeleteOptions, metadata: KubeObject['metadata']): string {
  if (options.propagationPolicy) return options.propagationPolicy;
  if (options.orphanDependents !== undefined) return options.orphanDependents ? 'Orphan' : 'Background';
  if (metadata.finalizers?.includes('orphan')) return 'Orphan';
  if (metadata.finalizers?.includes('foregroundDeletion')) return 'Foreground';
  const { collection } = call.type;
  if (collection === '/replicationcontrollers') return 'Orphan';
  if (collection !== 'batch/jobs') return 'Background';
  warn(
    call,
    'child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove them or set propagationPolicy=Orphan to suppress this warning',
  );
  return 'Orphan';
}

function checkPreconditions({ type }: ResourceCall, old: KubeObject, { preconditions }: DeleteOptions): void {
  const { uid, resourceVersion, name = '' } = old.metadata;
  if (preconditions?.uid && preconditions.uid !== uid)
    throw conflict(
      { group: type.group, resource: type.kind },
      name,
      `the UID in the precondition (${preconditions.uid}) does not match the UID in record (${uid}). The object might have been deleted and then recreated`,
    );
  if (preconditions?.resourceVersion && preconditions.resourceVersion !== resourceVersion)
    throw conflict(
      { group: type.group, resource: type.kind },
      name,
      `the ResourceVersion in the precondition (${preconditions.resourceVersion}) does not match the ResourceVersion in record (${resourceVersion}). The object might have been modified`,
    );
}
