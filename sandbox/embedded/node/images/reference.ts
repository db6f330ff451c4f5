/** An image reference taken apart. https://github.com/distribution/reference/blob/main/reference.go */
export interface Reference {
  /** `docker.io`, `quay.io`. */
  host: string;
  /** `library/nginx`. */
  path: string;
  tag: string;
  digest?: string;
  /** `docker.io/library/nginx:1.27`, as containerd prints it. */
  canonical: string;
  /** The repository as stand-ins name it: without `docker.io/` and `library/`. */
  short: string;
}

const PATH = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*$/;
const HOST = /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*(?::\d+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;

/** The reference, or why it is none: the text that follows `couldn't parse image name "…": `. */
export function parseReference(text: string): Reference | string {
  const [named = '', digest, ...more] = text.split('@');
  if (more.length > 0 || (digest !== undefined && !/^[a-z0-9+._-]+:[0-9a-fA-F]{32,}$/.test(digest)))
    return 'invalid reference format';
  const first = named.split('/')[0] ?? '';
  const isHost = named.includes('/') && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  const host = isHost ? first : 'docker.io';
  const rest = isHost ? named.slice(first.length + 1) : named;
  const [, path = '', tag] = /^([^:]*)(?::(.*))?$/.exec(rest) ?? [];
  const full = host === 'docker.io' && !path.includes('/') ? `library/${path}` : path;
  if (full !== full.toLowerCase()) return `invalid reference format: repository name (${full}) must be lowercase`;
  if (!HOST.test(host) || !PATH.test(full) || (tag !== undefined && !TAG.test(tag))) return 'invalid reference format';
  const reference: Reference = {
    host,
    path: full,
    tag: tag ?? 'latest',
    canonical: `${host}/${full}${tag !== undefined || !digest ? `:${tag ?? 'latest'}` : ''}${digest ? `@${digest}` : ''}`,
    short: host === 'docker.io' ? full.replace(/^library\//, '') : `${host}/${full}`,
  };
  if (digest) reference.digest = digest;
  return reference;
}

/** Whether one letter was added, left out, changed, or swapped with its neighbour (Damerau distance 1). */
export function isOneSlip(a: string, b: string): boolean {
  if (a === b || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  const [restA, restB] = [a.slice(start), b.slice(start)];
  if (restA.slice(1) === restB.slice(1) || restA.slice(1) === restB || restA === restB.slice(1)) return true;
  return restA[0] === restB[1] && restA[1] === restB[0] && restA.slice(2) === restB.slice(2);
}
