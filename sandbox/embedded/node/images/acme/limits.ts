import type { Clock } from '../../../clock.ts';
import { AcmeProblem } from './problem.ts';
import type { State } from './state.ts';

const HOUR = 3_600_000;

/** https://letsencrypt.org/docs/rate-limits/ */
export interface Limit {
  count: number;
  /** Hours. */
  hours: number;
  /** What there were too many of; `%` is about whom. */
  text: string;
  anchor: string;
}

export type LimitName = 'registrations' | 'orders' | 'domain' | 'exact' | 'failed';

const texts = {
  registrations: ['too many new registrations (#) from this IP address', 'new-registrations-per-ip-address'],
  orders: ['too many new orders (#) from this account', 'new-orders-per-account'],
  domain: ['too many certificates (#) already issued for "%"', 'new-certificates-per-registered-domain'],
  exact: [
    'too many certificates (#) already issued for this exact set of identifiers',
    'new-certificates-per-exact-set-of-identifiers',
  ],
  failed: ['too many failed authorizations (#) for "%"', 'authorization-failures-per-identifier-per-account'],
} as const;

function limitsOf(counts: Record<LimitName, [count: number, hours: number]>): Record<LimitName, Limit> {
  const limits = Object.entries(texts).map(([name, [text, anchor]]) => {
    const [count, hours] = counts[name as LimitName];
    return [name, { text, anchor, count, hours }];
  });
  return Object.fromEntries(limits);
}

export const PRODUCTION = limitsOf({
  registrations: [10, 3],
  orders: [300, 3],
  domain: [50, 168],
  exact: [5, 168],
  failed: [5, 1],
});

/** https://letsencrypt.org/docs/staging-environment/#rate-limits */
export const STAGING = limitsOf({
  registrations: [50, 3],
  orders: [1500, 3],
  domain: [30_000, 168],
  exact: [30_000, 168],
  failed: [200, 1],
});

/** Buckets that fill up again evenly, as Let's Encrypt counts: after 5 of 5 in a week the next is free in 34 hours. */
export class Limits {
  readonly #limits: Record<LimitName, Limit>;
  readonly #state: State;
  readonly #clock: Clock;

  constructor(limits: Record<LimitName, Limit>, state: State, clock: Clock) {
    this.#limits = limits;
    this.#state = state;
    this.#clock = clock;
  }

  /** Throws `rateLimited` where nothing is left for `subject`; takes nothing. `about` is what the text names. */
  check(name: LimitName, subject: string, about = subject): void {
    const limit = this.#limits[name];
    const interval = (limit.hours * HOUR) / limit.count;
    const wait = this.#fullAt(name, subject) + interval - limit.hours * HOUR - this.#now();
    if (wait <= 0) return;
    const { text, anchor, count, hours } = limit;
    const retry = new Date(this.#clock.now().getTime() + wait).toISOString().slice(0, 19).replace('T', ' ');
    const what = text.replace('#', String(count)).replace('%', about);
    throw new AcmeProblem(
      'rateLimited',
      `${what} in the last ${hours}h0m0s, retry after ${retry} UTC: see https://letsencrypt.org/docs/rate-limits/#${anchor}`,
      { retryAfter: Math.ceil(wait / 1000) },
    );
  }

  /** Takes one, whether or not it is left. */
  spend(name: LimitName, subject: string): void {
    const { hours, count } = this.#limits[name];
    const fullAt = this.#fullAt(name, subject) + (hours * HOUR) / count;
    this.#state.put('bucket', `${name} ${subject}`, fullAt);
  }

  /** Never further ahead than an empty bucket is, nor behind now. */
  #fullAt(name: LimitName, subject: string): number {
    const now = this.#now();
    const kept = this.#state.get('bucket', `${name} ${subject}`) ?? now;
    return Math.min(Math.max(kept, now), now + this.#limits[name].hours * HOUR);
  }

  #now(): number {
    return this.#clock.calendar().getTime();
  }
}
