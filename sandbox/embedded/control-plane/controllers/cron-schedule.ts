/** A schedule read from its text. https://kubernetes.io/docs/concepts/workloads/controllers/cron-jobs/#schedule-syntax */
export interface Schedule {
  /** The first time after `from`; undefined when there is none within five years. */
  next(from: Date): Date | undefined;
}

interface Field {
  least: number;
  most: number;
  names?: string[];
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const fields: Field[] = [
  { least: 0, most: 59 },
  { least: 0, most: 23 },
  { least: 1, most: 31 },
  { least: 1, most: 12, names: months },
  { least: 0, most: 6, names: days },
];
const macros: Record<string, string> = {
  '@yearly': '0 0 1 1 *',
  '@annually': '0 0 1 1 *',
  '@monthly': '0 0 1 * *',
  '@weekly': '0 0 * * 0',
  '@daily': '0 0 * * *',
  '@midnight': '0 0 * * *',
  '@hourly': '0 * * * *',
};
const units: Record<string, number> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };

/** Throws an Error when the text is no schedule. `zone` is an IANA name; UTC when absent. */
export function parseSchedule(text: string, zone?: string): Schedule {
  if (text.startsWith('@every ')) return every(text);
  const macro = text.startsWith('@') ? macros[text] : text;
  if (macro === undefined) throw new Error(`unrecognized descriptor: ${text}`);
  const parts = macro.trim().split(/\s+/);
  if (parts.length !== 5) throw new Error(`expected exactly 5 fields, found ${parts.length}: [${parts.join(' ')}]`);
  const [minutes, hours, dates, monthSet, weekdays] = parts.map((part, index) => parseField(part, fields[index]!));
  const anyDate = /^[*?]/.test(parts[2]!);
  const anyWeekday = /^[*?]/.test(parts[4]!);
  const offset = offsetOf(zone);

  function dayMatches(date: Date): boolean {
    if (!monthSet!.has(date.getUTCMonth() + 1)) return false;
    const byDate = dates!.has(date.getUTCDate());
    const byWeekday = weekdays!.has(date.getUTCDay());
    // When both are given, either will do.
    return anyDate || anyWeekday ? byDate && byWeekday : byDate || byWeekday;
  }

  return {
    next(from) {
      // Wall-clock time is reckoned as if it were UTC, and turned back at the end.
      const wall = new Date(Math.floor((from.getTime() + offset(from)) / 60_000 + 1) * 60_000);
      const limit = wall.getTime() + 5 * 366 * 86_400_000;
      while (wall.getTime() < limit) {
        if (!dayMatches(wall)) wall.setUTCHours(24, 0, 0, 0);
        else if (!hours!.has(wall.getUTCHours())) wall.setUTCHours(wall.getUTCHours() + 1, 0, 0, 0);
        else if (!minutes!.has(wall.getUTCMinutes())) wall.setUTCMinutes(wall.getUTCMinutes() + 1, 0, 0);
        else {
          const guess = new Date(wall.getTime() - offset(wall));
          const exact = new Date(wall.getTime() - offset(guess));
          if (exact.getTime() > from.getTime()) return exact;
          wall.setUTCMinutes(wall.getUTCMinutes() + 1, 0, 0);
        }
      }
      return undefined;
    },
  };
}

/** A time as RFC 3339 has it in a zone: `2026-01-01T04:30:00+01:00`. */
export function zonedStamp(time: Date, zone: string | undefined): string {
  const ahead = Math.round(offsetOf(zone)(time) / 60_000);
  const wall = new Date(time.getTime() + ahead * 60_000).toISOString().replace(/\.\d+Z$/, '');
  if (ahead === 0) return `${wall}Z`;
  const two = (value: number) => String(Math.floor(value)).padStart(2, '0');
  return `${wall}${ahead < 0 ? '-' : '+'}${two(Math.abs(ahead) / 60)}:${two(Math.abs(ahead) % 60)}`;
}

function every(text: string): Schedule {
  let step = 0;
  for (const [, amount, unit] of text.slice(7).matchAll(/([\d.]+)(ms|h|m|s)/g)) step += Number(amount) * units[unit!]!;
  if (step <= 0) throw new Error(`failed to parse duration ${text}`);
  step = Math.max(1000, step - (step % 1000));
  return { next: (from) => new Date(Math.floor(from.getTime() / 1000) * 1000 + step) };
}

function parseField(text: string, field: Field): Set<number> {
  const values = new Set<number>();
  for (const part of text.split(',')) {
    const [range = '', stepText] = part.split('/');
    const step = stepText === undefined ? 1 : Number(stepText);
    const open = range === '*' || range === '?';
    const [lowText = '', highText] = open ? [String(field.least), String(field.most)] : range.split('-');
    const low = numberOf(lowText, field);
    const high = highText !== undefined ? numberOf(highText, field) : stepText !== undefined ? field.most : low;
    if (!Number.isInteger(step) || step < 1) throw new Error(`step of range should be a positive number: ${part}`);
    if (low < field.least) throw new Error(`beginning of range (${low}) below minimum (${field.least}): ${part}`);
    if (high > field.most) throw new Error(`end of range (${high}) above maximum (${field.most}): ${part}`);
    if (low > high) throw new Error(`beginning of range (${low}) beyond end of range (${high}): ${part}`);
    for (let value = low; value <= high; value += step) values.add(value);
  }
  return values;
}

function numberOf(text: string, { names, least }: Field): number {
  const named = names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + least;
  if (!/^\d+$/.test(text)) throw new Error(`failed to parse int from ${text}`);
  return Number(text);
}

/** Milliseconds the zone is ahead of UTC at a time. Throws a RangeError for a zone nobody knows. */
function offsetOf(zone: string | undefined): (time: Date) => number {
  if (!zone || zone === 'UTC' || zone === 'Etc/UTC') return () => 0;
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone: zone,
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });
  return (time) => {
    const parts = Object.fromEntries(format.formatToParts(time).map(({ type, value }) => [type, Number(value)]));
    const { year, month, day, hour, minute, second } = parts as Record<string, number>;
    return Date.UTC(year!, month! - 1, day, hour, minute, second) - Math.floor(time.getTime() / 1000) * 1000;
  };
}
