import { isDeepStrictEqual } from 'node:util';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import { jsonPatch } from '../../../schema/patch.ts';
import { internalError } from '../../errors.ts';
import type { Services } from '../../services.ts';
import { type Attributes, type Face, shownAs, takenBack } from '../attributes.ts';
import { conditionsHold } from '../match-conditions.ts';
import { faceFor, isExempt } from '../matching.ts';
import { ask, CallFailure } from './review.ts';

const mutating = 'admissionregistration.k8s.io/mutatingwebhookconfigurations';
const validating = 'admissionregistration.k8s.io/validatingwebhookconfigurations';

/** All webhooks of one sort, as they are asked: configurations by name, each one's in its order. */
function webhooksOf({ store }: Services, collection: string): { webhook: Loose; id: string }[] {
  return store
    .list(collection)
    .toSorted((one, other) => (one.name < other.name ? -1 : 1))
    .flatMap(({ object, name }) =>
      (object.webhooks ?? []).map((webhook: Loose) => ({ webhook, id: `${name}/${webhook.name}` })),
    );
}

/** The version in which the webhook is asked; undefined where it is not. Throws 403 where its conditions cannot be told. */
function wants(attributes: Attributes, webhook: Loose): Face | undefined {
  const face = faceFor(attributes, webhook as never);
  if (!face || !webhook.matchConditions?.length) return face;
  return conditionsHold(attributes, face, webhook) ? face : undefined;
}

/** What the rounds of mutating webhooks remember of each other. */
export interface Rounds {
  again: Set<string>;
  invoked: Set<string>;
  last: KubeObject | undefined;
}

/**
 * Lets mutating webhooks change the object, one after the other; `true` when one did.
 * In a second round only those run again that asked for it and ran before the last change.
 * https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#reinvocation-policy
 */
export async function mutateByWebhooks(attributes: Attributes, rounds: Rounds, second: boolean): Promise<boolean> {
  if (isExempt(attributes)) return false;
  let anyChange = false;
  const requireAgain = (): void => {
    for (const id of rounds.invoked) rounds.again.add(id);
    rounds.invoked.clear();
  };
  if (second && !isDeepStrictEqual(rounds.last, attributes.object)) requireAgain();
  for (const { webhook, id } of webhooksOf(attributes.call.services, mutating)) {
    const face = wants(attributes, webhook);
    if (!face || (second && !rounds.again.has(id))) continue;
    let changed = false;
    try {
      const { patch } = await ask(attributes, face, webhook, true);
      changed = !!patch && applyPatch(attributes, face, webhook.name, patch);
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      if (webhook.failurePolicy !== 'Ignore') throw internalError(error.message);
      attributes.call.services.log(`${error.message}; ignored`);
    }
    if (changed) {
      requireAgain();
      anyChange = true;
    }
    if (webhook.reinvocationPolicy === 'IfNeeded') rounds.invoked.add(id);
  }
  rounds.last = structuredClone(attributes.object);
  return anyChange;
}

function applyPatch(attributes: Attributes, face: Face, name: string, patch: Loose[]): boolean {
  const { object } = attributes;
  if (!object || attributes.operation === 'DELETE')
    throw internalError(
      `admission webhook ${JSON.stringify(name)} attempted to modify the object, which is not supported for this operation`,
    );
  const before = shownAs(attributes, face, object);
  let after: Loose = before;
  for (const operation of patch) {
    try {
      after = jsonPatch(after, [operation]);
    } catch {
      throw internalError(patchFault(operation));
    }
  }
  if (isDeepStrictEqual(after, before)) return false;
  attributes.object = takenBack(attributes, face, after);
  return true;
}

/** What Go's library for JSON patches says of an operation that does not fit. */
function patchFault({ op, path, value }: Loose): string {
  if (op === 'test')
    return value === undefined
      ? `test operation for path: ${path} failed`
      : `testing value ${path} failed: test failed`;
  const known = ['add', 'remove', 'replace', 'move', 'copy'].includes(op);
  if (!known) return `Unexpected kind: ${op}`;
  return `${op} operation does not apply: doc is missing path: ${JSON.stringify(path ?? '')}: missing value`;
}

/** Asks all validating webhooks at once. Rejects with the first refusal, in their order. */
export async function validateByWebhooks(attributes: Attributes): Promise<void> {
  if (isExempt(attributes)) return;
  const asked: Promise<void>[] = [];
  for (const { webhook } of webhooksOf(attributes.call.services, validating)) {
    const face = wants(attributes, webhook);
    if (face) asked.push(validate(attributes, face, webhook));
  }
  const refused = (await Promise.allSettled(asked)).find((one) => one.status === 'rejected');
  if (refused) throw refused.reason;
}

async function validate(attributes: Attributes, face: Face, webhook: Loose): Promise<void> {
  try {
    await ask(attributes, face, webhook, false);
  } catch (error) {
    if (!(error instanceof CallFailure)) throw error;
    if (webhook.failurePolicy !== 'Ignore') throw internalError(error.message);
    attributes.call.services.log(`${error.message}; ignored`);
  }
}

/** Whether there is any webhook of the sort at all: most clusters have none, and then nothing waits. */
export const hasMutatingWebhooks = ({ store }: Services): boolean => store.list(mutating).length > 0;
export const hasValidatingWebhooks = ({ store }: Services): boolean => store.list(validating).length > 0;
