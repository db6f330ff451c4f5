import type { ResourceCall } from '../call.ts';
import type { Reply } from '../reply.ts';

type Handler = (call: ResourceCall) => Reply | Promise<Reply>;

const handlers: Record<string, Handler> = {};

/** What is answered neither by the stored object nor by a part of it; undefined for all else. */
export function special({ type, info }: ResourceCall): Handler | undefined {
  const key = info.subresource ? `${type.collection}/${info.subresource}` : type.collection;
  return handlers[`${info.verb} ${key}`];
}
