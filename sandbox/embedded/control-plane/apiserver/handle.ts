import type { Status } from '../../../../kubernetes/object.ts';
import { parseFieldSelector } from '../../../../kubernetes/selectors.ts';
import { ApiError } from '../../client/client.ts';
import { StoreError } from '../store/store.ts';
import { answer } from './answer.ts';
import type { Attributes } from './authorization/authorizer.ts';
import type { Body, Call, User } from './call.ts';
import { badRequest, forbidden, internalError, nestedTooDeeply, refusal } from './errors.ts';
import { impersonate } from './impersonation.ts';
import { negotiate } from './negotiation.ts';
import type { Reply } from './reply.ts';
import { contentOf } from './reply.ts';
import { type RequestInfo, readRequest } from './request-info.ts';
import type { Services } from './services.ts';

/** A request as it came, over the network or from within. */
export interface Incoming {
  method: string;
  path: string;
  query: URLSearchParams;
  header(name: string): string | undefined;
  /** In lower case. */
  headerNames(): string[];
  /** Rejects with 413. */
  body(): Promise<Body>;
}

/** Who may do what is settled here; the call is ready to be answered. Throws 401 and 403. */
export function authorizeCall(services: Services, incoming: Incoming, user: User): Call {
  let info: RequestInfo;
  try {
    info = readRequest(incoming.method, incoming.path, incoming.query);
  } catch {
    throw badRequest('invalid URL escape');
  }
  const call: Call = {
    services,
    method: incoming.method,
    info,
    query: incoming.query,
    user,
    accept: { format: 'json' },
    contentType: mediaType(incoming.header('content-type')),
    body: { value: undefined },
    userAgent: incoming.header('user-agent') ?? '',
    warnings: [],
    header: incoming.header,
    headerNames: incoming.headerNames,
  };
  const other = impersonate(call);
  if (other) {
    call.impersonator = user;
    call.user = other;
  }
  checkAccess(services, call.user, attributesOf(call));
  return call;
}

/** Carries out a call. Never rejects: faults become the Status that tells of them. */
export async function handle(
  services: Services,
  incoming: Incoming,
  user: () => Promise<User>,
): Promise<[Reply, Call | undefined]> {
  let call: Call | undefined;
  let reply: Reply;
  try {
    call = authorizeCall(services, incoming, await user());
    call.accept = negotiate(incoming.header('accept'), call.info.verb === 'list' || call.info.verb === 'watch');
    if (incoming.method !== 'GET') call.body = await incoming.body();
    reply = await answer(call);
  } catch (error) {
    reply = faultReply(services, incoming, error);
    // Who may not even ask is told so before anything else is looked at.
    if (!call && (reply.code === 403 || reply.code === 400))
      reply.headers = { ...reply.headers, 'x-content-type-options': 'nosniff' };
  }
  try {
    // What a reader is told is on disk too: nothing that was seen un-happens.
    await services.store.committed();
  } catch (error) {
    reply = faultReply(services, incoming, error);
  }
  return [reply, call];
}

function faultReply(services: Services, incoming: Incoming, error: unknown): Reply {
  return statusReply(statusOf(services, incoming, error));
}

function statusOf(services: Services, incoming: Incoming, error: unknown): Status {
  if (error instanceof ApiError) return error.status;
  if (error instanceof StoreError) return refusal(500, '', error.message).status;
  if (error instanceof RangeError) return nestedTooDeeply().status;
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  services.log(`${incoming.method} ${incoming.path}: ${text}`);
  return internalError(error instanceof Error ? error.message : String(error)).status;
}

function statusReply(status: Status): Reply {
  const seconds = (status.details as { retryAfterSeconds?: number } | undefined)?.retryAfterSeconds;
  return {
    code: status.code ?? 500,
    content: contentOf(status),
    ...(seconds && { headers: { 'retry-after': String(seconds) } }),
  };
}

function attributesOf({ info, query }: Call): Attributes {
  if (!info.isResource) return { verb: info.verb, path: info.path };
  const { verb, group, resource, subresource, namespace } = info;
  const name = info.name || (verb === 'list' || verb === 'watch' ? selectedName(query.get('fieldSelector')) : '');
  return { verb, group, resource, subresource, name, namespace };
}

/** Who lists one object by its name alone needs the right for that name alone. */
function selectedName(selector: string | null): string {
  if (!selector) return '';
  try {
    return parseFieldSelector(selector).find(({ field, equal }) => field === 'metadata.name' && equal)?.value ?? '';
  } catch {
    // Told later, to whoever may ask.
    return '';
  }
}

/** Throws 403 in the real one's words. */
export function checkAccess(services: Services, user: User, attributes: Attributes): void {
  const decision = services.authorizer.authorize(user, attributes);
  if (decision.allowed) return;
  throw refuseAccess(user, attributes, decision.reason);
}

function refuseAccess(user: User, attributes: Attributes, reason: string): ApiError {
  const who = `User ${JSON.stringify(user.name)}`;
  const why = reason ? `: ${reason}` : '';
  if ('path' in attributes) {
    const message = `forbidden: ${who} cannot ${attributes.verb} path ${JSON.stringify(attributes.path)}${why}`;
    return refusal(403, 'Forbidden', message, {});
  }
  const { verb, group, resource, subresource, name, namespace } = attributes;
  const what = JSON.stringify(subresource ? `${resource}/${subresource}` : resource);
  const where = namespace ? `in the namespace ${JSON.stringify(namespace)}` : 'at the cluster scope';
  const message = `${who} cannot ${verb} resource ${what} in API group ${JSON.stringify(group)} ${where}${why}`;
  return forbidden({ group, resource }, name, message);
}

/** Empty for no header; what cannot be read is no type that anybody knows. */
const mediaType = (header: string | undefined): string =>
  header === undefined ? '' : header.split(';')[0]?.trim().toLowerCase() || 'unreadable';
