import { describe, expect, it } from 'vitest';
import { parseSchedule } from '../../../../../../sandbox/embedded/control-plane/controllers/cron-schedule.ts';

const next = (text: string, from: string, zone?: string): string | undefined =>
  parseSchedule(text, zone).next(new Date(from))?.toISOString();

describe('cron schedule', () => {
  it.each([
    ['*/15 * * * *', '2026-01-01T00:00:00Z', '2026-01-01T00:15:00.000Z'],
    ['0 9-17/4 * * mon-fri', '2026-01-02T17:30:00Z', '2026-01-05T09:00:00.000Z'],
    ['30 4 1,15 * 5', '2026-01-01T05:00:00Z', '2026-01-02T04:30:00.000Z'],
    ['0 0 29 2 *', '2026-03-01T00:00:00Z', '2028-02-29T00:00:00.000Z'],
    ['@hourly', '2026-01-01T00:00:00Z', '2026-01-01T01:00:00.000Z'],
    ['@every 90s', '2026-01-01T00:00:00Z', '2026-01-01T00:01:30.000Z'],
  ])('%s after %s', (text, from, expected) => expect(next(text, from)).toBe(expected));

  it('follows a time zone through its change of hour', () => {
    expect(next('0 8 * * *', '2026-03-28T12:00:00Z', 'Europe/Paris')).toBe('2026-03-29T06:00:00.000Z');
    expect(next('0 8 * * *', '2026-03-27T12:00:00Z', 'Europe/Paris')).toBe('2026-03-28T07:00:00.000Z');
  });

  it('has no next time for a day that never comes', () => {
    expect(next('59 23 31 2 *', '2026-01-01T00:00:00Z')).toBeUndefined();
  });

  it.each(['* * * *', '60 * * * *', '5-1 * * * *', '*/0 * * * *', 'x * * * *', '@often'])('refuses %s', (text) => {
    expect(() => parseSchedule(text)).toThrow();
  });
});
