const BOUNDS: [number, number, string[]][] = [
  [0, 59, []],
  [0, 23, []],
  [1, 31, []],
  [1, 12, ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']],
  [0, 6, ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']],
];

const DESCRIPTORS = /^@(yearly|annually|monthly|weekly|daily|midnight|hourly|every .+)$/;

/** Why a text is no schedule, as the library of the real one words it: https://pkg.go.dev/github.com/robfig/cron/v3 */
export function cronFault(cron: string, timezone = ''): string | undefined {
  const why =
    timezone && !isTimeZone(timezone)
      ? `provided bad location ${timezone}: unknown time zone ${timezone}`
      : faultOf(cron);
  return why && `failed to parse cron spec '${cron}': ${why}`;
}

export function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

function faultOf(cron: string): string | undefined {
  if (cron.startsWith('@')) return DESCRIPTORS.test(cron) ? undefined : `unrecognized descriptor: ${cron}`;
  const fields = cron.split(/\s+/).filter(Boolean);
  if (fields.length !== 5) return `expected exactly 5 fields, found ${fields.length}: [${fields.join(' ')}]`;
  for (const [at, field] of fields.entries())
    for (const range of field.split(',')) {
      const why = rangeFault(range, BOUNDS[at]!);
      if (why) return why;
    }
  return undefined;
}

function rangeFault(text: string, [least, most, names]: [number, number, string[]]): string | undefined {
  const [range = '', step, ...more] = text.split('/');
  const [from = '', to = from, ...rest] = range.split('-');
  if (more.length > 0) return `too many slashes: ${text}`;
  if (rest.length > 0) return `too many hyphens: ${text}`;
  const numbers: number[] = [];
  const any = range === '*' || range === '?';
  for (const one of [...(any ? [] : [from, to]), ...(step === undefined ? [] : [step])]) {
    const named = names.indexOf(one.toLowerCase());
    if (named === -1 && !/^\d+$/.test(one))
      return `failed to parse int from ${one}: strconv.Atoi: parsing ${JSON.stringify(one)}: invalid syntax`;
    numbers.push(named === -1 ? Number(one) : named + least);
  }
  const [first, last] = any ? [least, most] : [numbers[0]!, numbers[1]!];
  if (first < least) return `beginning of range (${first}) below minimum (${least}): ${text}`;
  if (last > most) return `end of range (${last}) above maximum (${most}): ${text}`;
  if (first > last) return `beginning of range (${first}) beyond end of range (${last}): ${text}`;
  return step !== undefined && numbers.at(-1) === 0 ? `step of range should be a positive number: ${text}` : undefined;
}
