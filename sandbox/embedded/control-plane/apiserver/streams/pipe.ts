import type { IncomingMessage, ServerResponse } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { admitConnect } from '../admission/outside.ts';
import type { Call, ResourceCall } from '../call.ts';
import { badRequest, internalError, refusal } from '../errors.ts';
import type { Reply } from '../reply.ts';
import { dialError, type Target, targetOf } from './target.ts';

/** Not to be passed on: they are about one connection, or tell who asked. */
const ownHeaders = ['host', 'authorization', 'connection', 'keep-alive', 'proxy-connection', 'transfer-encoding'];

/** Answers with what the kubelet sends: logs, or what a pod's own server says. */
export async function pipeRequest(call: ResourceCall): Promise<Reply> {
  const target = targetOf(call);
  const isLog = call.info.subresource === 'log';
  if (!isLog && call.info.subresource !== 'proxy') throw badRequest('Upgrade request required');
  if (isLog) checkLogOptions(call);
  if (!target) return { code: 204, raw: '' };
  if (!isLog) await admitConnect(call);
  return {
    code: 200,
    stream: (request, response) => forward({ call, target, request, response, isLog }),
  };
}

interface Forward {
  call: Call;
  target: Target;
  request: IncomingMessage;
  response: ServerResponse;
  isLog: boolean;
}

function forward({ call, target, request, response, isLog }: Forward): void {
  const headers = { ...request.headers };
  for (const name of ownHeaders) delete headers[name];
  for (const name of Object.keys(headers)) if (name.startsWith('impersonate-')) delete headers[name];
  const hasBody = request.method !== 'GET' && request.method !== 'HEAD';
  const outgoing = httpsRequest({
    ...target,
    agent: call.services.kubeletAgent,
    method: request.method,
    headers: hasBody ? { ...headers, 'transfer-encoding': 'chunked' } : headers,
  });
  outgoing.on('response', (answer) => {
    const code = answer.statusCode ?? 502;
    if (isLog && (code < 200 || code > 206)) {
      void tell(answer, response);
      return;
    }
    const { connection: _connection, 'keep-alive': _keepAlive, ...rest } = answer.headers;
    response.writeHead(code, isLog ? { 'content-type': 'text/plain' } : rest);
    response.flushHeaders();
    answer.pipe(response);
    answer.on('error', () => response.destroy());
  });
  outgoing.on('error', (error) => {
    if (response.headersSent) {
      response.destroy();
      return;
    }
    const why = dialError(target, error);
    const { status } = isLog
      ? refusal(500, '', `Get "https://${target.shown ?? `${target.host}:${target.port}`}${target.path}": ${why}`)
      : refusal(503, 'ServiceUnavailable', `error trying to reach service: ${why}`);
    answerJson(response, status);
  });
  response.on('close', () => outgoing.destroy());
  const { body } = call;
  if (hasBody && 'bytes' in body) outgoing.end(body.bytes);
  else outgoing.end();
}

/** The kubelet's refusal as a Status. */
async function tell(answer: IncomingMessage, response: ServerResponse): Promise<void> {
  const text = await textOf(answer);
  answerJson(response, kubeletRefusal(answer.statusCode ?? 500, text).status);
}

export function kubeletRefusal(code: number, text: string) {
  if (code === 400) return badRequest(text);
  if (code === 500) return internalError(text);
  return refusal(code, code === 404 ? 'NotFound' : '', text);
}

export async function textOf(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of answer) chunks.push(chunk as Buffer);
  } catch {
    // Half an explanation is better than none.
  }
  return Buffer.concat(chunks).toString('utf8');
}

function answerJson(response: ServerResponse, status: { code?: number }): void {
  const text = `${JSON.stringify(status)}\n`;
  response.writeHead(status.code ?? 500, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(text),
  });
  response.end(text);
}

function checkLogOptions({ query }: ResourceCall): void {
  for (const name of ['tailLines', 'sinceSeconds', 'limitBytes']) {
    const text = query.get(name);
    if (text === null || text === '') continue;
    if (!/^-?\d+$/.test(text)) throw badRequest(`strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`);
    const least = name === 'tailLines' ? 0 : 1;
    if (Number(text) >= least) continue;
    const message = `Invalid value: ${text}: must be greater than${least === 0 ? ' or equal to' : ''} 0`;
    throw refusal(422, 'Invalid', `PodLogOptions "" is invalid: ${name}: ${message}`, {
      kind: 'PodLogOptions',
      causes: [{ reason: 'FieldValueInvalid', message, field: name }],
    });
  }
}
