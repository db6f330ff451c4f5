import { randomUUID } from 'node:crypto';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import type { ApiError } from '../../../../client/client.ts';
import { warn } from '../../call.ts';
import { badRequest, refusal } from '../../errors.ts';
import type { Answer } from '../../outbound/caller.ts';
import { type Attributes, type Face, requestOf, shownAs } from '../attributes.ts';

/** A webhook that could not be asked, or whose answer is none: failurePolicy decides. */
export class CallFailure extends Error {
  constructor(webhook: string, why: string) {
    super(`failed calling webhook ${JSON.stringify(webhook)}: ${why}`);
  }
}

export interface Verdict {
  patch?: Loose[];
}

const known = ['v1', 'v1beta1'];

/** Asks one webhook. Rejects with CallFailure, or with the webhook's own refusal. */
export async function ask(attributes: Attributes, face: Face, webhook: Loose, mutating: boolean): Promise<Verdict> {
  const { call, dryRun } = attributes;
  const { name, timeoutSeconds = 10 } = webhook;
  if (dryRun && webhook.sideEffects !== 'None' && webhook.sideEffects !== 'NoneOnDryRun')
    throw badRequest(`admission webhook ${JSON.stringify(name)} does not support dry run`);
  const version = (webhook.admissionReviewVersions ?? []).find((one: string) => known.includes(one));
  const fail = (why: string): CallFailure => new CallFailure(name, why);
  if (!version)
    throw fail(
      'could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)',
    );
  const uid = randomUUID();
  const review = {
    kind: 'AdmissionReview',
    apiVersion: `admission.k8s.io/${version}`,
    request: {
      uid,
      ...requestOf(attributes, face),
      object: shownAs(attributes, face, attributes.object) ?? null,
      oldObject: shownAs(attributes, face, attributes.old) ?? null,
    },
  };
  let answer: Answer;
  try {
    answer = await call.services.caller.post(webhook.clientConfig, review, timeoutSeconds);
  } catch (error) {
    throw fail(`failed to call webhook: ${(error as Error).message}`);
  }
  const text = answerFault(answer);
  if (text !== undefined) throw fail(`failed to call webhook: ${text}`);
  const response = verify(JSON.parse(answer.text), version, uid, mutating, fail);
  for (const text of response.warnings ?? []) warn(call, text);
  if (!response.allowed) throw denial(name, response.status);
  const patch = response.patch ? readPatch(response, fail) : [];
  return patch.length > 0 ? { patch } : {};
}

/** Why an answer is no AdmissionReview, in the words of Go's client; undefined for one that may be. */
function answerFault({ code, text }: Answer): string | undefined {
  let value: Loose;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (code >= 200 && code <= 206) {
    if (typeof value === 'object' && value?.kind && value.apiVersion) return undefined;
    if (typeof value === 'object' && value !== null)
      return value.kind ? "Object 'apiVersion' is missing in" : `Object 'Kind' is missing in '${text.trim()}'`;
    return `couldn't get version/kind; json parse error: ${notJson(text)}`;
  }
  if (value?.kind === 'Status' && value.message) return value.message;
  return (
    codes[code] ??
    `an error on the server (${JSON.stringify(text.trim() || 'unknown')}) has prevented the request from succeeding`
  );
}

function notJson(text: string): string {
  if (text === '') return 'unexpected end of JSON input';
  return `invalid character '${text.trimStart()[0]}' looking for beginning of value`;
}

const codes: Record<number, string> = {
  400: 'the server rejected our request for an unknown reason',
  401: 'the server has asked for the client to provide credentials',
  403: 'forbidden',
  404: 'the server could not find the requested resource',
  405: 'the server does not allow this method on the requested resource',
  503: 'the server is currently unable to handle the request',
};

function verify(review: Loose, version: string, uid: string, mutating: boolean, fail: (why: string) => Error): Loose {
  const refuse = (why: string): Error => fail(`received invalid webhook response: ${why}`);
  const { response } = review;
  if (!response) throw refuse('webhook response was absent');
  if (version === 'v1') {
    if (response.uid !== uid)
      throw refuse(`expected response.uid=${JSON.stringify(uid)}, got ${JSON.stringify(response.uid ?? '')}`);
    if (review.apiVersion !== 'admission.k8s.io/v1' || review.kind !== 'AdmissionReview')
      throw refuse(
        `expected webhook response of admission.k8s.io/v1, Kind=AdmissionReview, got ${review.apiVersion}, Kind=${review.kind}`,
      );
    if (!mutating && response.patch) throw refuse('validating webhook may not return response.patch');
    if (!mutating && response.patchType) throw refuse('validating webhook may not return response.patchType');
    if (response.patch && response.patchType === undefined)
      throw refuse('webhook returned response.patch but not response.patchType');
    if (!response.patch && response.patchType !== undefined)
      throw refuse('webhook returned response.patchType but not response.patch');
    if (response.patchType === '') throw refuse('webhook returned invalid response.patchType of ""');
  }
  return response;
}

function readPatch({ patch, patchType }: Loose, fail: (why: string) => Error): Loose[] {
  let operations: Loose;
  try {
    operations = JSON.parse(Buffer.from(patch, 'base64').toString('utf8'));
  } catch {
    throw fail('received undecodable patch in webhook response: invalid character looking for beginning of value');
  }
  if (!Array.isArray(operations))
    throw fail(
      'received undecodable patch in webhook response: json: cannot unmarshal object into Go value of type jsonpatch.Patch',
    );
  if (patchType !== undefined && patchType !== 'JSONPatch')
    throw fail(`unsupported patch type ${JSON.stringify(patchType)}`);
  return operations;
}

/** The webhook's refusal, with its own status where it has one. */
function denial(name: string, status: Loose): ApiError {
  const head = `admission webhook ${JSON.stringify(name)} denied the request`;
  const { message, reason = '', details, code = 0 } = status ?? {};
  const text = message ? `${head}: ${message}` : reason ? `${head}: ${reason}` : `${head} without explanation`;
  return refusal(Math.max(code, 400), reason, text, details);
}
