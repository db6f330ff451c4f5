import { isDeepStrictEqual } from 'node:util';
import { copyOf, type Loose } from '../../../../kubernetes/object.ts';

/** A patch that cannot be read: 400 with `message`. */
export class BadPatch extends Error {}

/** A patch that does not fit what it patches: 500 with the bare message, as on the real server. */
export class UnmergeablePatch extends Error {}

/** A JSON patch that cannot be applied (a failing test, a missing path): 422; the real server says only `the server rejected our request due to an error in our request`. */
export class FailedPatch extends Error {
  constructor() {
    super('the server rejected our request due to an error in our request');
  }
}

/** A JSON patch of more operations than the server takes: 413 with `message`. */
export class PatchTooLong extends Error {}

const mostOperations = 10_000;
/** What all copies of one patch may add, in characters of JSON: as much as a body. */
const mostCopied = 3 * 1024 * 1024;

/** RFC 6902, with the negative indexes Kubernetes takes. `value` stays as it is. */
export function jsonPatch(value: Loose, operations: Loose): Loose {
  if (!Array.isArray(operations)) {
    const kind = operations === null ? 'null' : typeof operations;
    throw new BadPatch(
      `error decoding patch: json: cannot unmarshal ${kind} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  if (operations.length > mostOperations) {
    const most = `The allowed maximum operations in a JSON patch is ${mostOperations}`;
    throw new PatchTooLong(`${most}, got ${operations.length}`);
  }
  const holder: Holder = { root: copyOf(value), copied: 0 };
  for (const operation of operations) applyOperation(holder, operation ?? {});
  return holder.root;
}

interface Holder {
  root: Loose;
  copied: number;
}

const forbidden = new Set(['__proto__', 'constructor', 'prototype']);

function applyOperation(holder: Holder, { op, path, from, value }: Loose): void {
  if (typeof path !== 'string') throw new FailedPatch();
  const place = locate(holder, path);
  if (op === 'add') addAt(place, copyOf(value ?? null));
  else if (op === 'remove') removeAt(place);
  else if (op === 'replace') replaceAt(place, copyOf(value ?? null));
  else if (op === 'test') {
    if (!isDeepStrictEqual(existing(place) ?? null, value ?? null)) throw new FailedPatch();
  } else if (op === 'copy') addAt(place, copied(holder, existing(locate(holder, String(from))) ?? null));
  else if (op === 'move') {
    const source = locate(holder, String(from));
    const moved = readAt(source);
    removeAt(source);
    addAt(locate(holder, path), moved);
  } else throw new FailedPatch();
}

/** Copies of copies double: what they add up to has a bound. */
function copied(holder: Holder, value: Loose): Loose {
  holder.copied += JSON.stringify(value).length;
  if (holder.copied > mostCopied) throw new FailedPatch();
  return copyOf(value);
}

interface Place {
  parent: Loose;
  key: string;
}

function locate(holder: Holder, pointer: string): Place {
  if (pointer !== '' && !pointer.startsWith('/')) throw new FailedPatch();
  const parts = pointer
    .split('/')
    .slice(1)
    .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
  let parent: Loose = holder;
  let key = 'root';
  for (const part of parts) {
    parent = readAt({ parent, key });
    key = part;
    if (typeof parent !== 'object' || parent === null || forbidden.has(key)) throw new FailedPatch();
  }
  return { parent, key };
}

function indexOf({ parent, key }: Place): number {
  if (!/^-?\d+$/.test(key)) throw new FailedPatch();
  const index = Number(key);
  return index < 0 ? parent.length + index : index;
}

function existing(place: Place): Loose {
  const { parent, key } = place;
  if (Array.isArray(parent)) return parent[indexOf(place)];
  return Object.hasOwn(parent, key) ? parent[key] : undefined;
}

function readAt(place: Place): Loose {
  const value = existing(place);
  if (value === undefined) throw new FailedPatch();
  return value;
}

/** A field that is not there yet is set all the same, an item is not. */
function replaceAt(place: Place, value: Loose): void {
  if (!Array.isArray(place.parent)) place.parent[place.key] = value;
  else {
    readAt(place);
    place.parent[indexOf(place)] = value;
  }
}

function addAt(place: Place, value: Loose): void {
  const { parent, key } = place;
  if (!Array.isArray(parent)) parent[key] = value;
  else {
    const index = key === '-' ? parent.length : indexOf(place);
    if (index < 0 || index > parent.length) throw new FailedPatch();
    parent.splice(index, 0, value);
  }
}

function removeAt(place: Place): void {
  readAt(place);
  if (Array.isArray(place.parent)) place.parent.splice(indexOf(place), 1);
  else delete place.parent[place.key];
}

/** RFC 7386, of objects alone. `value` stays as it is. */
export function mergePatch(value: Loose, patch: Loose): Loose {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) {
    const kind = Array.isArray(patch)
      ? 'array'
      : patch === null
        ? 'null'
        : typeof patch === 'boolean'
          ? 'bool'
          : typeof patch;
    throw new BadPatch(
      `error decoding patch: json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`,
    );
  }
  return merged(value, patch);
}

function merged(value: Loose, patch: Loose): Loose {
  if (typeof patch !== 'object' || patch === null || Array.isArray(patch)) return copyOf(patch);
  const base = typeof value === 'object' && value !== null && !Array.isArray(value) ? value : {};
  const out: Loose = { ...base };
  for (const [key, inner] of Object.entries(patch)) {
    if (inner === null) delete out[key];
    else out[key] = merged(out[key], inner);
  }
  return out;
}
