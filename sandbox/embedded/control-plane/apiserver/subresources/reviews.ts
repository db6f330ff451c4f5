import type { KubeObject, Loose } from '../../../../../kubernetes/object.ts';
import type { FieldError } from '../../resources/strategy.ts';
import type { Attributes } from '../authorization/authorizer.ts';
import type { PolicyRule } from '../authorization/rbac.ts';
import { readObject } from '../body.ts';
import type { ResourceCall, User } from '../call.ts';
import { decodeObject } from '../engine.ts';
import { badRequest, invalid } from '../errors.ts';
import { manageFields } from '../field-managers.ts';
import { contentOf, type Reply } from '../reply.ts';
import { issuer } from '../service-account-tokens.ts';
import { stamp } from '../stamp.ts';

function readReview(call: ResourceCall): Loose {
  const { value, text } = readObject(call);
  const review = decodeObject(call, value, text);
  review.spec ??= {};
  return review;
}

/** The real one forgets the kind. */
const refuse = (call: ResourceCall, fault: FieldError): Error => invalid('', call.type.group, '', [fault]);

/** Who asks for access leaves traces like any other writer. */
function answerAccess(call: ResourceCall, review: Loose, status: Loose): Reply {
  manageFields(call, undefined, review as KubeObject);
  return answerReview(review, status);
}

function answerReview(review: Loose, status: Loose): Reply {
  return { code: 201, content: contentOf({ ...review, status }) };
}

/** https://kubernetes.io/docs/reference/access-authn-authz/authorization/#checking-api-access */
export function selfAccess(call: ResourceCall): Reply {
  const review = readReview(call);
  return answerAccess(call, review, decide(call, call.user, review.spec));
}

export function subjectAccess(call: ResourceCall): Reply {
  const review = readReview(call);
  const { spec } = review;
  if (call.info.namespace) {
    spec.resourceAttributes ??= {};
    const namespace = spec.resourceAttributes.namespace ?? '';
    if (namespace && namespace !== call.info.namespace)
      throw refuse(call, {
        field: 'spec.resourceAttributes.namespace',
        reason: 'FieldValueInvalid',
        message: `Invalid value: ${JSON.stringify(namespace)}: must match metadata.namespace`,
      });
    spec.resourceAttributes.namespace = call.info.namespace;
  }
  if (!spec.user && !spec.groups?.length) {
    throw refuse(call, {
      field: 'spec.user',
      reason: 'FieldValueInvalid',
      message: 'Invalid value: "": at least one of user or group must be specified',
    });
  }
  return answerAccess(call, review, decide(call, { name: spec.user ?? '', groups: spec.groups ?? [] }, spec));
}

function decide(call: ResourceCall, user: User, spec: Loose): Loose {
  const { resourceAttributes, nonResourceAttributes } = spec;
  if (resourceAttributes && nonResourceAttributes) {
    const { path = '', verb = '' } = nonResourceAttributes;
    throw refuse(call, {
      field: 'spec.nonResourceAttributes',
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${JSON.stringify({ Path: path, Verb: verb })}: cannot be specified in combination with resourceAttributes`,
    });
  }
  if (!resourceAttributes && !nonResourceAttributes) {
    throw refuse(call, {
      field: 'spec.resourceAttributes',
      reason: 'FieldValueInvalid',
      message: 'Invalid value: null: exactly one of nonResourceAttributes or resourceAttributes must be specified',
    });
  }
  const { allowed, reason } = call.services.authorizer.authorize(user, attributesOf(spec));
  return { allowed, ...(reason && { reason }) };
}

function attributesOf({ resourceAttributes, nonResourceAttributes }: Loose): Attributes {
  if (nonResourceAttributes) return { verb: nonResourceAttributes.verb ?? '', path: nonResourceAttributes.path ?? '' };
  const { verb = '', group = '', resource = '', subresource = '', name = '', namespace = '' } = resourceAttributes;
  return { verb, group, resource, subresource, name, namespace };
}

export function selfRules(call: ResourceCall): Reply {
  const review = readReview(call);
  const namespace = review.spec.namespace ?? '';
  if (!namespace) throw badRequest('no namespace on request');
  const { sources, errors } = call.services.authorizer.rulesFor(call.user, namespace);
  const rules = sources.flatMap((source) => source.rules);
  const part = (rule: PolicyRule, ...fields: (keyof PolicyRule)[]): Loose =>
    Object.fromEntries(fields.filter((field) => rule[field]?.length).map((field) => [field, rule[field]]));
  review.spec = {};
  return answerReview(review, {
    resourceRules: rules
      .filter((rule) => rule.resources?.length)
      .map((rule) => part(rule, 'verbs', 'apiGroups', 'resources', 'resourceNames')),
    nonResourceRules: rules
      .filter((rule) => rule.nonResourceURLs?.length)
      .map((rule) => part(rule, 'verbs', 'nonResourceURLs')),
    incomplete: errors.length > 0,
    ...(errors.length > 0 && { evaluationError: errors.join(', ') }),
  });
}

const userInfo = ({ name, uid, groups, extra }: User): Loose => ({
  username: name,
  ...(uid && { uid }),
  groups,
  ...(extra && { extra }),
});

export function selfReview(call: ResourceCall): Reply {
  const review = readReview(call);
  review.metadata = { creationTimestamp: stamp(call.services.clock.now()) };
  delete review.spec;
  return answerReview(review, { userInfo: userInfo(call.user) });
}

export async function tokenReview(call: ResourceCall): Promise<Reply> {
  const review = readReview(call);
  const { token, audiences = [issuer] } = review.spec;
  if (!token) {
    throw badRequest('token is required for TokenReview in authentication');
  }
  const user = await call.services.tokens.authenticate(token, audiences);
  if (!user) return answerAccess(call, review, { user: {}, error: 'invalid bearer token' });
  return answerReview(review, { authenticated: true, user: userInfo(user), audiences });
}
