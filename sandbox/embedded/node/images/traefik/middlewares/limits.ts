import { STATUS_CODES } from 'node:http';
import type { Loose } from '../../../../../../kubernetes/object.ts';
import { milliseconds } from '../configuration/options.ts';
import { inNetworks } from '../server/addresses.ts';
import { type Exchange, reply } from '../server/exchange.ts';
import type { Build } from './build.ts';

/** Who asks: by its connection, or by what proxies before us say. */
function sourceOf(strategy: Loose): (exchange: Exchange) => string {
  const { depth = 0, excludedIPs = [] } = strategy ?? {};
  const excluded = excludedIPs.length > 0 ? inNetworks(excludedIPs) : undefined;
  return ({ req, client }) => {
    if (!depth && !excluded) return client;
    const list = String(req.headers['x-forwarded-for'] ?? '')
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean);
    if (depth) return list[list.length - depth] ?? '';
    return list.toReversed().find((one) => !excluded?.(one)) ?? '';
  };
}

export const ipAllowList: Build = (next, { sourceRange = [], ipStrategy, rejectStatusCode = 403 }) => {
  if (sourceRange.length === 0) throw new Error('sourceRange is empty, IPAllowLister not created');
  let allowed: (address: string) => boolean;
  try {
    allowed = inNetworks(sourceRange);
  } catch (error) {
    throw new Error(`cannot parse CIDRs [${sourceRange.join(' ')}]: ${(error as Error).message}`);
  }
  const source = sourceOf(ipStrategy);
  return (exchange) => {
    if (allowed(source(exchange))) return next(exchange);
    reply(exchange, rejectStatusCode, STATUS_CODES[rejectStatusCode] ?? '');
  };
};

/** A bucket of tokens for each source: `average` a period come in, `burst` fit. https://doc.traefik.io/traefik/middlewares/http/ratelimit/ */
export const rateLimit: Build = (next, { average = 0, burst = 1, period = '1s', sourceCriterion = {} }, { clock }) => {
  const within = typeof period === 'number' ? period * 1000 : (milliseconds(period) ?? 1000);
  const perMillisecond = average / within;
  if (average <= 0) return next;
  const most = Math.max(1, burst);
  const perSecond = perMillisecond * 1000;
  const longest = perSecond < 1 ? 500 : 1000 / (Math.floor(perSecond) * 2);
  const { requestHeaderName, requestHost, ipStrategy } = sourceCriterion ?? {};
  const source = requestHeaderName
    ? ({ req }: Exchange) => String(req.headers[requestHeaderName.toLowerCase()] ?? '')
    : requestHost
      ? ({ host }: Exchange) => host
      : sourceOf(ipStrategy);
  const buckets = new Map<string, { tokens: number; at: number }>();
  return (exchange) => {
    const now = clock.monotonic();
    const key = source(exchange);
    const bucket = buckets.get(key) ?? { tokens: most, at: now };
    const tokens = Math.min(most, bucket.tokens + (now - bucket.at) * perMillisecond);
    const wait = tokens >= 1 ? 0 : (1 - tokens) / perMillisecond;
    if (wait > longest) {
      buckets.set(key, { tokens, at: now });
      return reply(exchange, 429, 'Too Many Requests', {
        'retry-after': String(Math.ceil(wait / 1000)),
        'x-retry-in': goDuration(wait),
      });
    }
    buckets.set(key, { tokens: tokens - 1, at: now });
    if (buckets.size > 10_000) buckets.delete(buckets.keys().next().value!);
    if (wait === 0) return next(exchange);
    clock.after(wait, () => {
      if (exchange.res.destroyed) return;
      next(exchange);
    });
  };
};

/** `1.5s`, `250ms`, as Go prints durations. */
function goDuration(wait: number): string {
  if (wait < 1000) return `${Math.round(wait * 1e6) / 1e6}ms`;
  const seconds = Math.round((wait % 60_000) * 1e6) / 1e9;
  const minutes = Math.floor(wait / 60_000);
  if (minutes === 0) return `${seconds}s`;
  return minutes < 60 ? `${minutes}m${seconds}s` : `${Math.floor(minutes / 60)}h${minutes % 60}m${seconds}s`;
}

/** Tries again, at the next server, where none was reached. */
export const retry: Build = (next, { attempts = 0, initialInterval }, { clock }) => {
  if (attempts <= 0) throw new Error(`incorrect (or empty) value for attempt (${attempts})`);
  const first =
    typeof initialInterval === 'number' ? initialInterval * 1000 : (milliseconds(String(initialInterval ?? '0')) ?? 0);
  return (exchange) => {
    let left = attempts - 1;
    exchange.retry = () => {
      if (left <= 0) return false;
      left -= 1;
      exchange.record.retries += 1;
      const again = (): void => {
        if (exchange.res.destroyed) return;
        next(exchange);
      };
      if (first > 0) clock.after(first * 2 ** (attempts - 2 - left), again);
      else queueMicrotask(again);
      return true;
    };
    next(exchange);
  };
};
