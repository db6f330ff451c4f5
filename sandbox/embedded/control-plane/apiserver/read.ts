import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import type { Entry } from '../store/entry.ts';
import { internalGroup } from './body.ts';
import type { ResourceCall } from './call.ts';
import { badRequest, expired, invalid, notFound, otherForm, refusal } from './errors.ts';
import { type Content, contentOf, type Reply } from './reply.ts';
import type { ResourceType } from './resource-type.ts';
import { readSelection } from './selection.ts';
import { partialMetadata, tableOf, tableView } from './table.ts';

const views = new WeakMap<Entry, Map<ResourceType, Content>>();

/** Whether an entry is stored as this type shows it. */
const isShownAsStored = (type: ResourceType, entry: Entry): boolean =>
  !type.conversion ||
  (!!type.definition && entry.object.apiVersion === type.apiVersion && entry.revision > (type.since ?? 0));

/** An entry in the version it is asked in; made once an entry and version. */
export function viewOf(type: ResourceType, entry: Entry): Content {
  if (isShownAsStored(type, entry) || !type.conversion) return entry;
  const known = viewsOf(entry);
  let view = known.get(type);
  if (!view) {
    view = contentOf(type.conversion.fromStored(entry.object));
    known.set(type, view);
  }
  return view;
}

function viewsOf(entry: Entry): Map<ResourceType, Content> {
  let known = views.get(entry);
  if (!known) {
    known = new Map();
    views.set(entry, known);
  }
  return known;
}

/** Asks for the versions of entries that a program outside makes; {@link viewOf} finds them then. Rejects with 500. */
export async function prepareViews(type: ResourceType, entries: readonly Entry[]): Promise<void> {
  const convert = type.conversion?.convert;
  if (!convert) return;
  const missing = entries.filter((entry) => !isShownAsStored(type, entry) && !viewsOf(entry).has(type));
  if (missing.length === 0) return;
  const converted = await convert(
    missing.map((entry) => entry.object),
    type.apiVersion,
  );
  for (const [index, entry] of missing.entries()) viewsOf(entry).set(type, contentOf(converted[index]));
}

/** The stored object, or 404. */
export function mustGet(call: ResourceCall): Entry {
  const { services, type, info } = call;
  const entry = services.store.get(type.collection, info.namespace, info.name);
  if (!entry) throw notFound(type, info.name);
  return entry;
}

export function get(call: ResourceCall): Reply {
  checkVersion(call, readVersion(call.query));
  const { content } = present(call, viewOf(call.type, mustGet(call)));
  return { code: 200, content };
}

/** One object in the form the client asked for. */
export function present(call: ResourceCall, content: Content): { content: Content } {
  const as = call.accept.as;
  if (!as) return { content };
  const object = content.object as KubeObject;
  if (as === 'Table') {
    const metadata = { resourceVersion: object.metadata?.resourceVersion };
    return { content: contentOf(tableOf(call.type, [object], metadata, tableView(call))) };
  }
  if (as === 'PartialObjectMetadataList')
    throw otherForm(`you requested ${as}, but the requested object is not a list (${goType(call.type, '')})`);
  return { content: contentOf(partialMetadata(object, call.accept.version ?? 'v1')) };
}

/** What Go says of a text that is no unsigned integer of 64 bits. */
export function notUnsigned(text: string): string {
  const why = /^\d+$/.test(text) ? 'value out of range' : 'invalid syntax';
  return `strconv.ParseUint: parsing ${JSON.stringify(text)}: ${why}`;
}

/** A resourceVersion parameter; undefined if absent. Throws 400 for a list, 500 elsewhere, as the real one does. */
export function readVersion(query: URLSearchParams, verb?: 'list'): number | undefined {
  const text = query.get('resourceVersion');
  if (!text) return undefined;
  if (/^\d{1,15}$/.test(text)) return Number(text);
  const message = `resourceVersion: Invalid value: ${JSON.stringify(text)}: ${notUnsigned(text)}`;
  throw verb === 'list' ? badRequest(`invalid resource version: ${message}`) : refusal(500, '', message);
}

function checkVersion(call: ResourceCall, version: number | undefined): void {
  const current = call.services.store.revision;
  if (version === undefined || version <= current) return;
  const message = `Timeout: Too large resource version: ${version}, current: ${current}`;
  throw refusal(504, 'Timeout', message, {
    retryAfterSeconds: 1,
    causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
  });
}

