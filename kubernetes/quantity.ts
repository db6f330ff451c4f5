/**
 * Quantities as Kubernetes reads and writes them: `100m`, `1.5Gi`, `2e3`.
 * https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
 */
export interface Quantity {
  /** In units of 10⁻⁹; finer values are rounded away from zero. */
  nano: bigint;
  format: 'DecimalSI' | 'BinarySI' | 'DecimalExponent';
}

const giga = 1_000_000_000n;
const pattern = /^([+-]?)(\d*)(?:\.(\d*))?([A-Za-z]*)([+-]?\d*)$/;
const decimal = ['n', 'u', 'm', '', 'k', 'M', 'G', 'T', 'P', 'E'];
const binary = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
/** 2⁶³-1: what a binary quantity is capped at. */
const most = (2n ** 63n - 1n) * giga;

const quantityMessage = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
const suffixMessage = "unable to parse quantity's suffix";

/** Throws an Error with the sentence of the real server. */
export function parseQuantity(text: string): Quantity {
  const match = pattern.exec(text);
  const [, sign, whole = '', fraction = '', letters = '', exponent = ''] = match ?? [];
  if (!match || whole + fraction === '') throw new Error(quantityMessage);
  const suffix = letters + exponent;
  let format: Quantity['format'] = 'DecimalSI';
  let scale = 1n;
  let power = -fraction.length;
  if (binary.indexOf(suffix) > 0) {
    format = 'BinarySI';
    scale = 2n ** BigInt(10 * binary.indexOf(suffix));
  } else if (decimal.includes(suffix)) {
    power += 3 * (decimal.indexOf(suffix) - 3);
  } else if (/^[eE][+-]?\d+$/.test(suffix)) {
    format = 'DecimalExponent';
    power += Number(suffix.slice(1));
  } else {
    throw new Error(/^[eEinumkKMGTP]*[-+]?\d*$/.test(suffix) ? suffixMessage : quantityMessage);
  }
  // Past these a number is beyond every cap, or rounds to one nano.
  power = Math.max(-400, Math.min(400, power)) + 9;
  const digits = BigInt(whole + fraction) * scale;
  const divisor = 10n ** BigInt(Math.max(0, -power));
  let nano = (digits * 10n ** BigInt(Math.max(0, power)) + divisor - 1n) / divisor;
  if (format === 'BinarySI' && nano > most) nano = most;
  if (format === 'BinarySI' && nano < giga && nano > 0n) format = 'DecimalSI';
  return { nano: sign === '-' ? -nano : nano, format };
}

/** The canonical text: the largest suffix that leaves no fraction. */
export function formatQuantity({ nano, format }: Quantity): string {
  if (nano === 0n) return '0';
  const whole = nano % giga === 0n;
  const small = nano > -1024n * giga && nano < 1024n * giga;
  if (format === 'BinarySI' && !small && whole) {
    let value = nano / giga;
    let step = 0;
    while (value % 1024n === 0n && step < binary.length - 1) {
      value /= 1024n;
      step++;
    }
    return `${value}${binary[step]}`;
  }
  let value = nano;
  let step = 0;
  while (value % 1000n === 0n && (format === 'DecimalExponent' || step < decimal.length - 1)) {
    value /= 1000n;
    step++;
  }
  if (format !== 'DecimalExponent') return `${value}${decimal[step]}`;
  return step === 3 ? `${value}` : `${value}e${3 * (step - 3)}`;
}

/** `1000m` → `1`; what cannot be parsed throws as {@link parseQuantity}. Numbers are what YAML made of a bare `1`. */
export function canonicalQuantity(value: string | number): string {
  return formatQuantity(parseQuantity(String(value)));
}

/** Negative, zero or positive, as `a` is less than, equal to or more than `b`. */
export function compareQuantities(a: Quantity | string, b: Quantity | string): number {
  const difference = quantity(a).nano - quantity(b).nano;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/** The sum keeps the format of `a`, unless that is zero. */
export function addQuantities(a: Quantity | string, b: Quantity | string): Quantity {
  const [left, right] = [quantity(a), quantity(b)];
  return { nano: left.nano + right.nano, format: left.nano === 0n ? right.format : left.format };
}

export function subtractQuantities(a: Quantity | string, b: Quantity | string): Quantity {
  const right = quantity(b);
  return addQuantities(a, { ...right, nano: -right.nano });
}

/** In units, fractions rounded up: bytes of memory. */
export function quantityValue(value: Quantity | string): number {
  return Number(up(quantity(value).nano, giga));
}

/** In thousandths, finer ones rounded up: millicores. */
export function quantityMilli(value: Quantity | string): number {
  return Number(up(quantity(value).nano, 1_000_000n));
}

const quantity = (value: Quantity | string): Quantity => (typeof value === 'string' ? parseQuantity(value) : value);

/** Rounds away from zero, as Go's ScaledValue. */
function up(value: bigint, unit: bigint): bigint {
  const quotient = value / unit;
  if (value % unit === 0n) return quotient;
  return value > 0n ? quotient + 1n : quotient - 1n;
}
