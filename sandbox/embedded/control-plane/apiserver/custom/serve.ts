import type { ResourceFact } from '../../../../../kubernetes/facts.ts';
import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import { isStandardFinalizer, metadataFaults } from '../../resources/faults.ts';
import type { Strategy } from '../../resources/strategy.ts';
import { pruneCustom } from '../../schema/custom.ts';
import { applyDefaults } from '../../schema/defaults.ts';
import { customShape } from '../../schema/shape.ts';
import type { Change } from '../../store/entry.ts';
import { deleteInternally } from '../internal-delete.ts';
import { registerLocalServices } from '../local-services.ts';
import { apiVersionOf, collectionOf, type ResourceType } from '../resource-type.ts';
import type { Services } from '../services.ts';
import { stamp } from '../stamp.ts';
import { strategyOf } from '../strategies.ts';
import { customColumns } from './columns.ts';
import { conversionOf } from './conversion.ts';
import { cleanup, definitions, establish } from './definition.ts';
import { compilePath } from './json-path.ts';

/**
 * Serves what definitions define, as they come, change and go. A change is heard before its writer has the answer, so a
 * client that created a definition finds its resource.
 */
export function serveDefinitions(services: Services): void {
  const { store } = services;
  for (const { object } of store.list(definitions)) register(services, object);
  store.watch(definitions, {
    from: store.toldRevision,
    namespace: undefined,
    onChange(change: Change) {
      const { object } = change.entry;
      if (change.type === 'DELETED') {
        services.types.remove(object.spec.group, object.spec.names.plural);
        acceptOthers(services, object);
      } else register(services, object);
      registerLocalServices(services);
      const began = object.metadata.deletionTimestamp && !change.previous?.object.metadata.deletionTimestamp;
      if (began && change.type !== 'DELETED') emptyOut(services, object);
    },
  });
  for (const { object } of store.list(definitions)) if (object.metadata.deletionTimestamp) emptyOut(services, object);
}

/** Names that a definition held are free for those that were refused them. */
function acceptOthers({ store, clock }: Services, { spec }: KubeObject): void {
  for (const { object, name } of [...store.list(definitions)]) {
    const refused = object.status?.conditions?.some(
      (one: Loose) => one.type === 'NamesAccepted' && one.status === 'False',
    );
    if (object.spec.group !== spec.group || !refused) continue;
    const next = { ...object, metadata: { ...object.metadata } };
    establish(store, next, object, clock.now());
    store.put(definitions, '', name, next);
  }
}

function register(services: Services, definition: KubeObject): void {
  const { types } = services;
  const { group, names } = definition.spec;
  const established = definition.status?.conditions?.some(
    (one: Loose) => one.type === 'Established' && one.status === 'True',
  );
  const known = types.customFor(definition.metadata.uid ?? '');
  // Its status changes often; what it defines seldom.
  if (known && known.generation === definition.metadata.generation && established) return;
  types.remove(group, names.plural);
  if (!established) return;
  for (const version of definition.spec.versions) if (version.served) types.add(typeOf(services, definition, version));
}

function typeOf(services: Services, definition: KubeObject, version: Loose): ResourceType {
  const { group, names, scope, versions } = definition.spec;
  const { columns, cells } = customColumns(version);
  const storage = versions.find((one: Loose) => one.storage).name;
  const apiVersion = apiVersionOf(group, version.name);
  const storedVersion = apiVersionOf(group, storage);
  const schema = version.schema?.openAPIV3Schema ?? { type: 'object', 'x-kubernetes-preserve-unknown-fields': true };
  const strategy: Strategy = {
    ...strategyOf(group, names.plural),
    validate: (object) => metadataFaults(object, 'qualified'),
    warnings: finalizerWarnings,
    cells,
  };
  if (version.selectableFields?.length) {
    strategy.selectableFields = Object.fromEntries(
      version.selectableFields.map(({ jsonPath }: Loose) => {
        const read = compilePath(jsonPath);
        return [jsonPath.replace(/^\./, ''), (object: KubeObject) => String(read(object)[0] ?? '')];
      }),
    );
  }
  return {
    fact: factOf(definition, version),
    group,
    version: version.name,
    resource: names.plural,
    kind: names.kind,
    apiVersion,
    namespaced: scope === 'Namespaced',
    collection: collectionOf(group, names.plural),
    strategy,
    columns,
    hasStatus: version.subresources?.status !== undefined,
    definition,
    schema,
    storedVersion,
    since: Number(definition.metadata.resourceVersion),
    conversion: conversionOf(services, definition, apiVersion, storedVersion, (object) => {
      pruneCustom(object, schema);
      applyDefaults(object, customShape(schema));
    }),
  };
}