/** Where a list goes on, as the token says it (k8s.io/apiserver, pkg/storage/continue.go). */
interface Page {
  /** -1: whatever there is now. */
  revision: number;
  /** No key of the rest comes before it; in the list of one namespace, keys are names. */
  start: string;
}

const gone =
  'The provided continue parameter is too old to display a consistent list result. You can start a new list without the continue parameter, or use the continue token in this response to retrieve the remainder of the results. Continuing with the provided token results in an inconsistent list - objects that were created, modified, or deleted between the time the first chunk was returned and now may show up in the list.';

export function list(call: ResourceCall): Reply {
  const { services, type, info, query } = call;
  const match = query.get('resourceVersionMatch') ?? '';
  const version = readVersion(query, 'list');
  const token = query.get('continue') ?? '';
  checkListOptions(match, version, token);
  checkVersion(call, version);
  const selection = readSelection(type, query, info.name);
  const namespace = info.namespace || undefined;
  const limit = readLimit(query);
  const timeout = query.get('timeoutSeconds') ?? '';
  if (timeout && !/^-?\d+$/.test(timeout)) throw badRequest(badInteger(timeout));
  if (query.get('sendInitialEvents')) {
    throw invalid('ListOptions', 'meta.k8s.io', '', [
      {
        field: 'sendInitialEvents',
        reason: 'FieldValueForbidden',
        message: 'Forbidden: sendInitialEvents is forbidden for list',
      },
    ]);
  }

  const page = token ? readToken(token) : undefined;
  const revision =
    page && page.revision > 0 ? page.revision : match === 'Exact' && version ? version : services.store.revision;
  const all = services.store.listAt(type.collection, revision, namespace);
  if (!all) throw page ? tokenExpired(page) : expired(`The provided resource version is too old`);

  let rest: readonly Entry[] = all;
  if (page) rest = all.filter((entry) => keyIn(info.namespace, entry) >= page.start);
  if (selection.name !== undefined) rest = rest.filter((entry) => entry.name === selection.name);
  if (!selection.all) rest = rest.filter((entry) => selection.matches(viewOf(type, entry).object));
  const items = limit > 0 && rest.length > limit ? rest.slice(0, limit) : rest;
  const last = items.at(-1);
  const metadata: Loose = { resourceVersion: String(revision) };
  // Behind a selector nobody looks for what would match: that there is more at all counts.
  const more = selection.all ? items.length < rest.length : limit > 0 && items.length === limit && last !== all.at(-1);
  if (last && more) {
    metadata.continue = makeToken({ revision, start: `${keyIn(info.namespace, last)}\0` });
    // A selector hides how many are left without looking: the real one does not say it then.
    if (selection.all) metadata.remainingItemCount = rest.length - items.length;
  }
  return { code: 200, content: listContent(call, items, metadata) };
}

/** Objects a page; 0 for all. Throws 400. */
export function readLimit(query: URLSearchParams): number {
  const text = query.get('limit') ?? '';
  if (text && !/^-?\d+$/.test(text)) throw badRequest(badInteger(text));
  return Math.max(0, Number(text) || 0);
}

/** The Go type that the server works with. */
function goType({ definition, collection, kind }: ResourceType, suffix: '' | 'List'): string {
  if (definition) return `*unstructured.Unstructured${suffix}`;
  return `*${internalGroup(collection.startsWith('/') ? 'v1' : collection)}.${kind}${suffix}`;
}

function listContent(call: ResourceCall, items: readonly Entry[], metadata: Loose): Content {
  const { type } = call;
  const { as, version = 'v1' } = call.accept;
  if (as === 'Table') {
    const objects = items.map((entry) => viewOf(type, entry).object as KubeObject);
    return contentOf(tableOf(type, objects, metadata, tableView(call)));
  }
  if (as === 'PartialObjectMetadata')
    throw otherForm(`you requested ${as}, but the requested object is a list (${goType(type, 'List')})`);
  if (as)
    return contentOf({
      kind: 'PartialObjectMetadataList',
      apiVersion: `meta.k8s.io/${version}`,
      metadata,
      items: items.map((entry) => partialMetadata(viewOf(type, entry).object, version)),
    });
  // Lists of custom resources always say it.
  if (type.definition) metadata.continue ??= '';
  const head = { kind: `${type.kind}List`, apiVersion: type.apiVersion, metadata };
  return {
    get object() {
      return { ...head, items: items.map((entry) => viewOf(type, entry).object) };
    },
    get json() {
      const text = JSON.stringify(head).slice(0, -1);
      const strip = type.definition ? (json: string) => json : withoutKind(type);
      return `${text},"items":[${items.map((entry) => strip(viewOf(type, entry).json)).join(',')}]}`;
    },
  };
}

