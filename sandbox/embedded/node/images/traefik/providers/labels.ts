import type { Loose } from '../../../../../../kubernetes/object.ts';

const prefix = 'traefik.ingress.kubernetes.io/';

type Kind = 'text' | 'flag' | 'number' | 'list' | 'any';
interface Shape {
  [name: string]: Kind | Shape;
}

const observability: Shape = { accesslogs: 'flag', metrics: 'flag', tracing: 'flag', traceverbosity: 'text' };
const sticky: Shape = {
  cookie: {
    name: 'text',
    secure: 'flag',
    httponly: 'flag',
    samesite: 'text',
    maxage: 'number',
    path: 'text',
    domain: 'text',
  },
};

/** What annotations of an Ingress may say. https://doc.traefik.io/traefik/routing/providers/kubernetes-ingress/#annotations */
const routerShape: Shape = {
  pathmatcher: 'text',
  entrypoints: 'list',
  middlewares: 'list',
  priority: 'number',
  rulesyntax: 'text',
  tls: { options: 'text', certresolver: 'text', domains: 'any' },
  observability,
};

/** The same of a Service. */
const serviceShape: Shape = {
  serversscheme: 'text',
  serverstransport: 'text',
  passhostheader: 'flag',
  sticky,
  nativelb: 'flag',
  nodeportlb: 'flag',
};

export interface RouterLabels {
  pathmatcher?: string;
  entrypoints?: string[];
  middlewares?: string[];
  priority?: number;
  tls?: { options?: string };
  observability?: { accesslogs?: boolean };
}

export interface ServiceLabels {
  serversscheme?: string;
  serverstransport?: string;
  passhostheader?: boolean;
  sticky?: { cookie?: Loose };
  nativelb?: boolean;
  nodeportlb?: boolean;
}

/** Throws what Traefik says of annotations it cannot read. */
export const routerLabels = (annotations: Record<string, string> | undefined): RouterLabels =>
  read(annotations, 'router', routerShape);
export const serviceLabels = (annotations: Record<string, string> | undefined): ServiceLabels =>
  read(annotations, 'service', serviceShape);

function read(annotations: Record<string, string> | undefined, root: string, shape: Shape): Loose {
  const told: Loose = {};
  // Alphabetical, so that of two mistakes always the same is told.
  for (const [name, value] of Object.entries(annotations ?? {}).sort()) {
    if (!name.startsWith(`${prefix}${root}.`)) continue;
    const path = name
      .slice(prefix.length + root.length + 1)
      .replaceAll(/\.(\d+)\./g, '[$1].')
      .split('.');
    let at = told;
    let known: Kind | Shape = shape;
    for (const [index, part] of path.entries()) {
      const plain = part.toLowerCase().replace(/\[\d+\]$/, '');
      const next: Kind | Shape | undefined =
        known === 'any' ? 'any' : typeof known === 'string' ? undefined : known[plain];
      if (next === undefined) throw new Error(`field not found, node: ${part}`);
      known = next;
      if (index === path.length - 1) {
        if (typeof known === 'string') at[plain] = convert(known, value);
        // `router.tls: "true"` turns all of it on.
        else if (value !== 'false') at[plain] ??= {};
      } else {
        at[plain] ??= {};
        at = at[plain];
      }
    }
  }
  return told;
}

function convert(kind: Kind, value: string): Loose {
  if (kind === 'flag') {
    if (!/^(?:1|t|T|TRUE|true|True|0|f|F|FALSE|false|False)$/.test(value))
      throw new Error(`strconv.ParseBool: parsing ${JSON.stringify(value)}: invalid syntax`);
    return /^[1tT]/.test(value);
  }
  if (kind === 'number') {
    if (!/^[+-]?\d+$/.test(value))
      throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
    return Number(value);
  }
  if (kind === 'list')
    return value
      .split(',')
      .map((one) => one.trim())
      .filter(Boolean);
  return value;
}
