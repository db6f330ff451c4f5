import { proxyTo, remoteOf } from './aggregation/proxy.ts';

import { parseBody } from './body.ts';

import type { Call, ResourceCall } from './call.ts';
import { answerClock, clockPath } from './clock-path.ts';
import { definitions } from './custom/definition.ts';
import { deprecationOf } from './custom/versions.ts';
import { remove, removeCollection } from './delete.ts';
import { forbidden, methodNotAllowed, notFound, nothingHere, notImplemented } from './errors.ts';
import { refuseGap } from './gaps.ts';
import { patch } from './patch.ts';
import { answerPath } from './paths.ts';
import { get, list, prepareViews } from './read.ts';
import { nobody, type Reply } from './reply.ts';
import { pipeRequest } from './streams/pipe.ts';
import { streamed } from './streams/target.ts';
import { special } from './subresources/special.ts';
import { watch } from './watch.ts';
import { create, update } from './write.ts';

type Handler = (call: ResourceCall) => Reply | Promise<Reply>;

const verbs: Record<string, Handler> = {
  get,
  list,
  watch,
  create,
  update,
  patch,
  delete: remove,
  deletecollection: removeCollection,
};

/** Subresources that are the object itself, with another part of it open to change. */
const partial = new Set(['status', 'finalize', 'approval', 'ephemeralcontainers', 'resize']);

/** Answers a request that is authorised already. Throws the refusal. */
export async function answer(call: Call): Promise<Reply> {
  const { services } = call;
  // A namespace is authorised as if it stood in itself, but it stands nowhere.
  const info = isNamespace(call) ? { ...call.info, namespace: '' } : call.info;
  const remote = remoteOf(call);
  if (remote) return proxyTo(remote, call);
  if (!info.isResource) {
    if (info.path === clockPath) return answerClock(call);
    const any = /^\/(healthz|livez|readyz)(\/|$)/.test(info.path);
    if (call.method !== 'GET' && call.method !== 'HEAD' && !any) throw methodNotAllowed();
    return answerPath(call);
  }
  const type = services.types.find(info.group, info.version, info.resource);
  if (!type && isServed(call)) throw nothingHere();
  if (!type) return nobody;
  if (call.method === 'HEAD' || info.verb === '') throw methodNotAllowed();
  const resourceCall: ResourceCall = { ...call, info, type };
  if (info.path.includes('//')) throw nothingHere();
  if (info.namespace === '' && type.namespaced && info.name !== '') throw nothingHere();
  if (info.namespace === '' && type.namespaced && ofOneNamespace.has(info.verb)) throw methodNotAllowed();
  if ((info.namespace !== '' && !type.namespaced) || info.name.includes('/')) throw nothingHere();
  refuseGap(resourceCall);
  await prepare(resourceCall);
  if (streamed.has(info.subresource)) return pipeRequest(streamedCall(resourceCall));
  const own = special(resourceCall);
  if (own) return own(resourceCall);
  if (info.subresource !== '') return partialUpdate(resourceCall);
  if (info.verb === 'create' && type.definition && isLeaving(resourceCall))
    throw forbidden(
      type,
      parseBody(resourceCall, type.kind)?.value.metadata?.name ?? '',
      'create not allowed while custom resource definition is terminating',
    );
  const handler = verbs[info.verb];
  if (!handler || !type.fact.verbs.includes(info.verb)) throw methodNotAllowed();
  const named = info.name !== '';
  const misplaced = info.verb === 'create' ? named : !named && (info.verb === 'update' || info.verb === 'patch');
  if (misplaced) throw methodNotAllowed();
  return handler(resourceCall);
}

/** Says what is old, and asks for other versions of what the call is about where a program outside makes them. */
async function prepare({ services, type, info, warnings }: ResourceCall): Promise<void> {
  if (!type.definition) return;
  const old = deprecationOf(type.definition, type.version);
  if (old !== undefined) warnings.push(old);
  if (!type.conversion?.convert) return;
  const { namespace, name } = info;
  const one = name === '' ? undefined : services.store.get(type.collection, namespace, name);
  if (name === '' && info.verb !== 'create')
    await prepareViews(type, services.store.list(type.collection, namespace || undefined));
  else if (one) await prepareViews(type, [one]);
}

/** Whether the group and version are of the server's own: what they lack is told in a Status. */
const isServed = ({ services, info }: Call): boolean =>
  services.types.all().some((type) => type.group === info.group && type.version === info.version && !type.definition);

/** What cannot be done in all namespaces at once. */
const ofOneNamespace = new Set(['create', 'deletecollection']);

/** Throws 404 where the resource has no such stream. */
function streamedCall(call: ResourceCall): ResourceCall {
  if (!call.type.fact.subresources?.some((one) => one.name === call.info.subresource)) throw nothingHere();
  return call;
}

function isLeaving({ services, type }: ResourceCall): boolean {
  const name = type.definition?.metadata.name ?? '';
  return !!services.store.get(definitions, '', name)?.object.metadata.deletionTimestamp;
}

const isNamespace = ({ info }: Call): boolean => info.group === '' && info.resource === 'namespaces';

function partialUpdate(call: ResourceCall): Reply | Promise<Reply> {
  const { info, type } = call;
  const fact = type.fact.subresources?.find((one) => one.name === info.subresource);
  // The server of custom resources says it of the object.
  if (!fact && type.definition) throw notFound(type, info.name);
  if (!fact) throw nothingHere();
  if (!partial.has(info.subresource)) throw notImplemented(`${type.resource}/${info.subresource}`);
  if (!fact.verbs.includes(info.verb)) throw methodNotAllowed();
  if (info.verb === 'get') return get(call);
  return info.verb === 'update' ? update(call) : patch(call);
}
