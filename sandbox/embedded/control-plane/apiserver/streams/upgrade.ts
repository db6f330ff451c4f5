import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { ApiError } from '../../../client/client.ts';
import { admitConnect } from '../admission/outside.ts';
import type { ResourceCall } from '../call.ts';
import { badRequest, internalError, nothingHere, refusal } from '../errors.ts';
import { authorizeCall, checkAccess, type Incoming } from '../handle.ts';
import type { Services } from '../services.ts';
import { kubeletRefusal, textOf } from './pipe.ts';
import { dialError, streamed, targetOf } from './target.ts';

export interface Upgrade {
  services: Services;
  incoming: Incoming;
  request: IncomingMessage;
  socket: Duplex;
  head: Buffer;
}

const connectionHeaders = ['host', 'authorization'];

/** Authorises a request that wants to become a stream, and joins it with the kubelet. Rejects with the refusal. */
export async function pipeUpgrade({ services, incoming, request, socket, head }: Upgrade): Promise<void> {
  const user = await services.authenticator.authenticate(request);
  const call = authorizeCall(services, incoming, user);
  const { info } = call;
  const type = services.types.find(info.group, info.version, info.resource);
  if (!type || !streamed.has(info.subresource)) throw nothingHere();
  if (!type.fact.subresources?.some((one) => one.name === info.subresource)) throw nothingHere();
  // A stream changes what it reaches: a WebSocket's GET wants the right of a POST too.
  if (info.subresource !== 'proxy' && info.verb === 'get') {
    const { group, resource, subresource, name, namespace } = info;
    checkAccess(services, call.user, { verb: 'create', group, resource, subresource, name, namespace });
  }
  const resourceCall: ResourceCall = { ...call, type };
  checkExec(resourceCall);
  const target = targetOf(resourceCall);
  if (!target) throw badRequest(`pod ${info.name} does not have a host assigned`);
  await admitConnect(resourceCall);
  const headers = { ...request.headers };
  for (const name of connectionHeaders) delete headers[name];
  for (const name of Object.keys(headers)) if (name.startsWith('impersonate-')) delete headers[name];
  const outgoing = httpsRequest({ ...target, ...services.kubeletTls, agent: false, method: request.method, headers });
  outgoing.on('upgrade', (answer, other, rest) => {
    socket.write(headOf(answer));
    if (rest.length > 0) socket.write(rest);
    if (head.length > 0) other.write(head);
    join(socket, other);
  });
  outgoing.on('response', async (answer) => {
    refuseUpgrade(services, socket, kubeletRefusal(answer.statusCode ?? 500, await textOf(answer)));
  });
  outgoing.on('error', (error) => {
    refuseUpgrade(services, socket, refusal(500, '', `error dialing backend: ${dialError(target, error)}`));
  });
  socket.on('close', () => outgoing.destroy());
  outgoing.end();
}

function checkExec({ info, query }: ResourceCall): void {
  if (info.subresource !== 'exec' && info.subresource !== 'attach') return;
  const on = (name: string): boolean => /^(1|t|true)$/i.test(query.get(name) ?? '');
  if (info.subresource === 'exec' && query.getAll('command').length === 0)
    throw badRequest('you must specify at least 1 command for the container');
  if (!on('stdin') && !on('stdout') && !on('stderr'))
    throw badRequest('you must specify at least one of stdin, stdout, stderr');
}

function headOf(answer: IncomingMessage): string {
  let text = `HTTP/1.1 101 Switching Protocols\r\n`;
  for (let index = 0; index < answer.rawHeaders.length; index += 2)
    text += `${answer.rawHeaders[index]}: ${answer.rawHeaders[index + 1]}\r\n`;
  return `${text}\r\n`;
}

/** Bytes both ways until either end closes; what was on its way still arrives. */
function join(one: Duplex, other: Duplex): void {
  one.pipe(other);
  other.pipe(one);
  one.on('error', () => other.destroy()).on('close', () => (other as Socket).destroySoon());
  other.on('error', () => one.destroy()).on('close', () => (one as Socket).destroySoon());
}

/** Tells a client over the raw connection why its stream is refused. */
export function refuseUpgrade(services: Services, socket: Duplex, error: unknown): void {
  const { status } =
    error instanceof ApiError ? error : internalError(error instanceof Error ? error.message : 'unknown');
  if (!(error instanceof ApiError))
    services.log(error instanceof Error ? (error.stack ?? error.message) : String(error));
  const body = `${JSON.stringify(status)}\n`;
  const head = [
    `HTTP/1.1 ${status.code ?? 500} ${status.reason || 'Error'}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(body)}`,
    'connection: close',
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
