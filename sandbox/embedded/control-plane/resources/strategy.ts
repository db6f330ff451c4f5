import type { KubeObject } from '../../../../kubernetes/object.ts';

/** One fault of an object, as `details.causes` and the message list it. */
export interface FieldError {
  /** `spec.template.spec.containers[0].name` */
  field: string;
  /** As in details.causes[].reason. */
  reason:
    | 'FieldValueRequired'
    | 'FieldValueInvalid'
    | 'FieldValueNotSupported'
    | 'FieldValueDuplicate'
    | 'FieldValueForbidden'
    | 'FieldValueTooLong'
    | 'FieldValueTooMany'
    | 'FieldValueNotFound'
    | 'FieldValueTypeInvalid';
  /** Whole, as the server prints it after the field: `Invalid value: "x": must be …`. */
  message: string;
}

export interface StrategyContext {
  now: Date;
  /** What of the object is written; '' for all but its status. */
  subresource?: string;
  /** Who writes. */
  user?: { name: string; uid?: string; groups: string[]; extra?: Record<string, string[]> };
  /** Reads another object of the same cluster, e.g. the StorageClass a claim names. */
  lookup(resource: string, name: string, namespace?: string): KubeObject | undefined;
  /** A number or name nobody has yet: cluster IPs, node ports. Throws when the range is exhausted. */
  allocate(kind: 'clusterIP' | 'nodePort', wanted?: string | number): string | number;
}

export type Cell = string | number | boolean | null;

/** What is particular to one kind. One small file a kind; the engine does the rest. */
export interface Strategy {
  /** Fills what a reader of the kind takes for granted; pure, idempotent, before admission, on every write; mutates `object`. */
  defaults?(object: KubeObject): void;
  /** Sets what the server alone decides: addresses, first status; after admission, before validation; mutates `object`. */
  prepareForCreate?(object: KubeObject, context: StrategyContext): void;
  prepareForUpdate?(object: KubeObject, old: KubeObject, context: StrategyContext): void;
  prepareForStatusUpdate?(object: KubeObject, old: KubeObject, context: StrategyContext): void;
  /** Semantic rules beyond the schema (names, selectors, ports, …), in the order the real server lists them. */
  validate?(object: KubeObject, context: StrategyContext): FieldError[];
  /** Immutable fields and transitions; called with {@link validate} on update. */
  /** The real one lists what may not change before what is wrong anyway. */
  changesFirst?: true;
  validateUpdate?(object: KubeObject, old: KubeObject, context: StrategyContext): FieldError[];
  validateStatusUpdate?(object: KubeObject, old: KubeObject, context: StrategyContext): FieldError[];
  /** Printed by clients as `Warning:`. */
  warnings?(object: KubeObject, old?: KubeObject): string[];
  /** One row of the Table, in the order of the columns in the facts. */
  cells?(object: KubeObject, now: Date): Cell[];
  /** Fields a fieldSelector may name besides metadata.name and metadata.namespace. */
  selectableFields?: Record<string, (object: KubeObject) => string>;
  /** Changes of these top-level fields bump metadata.generation (default: spec, if the kind has a status). */
  generationFields?: string[];
  /** Annotations do so as well: they go on to what is made of the object. */
  countsAnnotations?: true;
  /** Seconds before a deleted object is removed, when the client does not say (pods: spec.terminationGracePeriodSeconds). */
  gracePeriodSeconds?(object: KubeObject, requested?: number): number;
  /** What metadata.name must be; default a DNS subdomain. */
  nameFormat?: 'subdomain' | 'label' | 'label1035' | 'path';
}
