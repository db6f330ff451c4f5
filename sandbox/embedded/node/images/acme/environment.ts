import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Clock } from '../../../clock.ts';
import type { Issuer } from './issuance.ts';
import { Nonces, type Signed } from './jws.ts';
import { Limits, PRODUCTION, STAGING } from './limits.ts';
import type { Policy } from './policy.ts';
import { type Journal, State } from './state.ts';
import type { Reach } from './validation.ts';

/** `production`, whose root containers trust, and `staging`, whose root nobody does. */
export type EnvironmentName = 'production' | 'staging';

/** One of the two authorities the server is. */
export interface Environment {
  name: EnvironmentName;
  state: State;
  limits: Limits;
  nonces: Nonces;
  issuer: Issuer;
  policy: Policy;
  clock: Clock;
  reach: Reach;
  /** Unguessable, Base64url. */
  random(): string;
  log(text: string): void;
  /** Challenges that are being looked at, by authorization. */
  validating: Set<number>;
  /** Orders whose certificate is being signed. */
  finalizing: Set<number>;
}

export interface EnvironmentOptions {
  name: EnvironmentName;
  journal: Journal;
  issuer: Issuer;
  policy: Policy;
  reach: Reach;
  log(text: string): void;
}

/** One authority, as it was when its process ended. */
export function openEnvironment({ name, journal, issuer, policy, reach, log }: EnvironmentOptions): Environment {
  const random = () => randomBytes(32).toString('base64url');
  const state = new State(journal);
  const { clock } = reach;
  return {
    name,
    state,
    limits: new Limits(name === 'staging' ? STAGING : PRODUCTION, state, clock),
    nonces: new Nonces(random),
    issuer,
    policy,
    clock,
    reach,
    random,
    log,
    validating: new Set(),
    finalizing: new Set(),
  };
}

/** A request that was understood; what answers it. */
export interface Call {
  environment: Environment;
  request: IncomingMessage;
  /** `https://HOST/production`. */
  base: string;
  /** The parts of its path behind the endpoint's. */
  rest: string[];
  /** Absent for GET. */
  signed: Signed | undefined;
  /** Whoever asks. */
  address: string;
}

export interface Reply {
  status: number;
  headers?: Record<string, string | string[]>;
  json?: unknown;
  /** PEM. */
  pem?: string;
}

export const urlOf = (base: string, ...parts: (string | number)[]): string => `${base}/acme/${parts.join('/')}`;

/** Whether the time of something is over; what was skipped counts. */
export function isOver(clock: Clock, { since, expires }: { since: string; expires: string }): boolean {
  return clock.since(since) > Date.parse(expires) - Date.parse(since);
}

/** From now on, for so many days. */
export function lasting(clock: Clock, days: number): { since: string; expires: string } {
  const now = clock.now().getTime();
  const second = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;
  return { since: second(now), expires: second(now + days * 86_400_000) };
}
