/** https://datatracker.ietf.org/doc/html/rfc8555#section-6.7 */
export type ProblemType =
  | 'accountDoesNotExist'
  | 'alreadyReplaced'
  | 'alreadyRevoked'
  | 'badCSR'
  | 'badNonce'
  | 'badPublicKey'
  | 'badRevocationReason'
  | 'badSignatureAlgorithm'
  | 'conflict'
  | 'connection'
  | 'dns'
  | 'invalidContact'
  | 'invalidProfile'
  | 'malformed'
  | 'orderNotReady'
  | 'rateLimited'
  | 'rejectedIdentifier'
  | 'serverInternal'
  | 'tls'
  | 'unauthorized'
  | 'unsupportedContact'
  | 'unsupportedIdentifier';

export interface Identifier {
  type: string;
  value: string;
}

/** As it stands in an answer, and in a failed challenge. */
export interface ProblemDocument {
  type: string;
  detail: string;
  status: number;
  subproblems?: (ProblemDocument & { identifier: Identifier })[];
  algorithms?: string[];
}

const statuses: Partial<Record<ProblemType, number>> = {
  alreadyReplaced: 409,
  conflict: 409,
  orderNotReady: 403,
  rateLimited: 429,
  serverInternal: 500,
  unauthorized: 403,
};

/** What the server refuses a request with. */
export class AcmeProblem extends Error {
  readonly type: ProblemType;
  status: number;
  /** Seconds. */
  readonly retryAfter: number | undefined;
  /** Where what is in the way can be found. */
  location: string | undefined;
  readonly subproblems: { identifier: Identifier; problem: AcmeProblem }[];

  constructor(
    type: ProblemType,
    detail: string,
    more: {
      status?: number;
      retryAfter?: number;
      location?: string;
      subproblems?: { identifier: Identifier; problem: AcmeProblem }[];
    } = {},
  ) {
    super(detail);
    this.type = type;
    this.status = more.status ?? statuses[type] ?? 400;
    this.retryAfter = more.retryAfter;
    this.location = more.location;
    this.subproblems = more.subproblems ?? [];
  }

  /** The same, said of what was asked: `Error creating new order :: …`. */
  of(context: string): AcmeProblem {
    const { type, status, retryAfter, location } = this;
    return new AcmeProblem(type, `${context} :: ${this.message}`, {
      status,
      ...(retryAfter !== undefined && { retryAfter }),
      ...(location && { location }),
      subproblems: this.subproblems.map(({ identifier, problem }) => ({ identifier, problem: problem.of(context) })),
    });
  }

  document(): ProblemDocument {
    const { type, message: detail, status, subproblems } = this;
    return {
      type: `urn:ietf:params:acme:error:${type}`,
      detail,
      status,
      ...(subproblems.length > 0 && {
        subproblems: subproblems.map(({ identifier, problem }) => ({ ...problem.document(), identifier })),
      }),
      ...(type === 'badSignatureAlgorithm' && { algorithms: ['RS256', 'ES256', 'ES384', 'ES512'] }),
    };
  }
}

export const malformed = (detail: string): AcmeProblem => new AcmeProblem('malformed', detail);
export const unauthorized = (detail: string): AcmeProblem => new AcmeProblem('unauthorized', detail);
export const notFound = (detail: string): AcmeProblem => new AcmeProblem('malformed', detail, { status: 404 });

/** Runs a step; what it refuses is said of the context. */
export async function within<T>(context: string, step: () => T | Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    throw error instanceof AcmeProblem ? error.of(context) : error;
  }
}
