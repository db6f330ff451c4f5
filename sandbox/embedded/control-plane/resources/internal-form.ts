import { type InternalField, loadInternal } from '../../../../kubernetes/facts.ts';
import type { Loose } from '../../../../kubernetes/object.ts';

/** An object of the API as the server itself holds and prints it: Go's names, every field, null for what is absent. */
export function internalForm(value: Loose, struct: string): Loose {
  const source = struct === 'PodSpec' ? gathered(value) : value;
  const byName = new Map(Object.entries<Loose>(source ?? {}).map(([key, inner]) => [key.toLowerCase(), inner]));
  const out: Loose = {};
  for (const field of loadInternal().get(struct) ?? []) {
    if (field.form !== 'inline') out[field.name] = formOf(byName.get(field.name.toLowerCase()), field);
    else if (field.type === 'metav1.ObjectMeta') Object.assign(out, sortedMaps(source?.metadata));
    else Object.assign(out, internalForm(source, field.type));
  }
  return out;
}

/** Go writes maps by their keys. */
function sortedMaps(metadata: Loose): Loose {
  const out: Loose = { ...metadata };
  for (const name of ['labels', 'annotations'])
    if (out[name]) out[name] = Object.fromEntries(Object.entries(out[name]).sort(([a], [b]) => (a < b ? -1 : 1)));
  return out;
}

/** What a pod shares with its node stands in the server's security context. */
function gathered({ hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers, ...spec }: Loose): Loose {
  const shared = { hostNetwork, hostPID, hostIPC, shareProcessNamespace, hostUsers };
  return { ...spec, securityContext: { ...spec.securityContext, ...shared } };
}

const zeroes: Record<string, Loose> = { string: '', number: 0, bool: false, quantity: '0' };

function formOf(value: Loose, { type, form }: InternalField): Loose {
  const one = (inner: Loose) => (loadInternal().has(type) ? internalForm(inner ?? {}, type) : inner);
  if (value === undefined || value === null) {
    if (form !== 'value') return null;
    return type in zeroes ? zeroes[type] : loadInternal().has(type) ? one({}) : null;
  }
  if (form === 'list') return value.map(one);
  if (form !== 'map') return one(value);
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, one(value[key])]));
}

/** What differs, as a unified diff of both written out, three lines around each change. */
export function difference(old: Loose, now: Loose): string {
  const before = JSON.stringify(old, null, 1).split('\n');
  const after = JSON.stringify(now, null, 1).split('\n');
  const steps = compare(before, after);
  const changed = steps.flatMap(({ sign }, index) => (sign === ' ' ? [] : [index]));
  const hunks: [number, number][] = [];
  for (const index of changed) {
    const last = hunks.at(-1);
    if (last && index - last[1] <= 6) last[1] = index;
    else hunks.push([index, index]);
  }
  return hunks
    .map(([first, last]) => hunkText(steps, Math.max(0, first - 3), Math.min(steps.length - 1, last + 3)))
    .join('');
}

interface Step {
  sign: ' ' | '-' | '+';
  line: string;
  /** Lines of each side before this one. */
  before: number;
  after: number;
}

function hunkText(steps: Step[], first: number, last: number): string {
  const part = steps.slice(first, last + 1);
  const count = (sign: '-' | '+') => part.filter((step) => step.sign === ' ' || step.sign === sign).length;
  const { before, after } = part[0]!;
  const head = `@@ -${before + 1},${count('-')} +${after + 1},${count('+')} @@`;
  return [head, ...part.map(({ sign, line }) => sign + line), ''].join('\n');
}

/** The longest common run of lines, what went before what came. */
function compare(before: string[], after: string[]): Step[] {
  const lengths = before.map(() => new Uint16Array(after.length + 1));
  lengths.push(new Uint16Array(after.length + 1));
  for (let b = before.length - 1; b >= 0; b--)
    for (let a = after.length - 1; a >= 0; a--)
      lengths[b]![a] =
        before[b] === after[a] ? lengths[b + 1]![a + 1]! + 1 : Math.max(lengths[b + 1]![a]!, lengths[b]![a + 1]!);
  const steps: Step[] = [];
  for (let b = 0, a = 0; b < before.length || a < after.length; ) {
    const place = { before: b, after: a };
    if (b < before.length && before[b] === after[a]) {
      steps.push({ sign: ' ', line: before[b]!, ...place });
      b++;
      a++;
    } else if (b < before.length && (a >= after.length || lengths[b + 1]![a]! >= lengths[b]![a + 1]!)) {
      steps.push({ sign: '-', line: before[b++]!, ...place });
    } else steps.push({ sign: '+', line: after[a++]!, ...place });
  }
  return steps;
}
