import type { User } from '../call.ts';

/** What somebody wants to do; of a resource, or of a path that is none. */
export type Attributes =
  | {
      verb: string;
      group: string;
      resource: string;
      subresource: string;
      name: string;
      namespace: string;
    }
  | { verb: string; path: string };

export interface Decision {
  allowed: boolean;
  /** Why, as access reviews tell it. */
  reason: string;
}

export interface Authorizer {
  authorize(user: User, attributes: Attributes): Decision;
}
