import {
  BOOL,
  BYTES,
  DOUBLE,
  DURATION,
  DYN,
  INT,
  type KType,
  listOf,
  NULL,
  opaque,
  STRING,
  TIMESTAMP,
  UINT,
} from './types.ts';

/** What an implementation may use besides its arguments. */
export interface CallContext {
  /** Counts work; throws when the limit of the call is reached. */
  spend(units: number): void;
  /** Static types of the arguments, the receiver first. */
  types: readonly KType[];
}

export type Implementation = (args: unknown[], context: CallContext) => unknown;

export interface Overload {
  /** The signature, which names it among those of one function. */
  id: string;
  member: boolean;
  /** The receiver first. */
  params: KType[];
  result: KType;
  run: Implementation;
}

export type Library = Record<string, Implementation>;

const simple: Record<string, KType> = {
  dyn: DYN,
  bool: BOOL,
  int: INT,
  uint: UINT,
  double: DOUBLE,
  string: STRING,
  bytes: BYTES,
  null: NULL,
  timestamp: TIMESTAMP,
  duration: DURATION,
  IP: opaque('net.IP'),
  CIDR: opaque('net.CIDR'),
  Quantity: opaque('kubernetes.Quantity'),
  URL: opaque('kubernetes.URL'),
  Format: opaque('kubernetes.NamedFormat'),
  Semver: opaque('kubernetes.Semver'),
  Authorizer: opaque('kubernetes.authorization.Authorizer'),
  PathCheck: opaque('kubernetes.authorization.PathCheck'),
  GroupCheck: opaque('kubernetes.authorization.GroupCheck'),
  ResourceCheck: opaque('kubernetes.authorization.ResourceCheck'),
  Decision: opaque('kubernetes.authorization.Decision'),
};

/** Reads `list(A)`, `map(string, dyn)`, `optional(A)`, `int`; one capital is a type parameter. */
function readType(text: string): KType {
  const found = /^(list|map|optional|type)\((.*)\)$/.exec(text);
  if (!found) return simple[text] ?? { kind: 'param', name: text };
  const [, kind, inner = ''] = found;
  if (kind === 'list') return listOf(readType(inner));
  if (kind === 'optional' || kind === 'type') return { kind, of: readType(inner) };
  const [key = '', of = ''] = splitList(inner);
  return { kind: 'map', key: readType(key), of: readType(of) };
}

function splitList(text: string): string[] {
  const parts: string[] = [];
  let depth = 0;
  let part = '';
  for (const sign of text) {
    if (sign === ',' && depth === 0) {
      parts.push(part.trim());
      part = '';
      continue;
    }
    if (sign === '(') depth++;
    if (sign === ')') depth--;
    part += sign;
  }
  if (part.trim()) parts.push(part.trim());
  return parts;
}

/** From `string.split(string) list(string)` and `size(list(A)) int`; a name that holds a dot is written `sets:contains`. */
export function readLibraries(...libraries: Library[]): ReadonlyMap<string, Overload[]> {
  const functions = new Map<string, Overload[]>();
  for (const library of libraries) {
    for (const [id, run] of Object.entries(library)) {
      const [, receiver, name = '', params = '', result = ''] =
        /^(?:([A-Za-z]+(?:\([^ ]*?\))?)\.)?([\w:@]+|_[^(]*_|[!-]_)\((.*)\) ([^ ]+(?: [^ ]+)?)$/.exec(id) ?? [];
      const overload: Overload = {
        id,
        member: receiver !== undefined,
        params: [...(receiver === undefined ? [] : [receiver]), ...splitList(params)].map(readType),
        result: readType(result.replace(' ', '')),
        run,
      };
      const key = name.replace(':', '.');
      const known = functions.get(key);
      if (known) known.push(overload);
      else functions.set(key, [overload]);
    }
  }
  return functions;
}
