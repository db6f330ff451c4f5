const units: Record<string, number> = { ns: 1, us: 1e3, µs: 1e3, ms: 1e6, s: 1e9, m: 6e10, h: 3.6e12 };

/** Nanoseconds of a duration as Go reads it. Throws in its words: `time: unknown unit "d" in duration "90d"`. https://pkg.go.dev/time#ParseDuration */
export function readDuration(text: string): number {
  const quoted = JSON.stringify(text);
  const [, sign, rest = ''] = /^([+-]?)(.*)$/s.exec(text) ?? [];
  if (rest === '0') return 0;
  if (rest === '') throw new Error(`time: invalid duration ${quoted}`);
  let sum = 0;
  let left = rest;
  while (left !== '') {
    const number = /^(\d+\.?\d*|\.\d+)/.exec(left)?.[0];
    if (number === undefined) throw new Error(`time: invalid duration ${quoted}`);
    left = left.slice(number.length);
    const unit = /^[^\d.]*/.exec(left)?.[0] ?? '';
    if (unit === '') throw new Error(`time: missing unit in duration ${quoted}`);
    const factor = units[unit];
    if (factor === undefined) throw new Error(`time: unknown unit "${unit}" in duration ${quoted}`);
    left = left.slice(unit.length);
    sum += Number(number) * factor;
  }
  return sign === '-' ? -sum : sum;
}
