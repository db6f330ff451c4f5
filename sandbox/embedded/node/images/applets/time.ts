import { absolutePath } from '../file-system/paths.ts';
import { applet, parseOptions, UsageError } from './options.ts';

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** `5`, `1.5`, `2m`: seconds. */
export function parseDuration(text: string): number {
  const [, number, unit = 's'] = /^(\d+(?:\.\d*)?|\.\d+)([smhd]?)$/.exec(text) ?? [];
  if (number === undefined) throw new UsageError(`invalid number '${text}'`);
  return Number(number) * (UNITS[unit || 's'] ?? 1);
}

export const sleep = applet(async ({ process, args }) => {
  if (args.length === 0) throw new UsageError('missing operand');
  if (args.includes('infinity')) {
    await new Promise((_, reject) => process.killed.addEventListener('abort', () => reject(process.killed.reason)));
  }
  const seconds = args.reduce((sum, word) => sum + parseDuration(word), 0);
  await process.sleep(seconds * 1000);
  return 0;
});

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];
const MONTHS = 'January February March April May June July August September October November December'.split(' ');

/** strftime(3), in UTC: containers have no other zone. */
export function formatDate(format: string, date: Date): string {
  const two = (number: number) => String(number).padStart(2, '0');
  const day = DAYS[date.getUTCDay()] as string;
  const month = MONTHS[date.getUTCMonth()] as string;
  const yearStart = Date.UTC(date.getUTCFullYear(), 0, 1);
  const parts: Record<string, () => string> = {
    '%': () => '%',
    n: () => '\n',
    t: () => '\t',
    Y: () => String(date.getUTCFullYear()),
    y: () => two(date.getUTCFullYear() % 100),
    C: () => two(Math.floor(date.getUTCFullYear() / 100)),
    m: () => two(date.getUTCMonth() + 1),
    d: () => two(date.getUTCDate()),
    e: () => String(date.getUTCDate()).padStart(2),
    H: () => two(date.getUTCHours()),
    I: () => two(date.getUTCHours() % 12 || 12),
    M: () => two(date.getUTCMinutes()),
    S: () => two(date.getUTCSeconds()),
    N: () => `${String(date.getUTCMilliseconds()).padStart(3, '0')}000000`,
    p: () => (date.getUTCHours() < 12 ? 'AM' : 'PM'),
    s: () => String(Math.floor(date.getTime() / 1000)),
    a: () => day.slice(0, 3),
    A: () => day,
    b: () => month.slice(0, 3),
    h: () => month.slice(0, 3),
    B: () => month,
    j: () => String(Math.floor((date.getTime() - yearStart) / 86_400_000) + 1).padStart(3, '0'),
    u: () => String(date.getUTCDay() || 7),
    w: () => String(date.getUTCDay()),
    z: () => '+0000',
    Z: () => 'UTC',
    F: () => formatDate('%Y-%m-%d', date),
    T: () => formatDate('%H:%M:%S', date),
    R: () => formatDate('%H:%M', date),
    D: () => formatDate('%m/%d/%y', date),
    c: () => formatDate('%a %b %e %H:%M:%S %Y', date),
  };
  return format.replace(/%[-_]?([%a-zA-Z])/g, (whole, letter: string) => {
    const text = parts[letter]?.() ?? whole;
    return whole[1] === '-' ? text.replace(/^[0 ](?=.)/, '') : text;
  });
}

export const date = applet(async ({ process, args, print, complain }) => {
  const isoAttached = args.find((word) => /^-I\w+$/.test(word));
  const { flags, values, rest } = parseOptions(
    args.filter((word) => word !== isoAttached),
    'uRId:r:s:D:',
    { long: { utc: 'u', 'rfc-2822': 'R', date: 'd' } },
  );
  let time = process.container.clock.now();
  const given = values.get('d');
  if (values.has('s')) {
    await complain("can't set date: Operation not permitted");
    return 1;
  }
  if (given !== undefined) {
    const parsed = /^@\d+$/.test(given)
      ? Number(given.slice(1)) * 1000
      : Date.parse(
          /[zZ]|[+-]\d\d:?\d\d$/.test(given) ? given : `${given.replace(' ', 'T')}${given.length > 10 ? 'Z' : ''}`,
        );
    if (Number.isNaN(parsed)) throw new UsageError(`invalid date '${given}'`);
    time = new Date(parsed);
  }
  const file = values.get('r');
  if (file !== undefined) time = process.fs.stat(absolutePath(file, process.cwd)).modified;
  let format = '%a %b %e %H:%M:%S %Z %Y';
  if (flags.has('R')) format = '%a, %d %b %Y %H:%M:%S +0000';
  if (flags.has('I')) format = '%F';
  if (isoAttached)
    format = isoAttached.startsWith('-Is') ? '%FT%T+00:00' : isoAttached.startsWith('-Im') ? '%FT%R+00:00' : '%F';
  if (rest[0]?.startsWith('+')) format = rest[0].slice(1);
  else if (rest[0] !== undefined) {
    await complain(`invalid date '${rest[0]}'`);
    return 1;
  }
  await print(`${formatDate(format, time)}\n`);
  return 0;
});
