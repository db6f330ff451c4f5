import { admitPosted } from '../admission/outside.ts';
import { type ResourceCall, warn } from '../call.ts';
import type { Reply } from '../reply.ts';
import { bind } from './binding.ts';
import { getComponent, listComponents } from './components.ts';
import { evict } from './eviction.ts';
import { getMetrics, listMetrics } from './metrics.ts';
import { selfAccess, selfReview, selfRules, subjectAccess, tokenReview } from './reviews.ts';
import { scale } from './scale.ts';
import { requestToken } from './token.ts';

type Handler = (call: ResourceCall) => Reply | Promise<Reply>;

const handlers: Record<string, Handler> = {
  'list /componentstatuses': listComponents,
  'get /componentstatuses': getComponent,
  'list metrics.k8s.io/nodes': listMetrics,
  'get metrics.k8s.io/nodes': getMetrics,
  'list metrics.k8s.io/pods': listMetrics,
  'get metrics.k8s.io/pods': getMetrics,
  'create /serviceaccounts/token': requestToken,
  'create /pods/binding': bind,
  'create /bindings': bind,
  'create /pods/eviction': evict,
  'create authorization.k8s.io/selfsubjectaccessreviews': selfAccess,
  'create authorization.k8s.io/subjectaccessreviews': subjectAccess,
  'create authorization.k8s.io/localsubjectaccessreviews': subjectAccess,
  'create authorization.k8s.io/selfsubjectrulesreviews': selfRules,
  'create authentication.k8s.io/selfsubjectreviews': selfReview,
  'create authentication.k8s.io/tokenreviews': tokenReview,
};

/** Kinds that the real server calls old whenever they are used. */
const deprecated: Record<string, string> = {
  '/componentstatuses': 'v1 ComponentStatus is deprecated in v1.19+',
  '/endpoints': 'v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice',
};

const admitted =
  (handler: Handler): Handler =>
  async (call) => {
    await admitPosted(call);
    return handler(call);
  };

/** What is answered neither by the stored object nor by a part of it; undefined for all else. */
export function special(call: ResourceCall): Handler | undefined {
  const { type, info } = call;
  const old = deprecated[type.collection];
  if (old) warn(call, old);
  if (info.subresource === 'scale' && type.fact.subresources?.some((one) => one.name === 'scale')) return scale;
  const handler =
    handlers[`${info.verb} ${info.subresource ? `${type.collection}/${info.subresource}` : type.collection}`];
  return handler && info.verb === 'create' ? admitted(handler) : handler;
}
