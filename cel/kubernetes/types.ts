/** The static types of Kubernetes' dialect of CEL, named as its compiler names them. */
export type KType =
  | { kind: 'dyn' | 'bool' | 'int' | 'uint' | 'double' | 'null' | 'error' }
  | { kind: 'string' | 'bytes' | 'timestamp' | 'duration'; max?: number }
  | { kind: 'list'; of: KType; max?: number }
  | { kind: 'map'; key: KType; of: KType; max?: number }
  | { kind: 'object'; title: string; fields: ReadonlyMap<string, KType> }
  | { kind: 'optional' | 'type'; of: KType }
  | { kind: 'opaque'; name: string }
  | { kind: 'param'; name: string };

export const DYN: KType = { kind: 'dyn' };
export const BOOL: KType = { kind: 'bool' };
export const INT: KType = { kind: 'int' };
export const UINT: KType = { kind: 'uint' };
export const DOUBLE: KType = { kind: 'double' };
export const STRING: KType = { kind: 'string' };
export const BYTES: KType = { kind: 'bytes' };
export const NULL: KType = { kind: 'null' };
export const TIMESTAMP: KType = { kind: 'timestamp' };
export const DURATION: KType = { kind: 'duration' };
/** Of what was found wrong: nothing more is said of it. */
export const ERROR: KType = { kind: 'error' };

export const listOf = (of: KType, max?: number): KType => ({ kind: 'list', of, ...(max !== undefined && { max }) });
export const mapOf = (of: KType, max?: number): KType => ({
  kind: 'map',
  key: STRING,
  of,
  ...(max !== undefined && { max }),
});
export const optionalOf = (of: KType): KType => ({ kind: 'optional', of });
export const opaque = (name: string): KType => ({ kind: 'opaque', name });

export function typeText(type: KType): string {
  switch (type.kind) {
    case 'list':
      return `list(${typeText(type.of)})`;
    case 'map':
      return `map(${typeText(type.key)}, ${typeText(type.of)})`;
    case 'optional':
      return `optional_type(${typeText(type.of)})`;
    case 'type':
      return `type(${typeText(type.of)})`;
    case 'object':
      return type.title;
    case 'opaque':
    case 'param':
      return type.name;
    case 'error':
      return '!error!';
    default:
      return type.kind;
  }
}

/** What type parameters stand for in one call. */
export type Bindings = Map<string, KType>;

/** Whether a value of type `given` may stand where `wanted` is declared; binds parameters as it goes. */
export function assignable(given: KType, wanted: KType, bindings: Bindings): boolean {
  if (wanted.kind === 'param') {
    const bound = bindings.get(wanted.name);
    if (!bound || bound.kind === 'dyn') {
      bindings.set(wanted.name, given);
      return true;
    }
    if (given.kind === 'dyn') return true;
    return assignable(given, bound, bindings) || (assignable(bound, given, bindings) && rebind(wanted.name));
  }
  if (given.kind === 'dyn' || wanted.kind === 'dyn' || given.kind === 'error' || wanted.kind === 'error') return true;
  if (given.kind === 'param') return true;
  if (given.kind === 'null') return ['null', 'object', 'opaque', 'timestamp', 'duration'].includes(wanted.kind);
  if (wanted.kind === 'null') return given.kind === 'object' || given.kind === 'opaque' || given.kind === 'timestamp';
  if (given.kind === 'list' && wanted.kind === 'list') return assignable(given.of, wanted.of, bindings);
  if (given.kind === 'map' && wanted.kind === 'map')
    return assignable(given.key, wanted.key, bindings) && assignable(given.of, wanted.of, bindings);
  if (given.kind === 'optional' && wanted.kind === 'optional') return assignable(given.of, wanted.of, bindings);
  if (given.kind === 'type' && wanted.kind === 'type') return true;
  if (given.kind === 'object' && wanted.kind === 'object') return given === wanted || given.title === wanted.title;
  if (given.kind === 'opaque' && wanted.kind === 'opaque') return given.name === wanted.name;
  return given.kind === wanted.kind;

  function rebind(name: string): boolean {
    bindings.set(name, given);
    return true;
  }
}

/** A declared type with its parameters filled in; what is not bound is dyn. */
export function substitute(type: KType, bindings: Bindings): KType {
  switch (type.kind) {
    case 'param':
      return bindings.get(type.name) ?? DYN;
    case 'list':
      return { ...type, of: substitute(type.of, bindings) };
    case 'map':
      return { ...type, key: substitute(type.key, bindings), of: substitute(type.of, bindings) };
    case 'optional':
    case 'type':
      return { ...type, of: substitute(type.of, bindings) };
    default:
      return type;
  }
}

/** The type of elements that should be of one; dyn where they are not. */
export function joined(types: readonly KType[]): KType {
  let common: KType | undefined;
  for (const type of types) {
    if (!common || common.kind === 'null') common = type;
    else if (!assignable(type, common, new Map())) return DYN;
    else if (type.kind === 'dyn') return DYN;
  }
  return common ?? DYN;
}
