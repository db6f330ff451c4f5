import type { Status } from '../../../../kubernetes/object.ts';
import { ApiError } from '../../client/client.ts';
import type { FieldError } from '../resources/strategy.ts';

/** The refusals of an API server, in its own words (k8s.io/apimachinery, pkg/api/errors). */
export interface Named {
  group: string;
  /** Plural; of an invalid object the kind. */
  resource: string;
}

const quote = (text: string): string => JSON.stringify(text);
const qualified = ({ group, resource }: Named): string => (group ? `${resource}.${group}` : resource);

export function refusal(
  code: number,
  reason: string,
  message: string,
  details?: Status['details'] | undefined,
): ApiError {
  return new ApiError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason && { reason }),
    ...(details && { details }),
    code,
  });
}

function detailsOf(named: Named, name: string): NonNullable<Status['details']> {
  return { ...(name && { name }), ...(named.group && { group: named.group }), kind: named.resource };
}

export const badRequest = (message: string): ApiError => refusal(400, 'BadRequest', message);

export const unauthorized = (): ApiError => refusal(401, 'Unauthorized', 'Unauthorized');

export function forbidden(named: Named, name: string, why: string): ApiError {
  const what = name ? `${qualified(named)} ${quote(name)}` : qualified(named);
  return refusal(403, 'Forbidden', `${what} is forbidden: ${why}`, detailsOf(named, name));
}

export function notFound(named: Named, name: string): ApiError {
  return refusal(404, 'NotFound', `${qualified(named)} ${quote(name)} not found`, detailsOf(named, name));
}

/** No such path or resource. */
export const nothingHere = (): ApiError =>
  refusal(404, 'NotFound', 'the server could not find the requested resource', {});

export const methodNotAllowed = (): ApiError =>
  refusal(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource', {});

export function alreadyExists(named: Named, name: string): ApiError {
  return refusal(409, 'AlreadyExists', `${qualified(named)} ${quote(name)} already exists`, detailsOf(named, name));
}

export function conflict(named: Named, name: string, why: string): ApiError {
  const message = `Operation cannot be fulfilled on ${qualified(named)} ${quote(name)}: ${why}`;
  return refusal(409, 'Conflict', message, detailsOf(named, name));
}

export const staleObject =
  'the object has been modified; please apply your changes to the latest version and try again';

/** 422 with every fault; `kind` and not the resource is named. */
export function invalid(kind: string, group: string, name: string, faults: FieldError[]): ApiError {
  const texts = [...new Set(faults.map((fault) => `${fault.field}: ${fault.message}`))];
  const all = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const message = `${qualified({ group, resource: kind })} ${quote(name)} is invalid: ${all}`;
  return refusal(422, 'Invalid', message, {
    ...(name && { name }),
    ...(group && { group }),
    ...(kind && { kind }),
    causes: faults.map((fault) => ({ reason: fault.reason, message: fault.message, field: fault.field })),
  });
}

/** The kind of the options that a request of this method has. */
export const optionsOf = (method: string): string =>
  ({ PUT: 'UpdateOptions', PATCH: 'PatchOptions', DELETE: 'DeleteOptions' })[method] ?? 'CreateOptions';

export function expired(message: string): ApiError {
  return refusal(410, 'Expired', message);
}

export const tooOld = (asked: number, oldest: number): ApiError =>
  expired(`too old resource version: ${asked} (${oldest})`);

export const tooLarge = (why = 'limit is 3145728'): ApiError =>
  refusal(413, 'RequestEntityTooLarge', `Request entity too large: ${why}`);

/** Within what the decoder takes, but more than can be walked. */
export const nestedTooDeeply = (): ApiError =>
  badRequest('the object is nested too deeply, or its copies are too large');

export const unsupportedMediaType = (accepted: string[]): ApiError =>
  refusal(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );

/** What a PATCH says of a type it does not know. */
export const unknownPatch = (): ApiError => refusal(415, 'UnsupportedMediaType', '415: Unsupported Media Type', {});

/** Nothing of what the client takes can be made. */
export const noRepresentation = (available: string[]): ApiError =>
  refusal(406, 'NotAcceptable', `406: Not Acceptable\n\nAvailable representations: ${available.join(', ')}`, {});

/** The client wants a form that the answer cannot have. */
export const otherForm = (message: string): ApiError => refusal(406, 'NotAcceptable', message);

export const notAcceptable = (accepted: string[]): ApiError =>
  otherForm(`only the following media types are accepted: ${accepted.join(', ')}`);

/** For what this server knows of but does not do yet; `--gaps` lists the same. */
export const notImplemented = (what: string): ApiError =>
  refusal(501, 'NotImplemented', `${what} is not implemented by the embedded cluster`);

/** For faults of our own: the log has the stack. */
export const internalError = (message: string): ApiError =>
  refusal(500, 'InternalError', `Internal error occurred: ${message}`, { causes: [{ message }] });
