import { type ColumnFact, loadColumns, loadResources, type ResourceFact } from '../../../../kubernetes/facts.ts';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Strategy } from '../resources/strategy.ts';
import { autoscalerVersions } from './autoscaler-versions.ts';
import { compareVersions } from './custom/versions.ts';
import { strategyOf } from './strategies.ts';

/** A resource in one version, as it is served. */
export interface ResourceType {
  fact: ResourceFact;
  group: string;
  version: string;
  resource: string;
  kind: string;
  apiVersion: string;
  namespaced: boolean;
  /** Where its objects are stored; two versions of one resource share it. */
  collection: string;
  strategy: Strategy;
  columns: ColumnFact[];
  hasStatus: boolean;
  /** Absent: stored as it is served. */
  conversion?: Conversion;
  /** The CustomResourceDefinition, of a custom resource. */
  definition?: KubeObject;
  /** Of a custom resource: its `openAPIV3Schema`. */
  schema?: Loose;
  /** Of a custom resource: the version its objects are stored in. */
  storedVersion?: string;
  /** Of a custom resource: what was written up to this revision may know another schema. */
  since?: number;
}

/** Between the form of a version that is served and the one that is stored. */
export interface Conversion {
  toStored(object: KubeObject): KubeObject;
  fromStored(object: KubeObject): KubeObject;
  /** Instead of both, where another program converts. Rejects with 500. */
  convert?(objects: KubeObject[], apiVersion: string): Promise<KubeObject[]>;
}

const plainColumns: ColumnFact[] = [
  { name: 'Name', type: 'string', format: 'name', priority: 0 },
  { name: 'Age', type: 'date', format: '', priority: 0 },
];

export const collectionOf = (group: string, resource: string): string => `${group}/${resource}`;
export const apiVersionOf = (group: string, version: string): string => (group ? `${group}/${version}` : version);

/** All resources of one cluster: the built-in ones, which clusters share, and its own custom ones. */
export class ResourceTypes {
  readonly #builtIn: ReadonlyMap<string, ResourceType>;
  readonly #custom = new Map<string, ResourceType>();
  readonly #waiting = new Map<ResourceType, Set<() => void>>();
  /** Moves when a custom resource comes or goes: what is derived from the set is stale then. */
  generation = 0;

  constructor() {
    this.#builtIn = builtInTypes();
  }

  find(group: string, version: string, resource: string): ResourceType | undefined {
    const key = `${group}/${version}/${resource}`;
    return this.#builtIn.get(key) ?? this.#custom.get(key);
  }

  /** By kind; of several versions the first. */
  findKind(apiVersion: string, kind: string): ResourceType | undefined {
    for (const type of this.all()) if (type.kind === kind && type.apiVersion === apiVersion) return type;
    return undefined;
  }

  /** The preferred version of a resource. */
  preferred(group: string, resource: string): ResourceType | undefined {
    for (const type of this.all()) if (type.group === group && type.resource === resource) return type;
    return undefined;
  }

  /** By plural alone, as strategies name what they look up; the first that is served. */
  byResource(resource: string): ResourceType | undefined {
    for (const type of this.all()) if (type.resource === resource) return type;
    return undefined;
  }

  *all(): Generator<ResourceType> {
    yield* this.#builtIn.values();
    yield* this.#custom.values();
  }

  /** The generation of a definition that is served now. */
  customFor(uid: string): { generation: number | undefined } | undefined {
    for (const { definition } of this.#custom.values())
      if (definition?.metadata.uid === uid) return { generation: definition.metadata.generation };
    return undefined;
  }

  add(type: ResourceType): void {
    this.#custom.set(`${type.group}/${type.version}/${type.resource}`, type);
    const sorted = [...this.#custom].sort(([, one], [, other]) =>
      one.group === other.group
        ? compareVersions(one.version, other.version) || order(one.resource, other.resource)
        : order(one.group, other.group),
    );
    this.#custom.clear();
    for (const [key, each] of sorted) this.#custom.set(key, each);
    this.generation++;
  }

  /** Calls back once this very type is served no more; the answer calls that off. */
  whenGone(type: ResourceType, run: () => void): () => void {
    if (!type.definition) return () => {};
    const waiting = this.#waiting.get(type) ?? new Set();
    this.#waiting.set(type, waiting);
    waiting.add(run);
    return () => waiting.delete(run);
  }

  /** Takes all versions of a custom resource away. */
  remove(group: string, resource: string): void {
    for (const [key, type] of this.#custom)
      if (type.group === group && type.resource === resource) {
        this.#custom.delete(key);
        for (const run of [...(this.#waiting.get(type) ?? [])]) run();
        this.#waiting.delete(type);
      }
    this.generation++;
  }
}

const order = (one: string, other: string): number => (one < other ? -1 : one > other ? 1 : 0);

let shared: ReadonlyMap<string, ResourceType> | undefined;

/** Immutable, so that clusters of one process may share them. */
function builtInTypes(): ReadonlyMap<string, ResourceType> {
  if (shared) return shared;
  const columns = loadColumns();
  const types = new Map<string, ResourceType>();
  for (const fact of loadResources()) {
    const { group, version, resource, kind, namespaced } = fact;
    const conversion = conversions[`${group}/${version}/${resource}`];
    types.set(`${group}/${version}/${resource}`, {
      fact,
      group,
      version,
      resource,
      kind,
      namespaced,
      apiVersion: apiVersionOf(group, version),
      collection: conversion?.collection ?? collectionOf(group, resource),
      strategy: strategyOf(group, resource),
      columns: columns[`${group}/${version}/${resource}`] ?? plainColumns,
      hasStatus: fact.subresources?.some((one) => one.name === 'status') ?? false,
      ...(conversion && { conversion }),
    });
  }
  shared = types;
  return types;
}

const conversions: Record<string, Conversion & { collection: string }> = {
  'events.k8s.io/v1/events': {
    collection: '/events',
    toStored({ regarding, note, deprecatedSource, deprecatedFirstTimestamp, deprecatedLastTimestamp, ...event }) {
      const { deprecatedCount, reportingController, ...rest } = event;
      return {
        ...rest,
        apiVersion: 'v1',
        involvedObject: regarding ?? {},
        ...(note && { message: note }),
        source: deprecatedSource ?? {},
        firstTimestamp: deprecatedFirstTimestamp ?? null,
        lastTimestamp: deprecatedLastTimestamp ?? null,
        ...(deprecatedCount && { count: deprecatedCount }),
        ...(reportingController && { reportingComponent: reportingController }),
      } as KubeObject;
    },
    fromStored({ involvedObject, message, source, firstTimestamp, lastTimestamp, ...event }) {
      const { count, reportingComponent, reportingInstance, ...rest } = event;
      return {
        ...rest,
        apiVersion: 'events.k8s.io/v1',
        eventTime: event.eventTime ?? null,
        regarding: involvedObject,
        ...(message && { note: message }),
        deprecatedSource: source ?? {},
        deprecatedFirstTimestamp: firstTimestamp ?? null,
        deprecatedLastTimestamp: lastTimestamp ?? null,
        ...(count && { deprecatedCount: count }),
        ...(reportingComponent && { reportingController: reportingComponent }),
        ...(reportingInstance && { reportingInstance }),
      } as KubeObject;
    },
  },
  'autoscaling/v1/horizontalpodautoscalers': autoscalerVersions,
};
