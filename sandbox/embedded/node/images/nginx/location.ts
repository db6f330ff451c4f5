import { all, type Directive } from './configuration.ts';

export function serverMatches(pattern: string, host: string): boolean {
  if (pattern.startsWith('~')) return new RegExp(pattern.slice(1)).test(host);
  if (pattern.startsWith('*.')) return host.endsWith(pattern.slice(1));
  return pattern === host;
}

/** Exact first, then `^~`, then the first regular expression, else the longest prefix. https://nginx.org/en/docs/http/ngx_http_core_module.html#location */
export function chooseLocation(server: Directive[], path: string): Directive | undefined {
  const locations = all(server, 'location');
  const exact = locations.find(({ args }) => args[0] === '=' && args[1] === path);
  if (exact) return exact;
  const prefixes = locations.filter(
    ({ args }) => !['=', '~', '~*'].includes(args[0] ?? '') && path.startsWith(args.at(-1) ?? ''),
  );
  const longest = prefixes.sort((a, b) => (b.args.at(-1) ?? '').length - (a.args.at(-1) ?? '').length)[0];
  if (longest?.args[0] === '^~') return longest;
  return (
    locations.find(
      ({ args }) => /^~\*?$/.test(args[0] ?? '') && new RegExp(args[1] ?? '', args[0] === '~*' ? 'i' : '').test(path),
    ) ?? longest
  );
}
