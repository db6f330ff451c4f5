import { readFileSync } from 'node:fs';
import { metricsColumns, metricsResources, metricsSchemas } from './metrics-facts.ts';
import type { Loose } from './object.ts';

/**
 * What Kubernetes 1.35 serves by default, as data made by `npm run facts` (kubernetes/facts/make).
 * Each file is read at its first use and never changed after.
 */
export interface ResourceFact {
  /** '' for the core group. */
  group: string;
  version: string;
  /** Plural, as in paths. */
  resource: string;
  kind: string;
  singular: string;
  namespaced: boolean;
  verbs: string[];
  shortNames?: string[];
  categories?: string[];
  subresources?: SubresourceFact[];
}

export interface SubresourceFact {
  /** `status`, `scale`, `log`… */
  name: string;
  kind: string;
  /** Absent: those of the resource. */
  group?: string;
  version?: string;
  verbs: string[];
}

export interface ColumnFact {
  name: string;
  type: string;
  format: string;
  /** 0 is always shown, more only by `-o wide`. */
  priority: number;
}

/** An OpenAPI v3 schema without descriptions; `$ref` is the bare name of another. */
export interface Schema {
  type?: string;
  format?: string;
  $ref?: string;
  properties?: Record<string, Schema>;
  items?: Schema;
  additionalProperties?: Schema | boolean;
  required?: string[];
  enum?: Loose[];
  default?: Loose;
  nullable?: boolean;
  allOf?: Schema[];
  anyOf?: Schema[];
  oneOf?: Schema[];
  not?: Schema;
  minimum?: number;
  maximum?: number;
  exclusiveMinimum?: boolean;
  exclusiveMaximum?: boolean;
  minLength?: number;
  maxLength?: number;
  minItems?: number;
  maxItems?: number;
  minProperties?: number;
  maxProperties?: number;
  uniqueItems?: boolean;
  multipleOf?: number;
  pattern?: string;
  title?: string;
  description?: string;
  'x-kubernetes-group-version-kind'?: { group: string; version: string; kind: string }[];
  'x-kubernetes-list-type'?: 'atomic' | 'set' | 'map';
  'x-kubernetes-list-map-keys'?: string[];
  'x-kubernetes-map-type'?: 'granular' | 'atomic';
  'x-kubernetes-patch-strategy'?: string;
  'x-kubernetes-patch-merge-key'?: string;
  'x-kubernetes-preserve-unknown-fields'?: boolean;
  'x-kubernetes-int-or-string'?: boolean;
  'x-kubernetes-embedded-resource'?: boolean;
  'x-kubernetes-validations'?: Loose[];
  'x-kubernetes-unions'?: Loose[];
}

/** A field of a Go struct, as its tags put it on the wire. */
export interface MessageField {
  /** The JSON name; of an inlined struct its protobuf name. */
  name: string;
  number: number;
  /** A protobuf scalar, or the name of a schema. */
  type: string;
  repeated: boolean;
  /** Keys are strings; `type` is that of the values. */
  map: boolean;
  /** A pointer in Go: its zero is kept. */
  pointer: boolean;
  /** No `omitempty`: written even when empty. */
  always: boolean;
  /** Its fields belong to the outer object. */
  inline: boolean;
  /** A time that is written as null when there is none. */
  nullTime: boolean;
  /** The name Go's errors give a named scalar (`v1.Protocol`). */
  goType?: string;
}

function lazy<T>(name: string, shape: (facts: Loose) => T): () => T {
  let known: T | undefined;
  return () => {
    known ??= shape(JSON.parse(readFileSync(new URL(`./facts/${name}.json`, import.meta.url), 'utf8')));
    return known;
  };
}

/** Every resource, in discovery order. */
export const loadResources: () => ResourceFact[] = lazy('resources', (facts) => [...facts, ...metricsResources]);

/** Schemas by their OpenAPI name, as in `io.k8s.api.apps.v1.Deployment`. */
export const loadSchemas: () => Record<string, Schema> = lazy('schemas', (facts) => ({
  ...facts,
  ...metricsSchemas,
}));

/** Columns by `group/version/resource`; the core group is the empty word. */
export const loadColumns: () => Record<string, ColumnFact[]> = lazy('columns', (facts) => ({
  ...facts,
  ...metricsColumns,
}));

/** Fields of each message by their number, under the message's OpenAPI name. */
export const loadMessages: () => Map<string, Map<number, MessageField>> = lazy('protobuf', (facts) => {
  const messages = new Map<string, Map<number, MessageField>>();
  for (const [message, fields] of Object.entries<Record<string, string>>(facts)) {
    const parsed = new Map<number, MessageField>();
    for (const [name, text] of Object.entries(fields)) {
      const [number = '', flags = '', type = '', goType] = text.split(' ');
      parsed.set(Number(number), {
        name,
        number: Number(number),
        type,
        repeated: flags.includes('['),
        map: flags.includes('{'),
        pointer: flags.includes('*'),
        always: flags.includes('!'),
        inline: flags.includes('~'),
        nullTime: flags.includes('0'),
        ...(goType ? { goType } : {}),
      });
    }
    messages.set(message, parsed);
  }
  return messages;
});

/** A field of a struct as the server itself holds it. */
export interface InternalField {
  name: string;
  /** A struct, or `string`, `number`, `bool`, `quantity`; a type of meta/v1 (`metav1.LabelSelector`) is as in the API. */
  type: string;
  form: 'value' | 'pointer' | 'list' | 'map' | 'inline';
}

const forms = { '*': 'pointer', '[]': 'list', '{}': 'map', '~': 'inline', '': 'value' } as const;

/** Structs of the server's own form of pods, claims and volumes, which it shows in some errors. */
export const loadInternal: () => Map<string, InternalField[]> = lazy('internal', (facts) => {
  const structs = Object.entries<string[]>(facts).map(([struct, fields]): [string, InternalField[]] => [
    struct,
    fields.map((field) => {
      const [, name = '', mark = '', type = ''] = /^(\S+) (\*|\[\]|\{\}|~|)(.+)$/.exec(field) ?? [];
      return { name, type, form: forms[mark as keyof typeof forms] };
    }),
  ]);
  return new Map(structs);
});

/** A field of a struct as Go names it; `json` is undefined for what is inlined. */
export interface GoField {
  name: string;
  json: string | undefined;
  /** `*int64`, `[]v1.Container`, `map[string]string`. */
  type: string;
}

/** Go's types below `v1.PodTemplateSpec`: a struct's fields in order, or what another named type is. */
export const loadGoTypes: () => Map<string, GoField[] | string> = lazy('go-types', (facts) => {
  const types = Object.entries<string[] | string>(facts).map(([type, form]): [string, GoField[] | string] => [
    type,
    typeof form === 'string'
      ? form
      : form.map((field) => {
          const [name = '', json = '', own = ''] = field.split(' ');
          return { name, json: json === '-' ? undefined : json, type: own };
        }),
  ]);
  return new Map(types);
});

/** The OpenAPI name of a kind's schema by `group/version/kind`. */
export const schemaNames: () => Map<string, string> = (() => {
  let known: Map<string, string> | undefined;
  return () => {
    if (known) return known;
    known = new Map();
    for (const [name, schema] of Object.entries(loadSchemas())) {
      for (const { group, version, kind } of schema['x-kubernetes-group-version-kind'] ?? [])
        known.set(`${group}/${version}/${kind}`, name);
    }
    return known;
  };
})();
