/** `--key=value`, `--key value` and `--key` as pflag reads them; a key given several times has all its values. */
export function readFlags(args: string[], switches: string[] = []): Map<string, string[]> {
  const flags = new Map<string, string[]>();
  for (let at = 0; at < args.length; at += 1) {
    const [, name, value] = /^--?([^=]+)(?:=(.*))?$/s.exec(args[at] ?? '') ?? [];
    if (name === undefined) continue;
    const next = args[at + 1];
    const separate = value === undefined && !switches.includes(name) && next !== undefined && !next.startsWith('-');
    if (separate) at += 1;
    flags.set(name, [...(flags.get(name) ?? []), value ?? (separate ? next : 'true')]);
  }
  return flags;
}

/** The last value of a flag. */
export const flagOf = (flags: Map<string, string[]>, name: string, fallback: string): string =>
  flags.get(name)?.at(-1) ?? fallback;
