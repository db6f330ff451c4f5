import type { Loose } from '../../../../kubernetes/object.ts';
import type { Negotiated } from './negotiation.ts';
import type { RequestInfo } from './request-info.ts';
import type { ResourceType } from './resource-type.ts';
import type { Services } from './services.ts';

/** https://kubernetes.io/docs/reference/access-authn-authz/authentication/ */
export interface User {
  name: string;
  groups: string[];
  uid?: string;
  extra?: Record<string, string[]>;
}

/** One request, as the code that answers it sees it. */
export interface Call {
  services: Services;
  method: string;
  info: RequestInfo;
  query: URLSearchParams;
  user: User;
  /** Who the connection belongs to, when `user` is impersonated. */
  impersonator?: User;
  accept: Negotiated;
  /** The media type of the body, without parameters. */
  contentType: string;
  body: Body;
  userAgent: string;
  /** Printed by clients as `Warning:`. */
  warnings: string[];
  header(name: string): string | undefined;
  /** In lower case. */
  headerNames(): string[];
}

/** Bytes of the network, or the object a caller in this process handed over. */
export type Body = { bytes: Buffer } | { value: Loose };

/** A call about a resource that is served. */
export interface ResourceCall extends Call {
  type: ResourceType;
}

/** Printed by clients as `Warning:`; said once. */
export function warn(call: Call, text: string): void {
  if (!call.warnings.includes(text)) call.warnings.push(text);
}
