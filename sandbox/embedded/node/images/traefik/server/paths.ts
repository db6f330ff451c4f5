/** Takes `.`, `..` and doubled slashes out of the path of a request, as Traefik does before rules see it. */
export function cleanPath(url: string, sanitize: boolean): string {
  if (!sanitize || !/\/(?:\.{0,2})(?:\/|\?|$)/.test(url)) return url;
  const at = url.indexOf('?');
  const path = at < 0 ? url : url.slice(0, at);
  if (!path.startsWith('/')) return url;
  const kept: string[] = [];
  const parts = path.split('/').slice(1);
  for (const part of parts) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  const last = parts.at(-1);
  const slash = kept.length > 0 && (last === '' || last === '.' || last === '..') ? '/' : '';
  return `/${kept.join('/')}${slash}${at < 0 ? '' : url.slice(at)}`;
}

/** A semicolon parts nothing in a query: Go takes it for an ampersand, unless it is to be kept. */
export function cleanQuery(url: string, encode: boolean): string {
  const at = url.indexOf('?');
  if (at < 0 || !url.includes(';', at)) return url;
  return url.slice(0, at) + url.slice(at).replaceAll(';', encode ? '%3B' : '&');
}
