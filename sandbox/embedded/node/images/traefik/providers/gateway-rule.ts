import type { Loose } from '../../../../../../kubernetes/object.ts';

interface Part {
  rule: string;
  priority: number;
}

const everything = { type: 'PathPrefix', value: '/' };

/**
 * A match of an HTTPRoute as a rule of Traefik's, and how much it goes before others: exact paths, then the longest
 * prefix, a method, most headers, most query parameters, as the Gateway API wants it.
 * https://gateway-api.sigs.k8s.io/reference/spec/#httprouterule
 */
export function matchRule(hostnames: string[], { path, method, headers, queryParams }: Loose): Part {
  const parts: Part[] = [
    ...hostRule(hostnames),
    pathRule(path ?? everything),
    ...(method ? [{ rule: `Method(\`${method}\`)`, priority: 1000 }] : []),
    ...pairs('Header', headers, 100),
    ...pairs('Query', queryParams, 10),
  ];
  return {
    rule: parts.map(({ rule }) => rule).join(' && '),
    priority: parts.reduce((sum, { priority }) => sum + priority, 0),
  };
}

function pairs(matcher: string, wanted: Loose[] | undefined, priority: number): Part[] {
  return (wanted ?? []).map(({ type, name, value }) => ({
    rule: `${matcher}${type === 'RegularExpression' ? 'Regexp' : ''}(\`${name}\`,\`${value}\`)`,
    priority,
  }));
}

function pathRule({ type = 'PathPrefix', value = '/' }: Loose): Part {
  const priority = 10_000 + value.length * 100;
  if (type === 'Exact') return { rule: `Path(\`${value}\`)`, priority: 100_000 };
  if (type === 'RegularExpression') return { rule: `PathRegexp(\`${value}\`)`, priority };
  if (type !== 'PathPrefix' || value === '/') return { rule: 'PathPrefix(`/`)', priority: 1 };
  const whole = value.replace(/\/$/, '');
  return { rule: `(Path(\`${whole}\`) || PathPrefix(\`${whole}/\`))`, priority };
}

function hostRule(hostnames: string[]): Part[] {
  if (hostnames.length === 0) return [];
  const rules = hostnames.map((host) => {
    if (!host.includes('*')) return `Host(\`${host}\`)`;
    const pattern = host.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`);
    return `HostRegexp(\`^${pattern.replace(String.raw`\*\.`, String.raw`[a-z0-9-\.]+\.`)}$\`)`;
  });
  const priority = Math.max(...hostnames.map(({ length }) => length));
  return [{ rule: rules.length === 1 ? rules[0]! : `(${rules.join(' || ')})`, priority }];
}

/** The names of a route that a listener is for; undefined where they share none. Empty: any. */
export function sharedHostnames(listener: string | undefined, route: string[]): string[] | undefined {
  if (listener === undefined) return route;
  if (route.length === 0) return [listener];
  const shared = route.flatMap((one) => narrower(listener, one) ?? narrower(one, listener) ?? []);
  return shared.length > 0 ? shared : undefined;
}

/** `*.a` and `b.a` share `b.a`; `*.a` and `a` share nothing. */
function narrower(wide: string, other: string): string | undefined {
  if (wide === other) return wide;
  if (!wide.startsWith('*.')) return undefined;
  const below = wide.slice(1);
  if (other === below || !other.endsWith(below)) return undefined;
  const stars = (name: string): number => name.split('*').length;
  return stars(wide) > stars(other) ? other : wide;
}
