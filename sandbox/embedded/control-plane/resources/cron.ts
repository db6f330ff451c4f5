interface Bounds {
  low: number;
  high: number;
  names: string[];
}

const bounds: Bounds[] = [
  { low: 0, high: 59, names: [] },
  { low: 0, high: 23, names: [] },
  { low: 1, high: 31, names: [] },
  { low: 1, high: 12, names: ['', 'jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'] },
  { low: 0, high: 6, names: ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'] },
];
const descriptors = ['@yearly', '@annually', '@monthly', '@weekly', '@daily', '@midnight', '@hourly'];

/** What the real parser says of a schedule it cannot read; undefined when it can. */
export function cronFault(schedule: string): string | undefined {
  const text = schedule.replace(/^(CRON_)?TZ=\S+\s*/, '');
  if (descriptors.includes(text)) return undefined;
  if (text.startsWith('@every ')) {
    const duration = text.slice(7);
    if (/^[+-]?(\d+(\.\d*)?(ns|us|µs|ms|s|m|h))+$/.test(duration)) return undefined;
    return `failed to parse duration ${text}: time: invalid duration ${JSON.stringify(duration)}`;
  }
  if (text.startsWith('@')) return `unrecognized descriptor: ${text}`;
  const fields = text.split(/\s+/).filter(Boolean);
  if (fields.length !== 5) return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`;
  for (const [index, field] of fields.entries()) {
    for (const range of field.split(',').filter(Boolean)) {
      const fault = rangeFault(range, bounds[index]!);
      if (fault) return fault;
    }
  }
  return undefined;
}

function rangeFault(range: string, { low, high, names }: Bounds): string | undefined {
  const [ends = '', step, ...more] = range.split('/');
  const [first = '', second, ...others] = ends.split('-');
  let [start, end] = [low, high];
  if (first !== '*' && first !== '?') {
    const from = number(first, names);
    if (typeof from === 'string') return from;
    const to = second === undefined ? from : number(second, names);
    if (others.length > 0) return `too many hyphens: ${range}`;
    if (typeof to === 'string') return to;
    [start, end] = [from, to];
  }
  let every = 1;
  if (step !== undefined) {
    if (more.length > 0) return `too many slashes: ${range}`;
    const value = number(step, []);
    if (typeof value === 'string') return value;
    every = value;
    if (second === undefined) end = high;
  }
  if (start < low) return `beginning of range (${start}) below minimum (${low}): ${range}`;
  if (end > high) return `end of range (${end}) above maximum (${high}): ${range}`;
  if (start > end) return `beginning of range (${start}) beyond end of range (${end}): ${range}`;
  return every === 0 ? `step of range should be a positive number: ${range}` : undefined;
}

/** The number, or why there is none. */
function number(text: string, names: string[]): number | string {
  const named = text ? names.indexOf(text.toLowerCase()) : -1;
  if (named >= 0) return named;
  if (!/^[+-]?\d+$/.test(text))
    return `failed to parse int from ${text}: strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`;
  return Number(text) < 0 ? `negative number (${Number(text)}) not allowed: ${text}` : Number(text);
}