/** Whoever makes a kind of his own may name finalizers as he likes, but should take care. */
function finalizerWarnings({ metadata }: KubeObject, old?: KubeObject): string[] {
  const before = new Set(old?.metadata.finalizers);
  const added = [...new Set(metadata.finalizers)].filter((name) => !before.has(name) && !isStandardFinalizer(name));
  const why = (name: string): string => (name.includes('.') ? ' including a path (/)' : '');
  return added
    .sort()
    .map(
      (name) =>
        `metadata.finalizers: ${JSON.stringify(name)}: prefer a domain-qualified finalizer name${why(name)} to avoid accidental conflicts with other finalizer writers`,
    );
}

function factOf({ spec }: KubeObject, { name, subresources }: Loose): ResourceFact {
  const { group, names, scope } = spec;
  const parts: NonNullable<ResourceFact['subresources']> = [];
  const verbs = ['get', 'patch', 'update'];
  if (subresources?.status) parts.push({ name: 'status', kind: names.kind, verbs });
  if (subresources?.scale) parts.push({ name: 'scale', kind: 'Scale', group: 'autoscaling', version: 'v1', verbs });
  return {
    group,
    version: name,
    resource: names.plural,
    kind: names.kind,
    singular: names.singular,
    namespaced: scope === 'Namespaced',
    verbs: ['delete', 'deletecollection', 'get', 'list', 'patch', 'create', 'update', 'watch'],
    ...(names.shortNames?.length && { shortNames: names.shortNames }),
    ...(names.categories?.length && { categories: names.categories }),
    ...(parts.length > 0 && { subresources: parts }),
  };
}

/** Deletes what a leaving definition defined; the definition goes with the last of it. */
function emptyOut(services: Services, definition: KubeObject): void {
  const { store, types } = services;
  const { group, names } = definition.spec;
  const collection = collectionOf(group, names.plural);
  const type = types.preferred(group, names.plural);
  const finish = (): boolean => {
    if (store.list(collection).length > 0) return false;
    const entry = store.get(definitions, '', definition.metadata.name ?? '');
    if (!entry?.object.metadata.deletionTimestamp) return true;
    const finalizers = (entry.object.metadata.finalizers ?? []).filter((name) => name !== cleanup);
    const next = { ...entry.object, metadata: { ...entry.object.metadata, finalizers } };
    if (finalizers.length > 0) store.put(definitions, '', entry.name, next);
    else store.remove(definitions, '', entry.name);
    return true;
  };
  // Writes from within the telling of changes come after it.
  setImmediate(() => {
    tellProgress(services, definition);
    if (type) for (const entry of [...store.list(collection)]) deleteInternally(services, type, entry);
    if (finish()) return;
    const watcher = {
      from: store.toldRevision,
      namespace: undefined,
      onChange: (): void => {
        if (store.list(collection).length > 0) return;
        store.unwatch(collection, watcher);
        setImmediate(finish);
      },
    };
    store.watch(collection, watcher);
  });
}

function tellProgress({ store, clock }: Services, { metadata }: KubeObject): void {
  const entry = store.get(definitions, '', metadata.name ?? '');
  const before: Loose[] = entry?.object.status?.conditions ?? [];
  if (!entry || !before.some((one) => one.type === 'Terminating')) return;
  const terminating = {
    type: 'Terminating',
    status: 'True',
    lastTransitionTime: stamp(clock.now()),
    reason: 'InstanceDeletionInProgress',
    message: 'CustomResource deletion is in progress',
  };
  const conditions = [...before.filter((one) => one.type !== 'Terminating'), terminating];
  const next = { ...entry.object, metadata: { ...entry.object.metadata } };
  store.put(definitions, '', entry.name, { ...next, status: { ...next.status, conditions } });
}