/** Items of a list say their kind only where it is a custom one; it stands first in an object's text, in either order. */
function withoutKind({ kind, apiVersion }: ResourceType): (json: string) => string {
  const [first, second] = [`"kind":${JSON.stringify(kind)},`, `"apiVersion":${JSON.stringify(apiVersion)},`];
  const heads = [`{${first}${second}`, `{${second}${first}`];
  return (json) => {
    const head = heads.find((one) => json.startsWith(one));
    return head ? `{${json.slice(head.length)}` : json;
  };
}

function checkListOptions(match: string, version: number | undefined, token: string): void {
  const refuse = (message: string): never => {
    throw invalid('ListOptions', 'meta.k8s.io', '', [
      { field: 'resourceVersionMatch', reason: 'FieldValueForbidden', message: `Forbidden: ${message}` },
    ]);
  };
  if (match) {
    if (version === undefined) refuse('resourceVersionMatch is forbidden unless resourceVersion is provided');
    if (token) refuse('resourceVersionMatch is forbidden when continue is provided');
    if (match !== 'Exact' && match !== 'NotOlderThan') {
      throw invalid('ListOptions', 'meta.k8s.io', '', [
        {
          field: 'resourceVersionMatch',
          reason: 'FieldValueNotSupported',
          message: `Unsupported value: ${JSON.stringify(match)}: supported values: "Exact", "NotOlderThan", ""`,
        },
      ]);
    }
    if (match === 'Exact' && version === 0) refuse('resourceVersionMatch "exact" is forbidden for resourceVersion "0"');
  }
  if (token && version) throw badRequest('specifying resource version is not allowed when using continue');
}

const keyIn = (namespace: string, entry: Entry): string =>
  namespace || !entry.namespace ? entry.name : `${entry.namespace}/${entry.name}`;

const makeToken = ({ revision, start }: Page): string =>
  Buffer.from(JSON.stringify({ v: 'meta.k8s.io/v1', rv: revision, start })).toString('base64url');

/** Throws 400. */
function readToken(token: string): Page {
  let value: Loose;
  try {
    value = JSON.parse(Buffer.from(token, 'base64url').toString('utf8'));
  } catch {
    throw unreadable(token);
  }
  const refuse = (why: string) => badRequest(`invalid continue token: continue key is not valid: ${why}`);
  const { v = '', rv = 0, start = '' } = value ?? {};
  if (v !== 'meta.k8s.io/v1') throw refuse(`server does not recognize this encoded version ${v}`);
  if (!Number.isInteger(rv) || rv === 0)
    throw refuse('incorrect encoded start resourceVersion (version meta.k8s.io/v1)');
  if (typeof start !== 'string' || start === '') throw refuse('encoded start key empty (version meta.k8s.io/v1)');
  if (/(^|\/)\.{0,2}(\/|$)/.test(start.replace(/^\//, ''))) throw refuse(start);
  return { revision: rv, start: start.replace(/^\//, '') };
}

/** In the words of Go's parser. */
function unreadable(token: string): Error {
  const [first = 0] = Buffer.from(token, 'base64url');
  const character =
    first < 0x20 || (first >= 0x7f && first < 0xa1)
      ? `\\u00${first.toString(16).padStart(2, '0')}`
      : String.fromCharCode(first);
  return badRequest(
    `invalid continue token: continue key is not valid: invalid character '${character}' looking for beginning of value`,
  );
}

function tokenExpired(page: Page): Error {
  const error = expired(gone);
  Object.assign(error.status.metadata, { continue: makeToken({ ...page, revision: -1 }) });
  return error;
}

export function badInteger(text: string): string {
  const quoted = JSON.stringify(text);
  return `strconv.ParseInt: parsing ${quoted}: invalid syntax`;
}
