/** The static types of an expression. Unsigned integers are `int` here: JSON does not know them. */
export type CelType =
  | { kind: Scalar }
  | { kind: 'list' | 'map' | 'optional'; of: CelType }
  | { kind: 'object'; title: string; fields: FieldSource };

type Scalar =
  | 'dyn'
  | 'bool'
  | 'int'
  | 'double'
  | 'string'
  | 'bytes'
  | 'null'
  | 'timestamp'
  | 'duration'
  | 'quantity'
  | 'url'
  | 'ip';

/** The fields of an object, resolved when asked for: schemas refer to themselves. */
export interface FieldSource {
  names(): string[];
  field(name: string): CelType | undefined;
  /** A count that is left out while it is zero, as in `status.readyReplicas`. */
  zeroWhenAbsent(name: string): boolean;
  /** A struct that reads as empty while it is not there, as `status`. */
  emptyWhenAbsent(name: string): boolean;
}

export const DYN: CelType = { kind: 'dyn' };
export const BOOL: CelType = { kind: 'bool' };
export const INT: CelType = { kind: 'int' };
export const DOUBLE: CelType = { kind: 'double' };
export const STRING: CelType = { kind: 'string' };
export const TIMESTAMP: CelType = { kind: 'timestamp' };

export const listOf = (of: CelType): CelType => ({ kind: 'list', of });
export const mapOf = (of: CelType): CelType => ({ kind: 'map', of });
export const optionalOf = (of: CelType): CelType => ({ kind: 'optional', of });

/** An object of known fields, for what Atelier makes itself (`release`, `response`, `before`). */
export function objectOf(title: string, fields: Record<string, CelType>): CelType {
  return {
    kind: 'object',
    title,
    fields: {
      names: () => Object.keys(fields),
      field: (name) => (Object.hasOwn(fields, name) ? fields[name] : undefined),
      zeroWhenAbsent: () => false,
      emptyWhenAbsent: () => false,
    },
  };
}

/** As a lesson's author reads it: `list of Pod`, `int`. */
export function typeName(type: CelType): string {
  switch (type.kind) {
    case 'list':
      return `list of ${typeName(type.of)}`;
    case 'map':
      return `map of ${typeName(type.of)}`;
    case 'optional':
      return `optional ${typeName(type.of)}`;
    case 'object':
      return type.title;
    case 'dyn':
      return 'any value';
    default:
      return type.kind;
  }
}

/** Whether a value of one type may be compared with, or stand where, the other is wanted. */
export function compatible(left: CelType, right: CelType): boolean {
  if (left.kind === 'dyn' || right.kind === 'dyn' || left.kind === 'null' || right.kind === 'null') return true;
  if (isNumber(left) && isNumber(right)) return true;
  if (left.kind === 'list' || left.kind === 'optional')
    return right.kind === left.kind && compatible(left.of, right.of);
  // A map literal may be compared with a struct: both are objects of JSON.
  if (left.kind === 'map') return right.kind === 'object' || (right.kind === 'map' && compatible(left.of, right.of));
  if (left.kind === 'object') return right.kind === 'map' || (right.kind === 'object' && left.title === right.title);
  return left.kind === right.kind;
}

export function isNumber(type: CelType): boolean {
  return type.kind === 'int' || type.kind === 'double';
}

/** The type of both branches of a `?:` or of all elements of a literal. */
export function common(types: CelType[]): CelType {
  const [first, ...others] = types;
  if (!first) return DYN;
  return others.every((type) => type.kind === first.kind && compatible(first, type)) ? first : DYN;
}
