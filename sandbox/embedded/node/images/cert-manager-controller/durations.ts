const units: Record<string, number> = { ns: 1e-6, us: 1e-3, µs: 1e-3, ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of what Go's time.ParseDuration reads: `2160h`, `1h30m`. Throws in its words. */
export function parseDuration(text: string): number {
  const quoted = JSON.stringify(text);
  const [, sign = '', rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') return 0;
  if (rest === '') throw new Error(`time: invalid duration ${quoted}`);
  let sum = 0;
  let left = rest;
  while (left !== '') {
    const [whole, number] = /^(\d+\.?\d*|\.\d+)/.exec(left) ?? [];
    if (whole === undefined) throw new Error(`time: invalid duration ${quoted}`);
    left = left.slice(whole.length);
    const unit = /^[^\d.]+/.exec(left)?.[0] ?? '';
    if (unit === '') throw new Error(`time: missing unit in duration ${quoted}`);
    const factor = units[unit];
    if (factor === undefined) throw new Error(`time: unknown unit ${JSON.stringify(unit)} in duration ${quoted}`);
    left = left.slice(unit.length);
    sum += Number(number) * factor;
  }
  return sign === '-' ? -sum : sum;
}

/** As Go prints a duration: `2160h0m0s`, `1.5s`. */
export function formatDuration(milliseconds: number): string {
  if (milliseconds === 0) return '0s';
  const sign = milliseconds < 0 ? '-' : '';
  const all = Math.abs(milliseconds);
  if (all < 1) return `${sign}${all * 1000}µs`;
  if (all < 1000) return `${sign}${all}ms`;
  const hours = Math.floor(all / 3_600_000);
  const minutes = Math.floor(all / 60_000) % 60;
  const seconds = Number(((all % 60_000) / 1000).toFixed(9));
  if (hours > 0) return `${sign}${hours}h${minutes}m${seconds}s`;
  return minutes > 0 ? `${sign}${minutes}m${seconds}s` : `${sign}${seconds}s`;
}

/** As metav1.Time is written: the second is enough. */
export const stamp = (date: Date): string => date.toISOString().replace(/\.\d+Z$/, 'Z');

/** As metav1.Time prints itself in messages: `2026-11-21 07:22:37 +0000 UTC`. */
export const tellTime = (text: string | undefined): string =>
  text ? `${text.replace('T', ' ').replace(/Z$/, '')} +0000 UTC` : 'nil';
