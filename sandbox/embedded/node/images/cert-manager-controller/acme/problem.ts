import type { Authorization } from './client.ts';

/** https://www.rfc-editor.org/rfc/rfc8555#section-6.7 */
export interface Problem {
  status?: number;
  type?: string;
  detail?: string;
  subproblems?: { type?: string; detail?: string; identifier?: { type: string; value: string } }[];
}

/** What an ACME server refused, in the words of the real client. */
export class AcmeProblem extends Error {
  readonly status: number;
  readonly type: string;
  readonly detail: string;
  readonly retryAfter: string | undefined;

  constructor({ status = 0, type = '', detail = '', subproblems = [] }: Problem, retryAfter?: string) {
    const more = subproblems.map(({ type: kind = '', detail: text = '', identifier }) => {
      const about = identifier ? `[${identifier.type}: ${identifier.value}] ` : '';
      return `\n\t${kind}: ${about}${text}`;
    });
    super(`${status} ${type}: ${detail}${more.length > 0 ? `; subproblems:${more.join('')}` : ''}`);
    this.name = 'AcmeProblem';
    this.status = status;
    this.type = type;
    this.detail = detail;
    this.retryAfter = retryAfter;
  }

  /** The request was wrong, not the moment. */
  get final(): boolean {
    return this.status >= 400 && this.status < 500;
  }
}

/** Why an authorization failed. */
export class AuthorizationFailed extends Error {}

export function authorizationError({ identifier, challenges, error }: Authorization): AuthorizationFailed {
  const problems = [error, ...challenges.map((challenge) => challenge.error)].filter((one) => one !== undefined);
  const told = problems.map((problem) => new AcmeProblem(problem).message).join('; ');
  return new AuthorizationFailed(
    identifier.value
      ? `acme: authorization error for ${identifier.value}: ${told}`
      : `acme: authorization error: ${told}`,
  );
}

export const isFinal = (error: unknown): error is AcmeProblem => error instanceof AcmeProblem && error.final;
