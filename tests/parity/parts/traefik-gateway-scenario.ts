import type { Server } from 'node:http';
import { connect as connectTls } from 'node:tls';
import { echo, exchange, get, plain, type World } from './traefik-scenario.ts';

export interface GatewayWorld extends World {
  /** A second namespace that is watched, too. */
  other: string;
  /** As Gateways name the entry points. */
  listening: { web: number; websecure: number };
  /** Status of an object of gateway.networking.k8s.io. */
  status(resource: string, name: string, namespace: string | undefined): Promise<unknown>;
  /** Milliseconds in which nothing has to change until statuses are final. */
  quiet: number;
  /** A certificate for *.secure.test and its key, base64 of PEM. */
  certificate: { cert: string; key: string };
}

interface Place {
  address: string;
  port: number;
}

const service = (name: string, { address, port }: Place, more = '', ports = '{name: http, port: 80}'): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}${more}}
spec: {ports: [${ports}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, labels: {kubernetes.io/service-name: ${name}}${more}}
addressType: IPv4
ports: [{name: http, port: ${port}, protocol: TCP}]
endpoints: [{addresses: ["${address}"], conditions: {ready: true}}]
`;

const api = 'apiVersion: gateway.networking.k8s.io/v1';

const gateway = (name: string, listeners: string[], className = 'atelier-parity'): string => `
${api}
kind: Gateway
metadata: {name: ${name}}
spec: {gatewayClassName: ${className}, listeners: [${listeners.join(', ')}]}
`;

/** An HTTPRoute for NAME.test, unless it says otherwise. */
const route = (
  name: string,
  rules: string,
  { hosts = `[${name}.test]`, parents = '[{name: door}]', namespace = '' } = {},
): string => `
${api}
kind: HTTPRoute
metadata: {name: ${name}${namespace && `, namespace: ${namespace}`}}
spec: {parentRefs: ${parents}, hostnames: ${hosts}, rules: [${rules}]}
`;

const web = 'backendRefs: [{name: web, port: 80}]';
const rule = (more: string, backends = web): string => `{${more}${more && ', '}${backends}}`;
/** A rule that tells servers its name. */
const named = (name: string, matches: string): string =>
  rule(
    `matches: [${matches}], filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Rule, value: ${name}}]}}]`,
  );
const filter = (spec: string, matches = ''): string =>
  rule(`${matches && `matches: [${matches}], `}filters: [${spec}]`);
const redirect = (spec: string, matches = ''): string =>
  rule(
    `${matches && `matches: [${matches}], `}filters: [{type: RequestRedirect, requestRedirect: {${spec}}}]`,
    'backendRefs: []',
  );
const rewrite = (spec: string, matches = ''): string => filter(`{type: URLRewrite, urlRewrite: {${spec}}}`, matches);
const prefix = (value: string): string => `{path: {type: PathPrefix, value: ${value}}}`;

function manifests({ listening: { web: plainPort, websecure }, other }: GatewayWorld): string[] {
  const refs = (name: string, backends: string): string => route(name, rule('', `backendRefs: [${backends}]`));
  return [
    // What others name comes first, so that nobody complains meanwhile.
    '{apiVersion: v1, kind: Secret, metadata: {name: text}, stringData: {tls.crt: cert, tls.key: key}}',
    '{apiVersion: v1, kind: Service, metadata: {name: empty}, spec: {ports: [{name: http, port: 80}]}}',
    '{apiVersion: v1, kind: Service, metadata: {name: far}, spec: {type: ExternalName, externalName: example.test, ports: [{port: 80}]}}',
    `
apiVersion: gateway.networking.k8s.io/v1beta1
kind: ReferenceGrant
metadata: {name: web, namespace: ${other}}
spec:
  from: [{group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: NAMESPACE}]
  to: [{group: "", kind: Service, name: web}]
`,
    '{apiVersion: traefik.io/v1alpha1, kind: Middleware, metadata: {name: add}, spec: {addPrefix: {prefix: /more}}}',
    `
${api}
kind: GatewayClass
metadata: {name: atelier-parity}
spec: {controllerName: traefik.io/gateway-controller}
`,
    `
${api}
kind: GatewayClass
metadata: {name: atelier-parity-theirs}
spec: {controllerName: example.test/controller}
`,
    gateway('door', [
      `{name: web, port: ${plainPort}, protocol: HTTP}`,
      `{name: websecure, port: ${websecure}, protocol: HTTPS, hostname: "*.secure.test", tls: {certificateRefs: [{name: cert}]}}`,
    ]),
    gateway('open', [
      `{name: web, port: ${plainPort}, protocol: HTTP, hostname: "*.open.test", allowedRoutes: {namespaces: {from: All}}}`,
      `{name: chosen, port: ${plainPort}, protocol: HTTP, hostname: chosen.test, allowedRoutes: {namespaces: {from: Selector, selector: {matchLabels: {routes: welcome}}}}}`,
      `{name: grpc, port: ${plainPort}, protocol: HTTP, hostname: grpc.test, allowedRoutes: {kinds: [{kind: GRPCRoute}]}}`,
    ]),
    gateway('theirs', [`{name: web, port: ${plainPort}, protocol: HTTP}`], 'atelier-parity-theirs'),
    gateway('half', [
      `{name: web, port: ${plainPort}, protocol: HTTP, hostname: half.test}`,
      '{name: nowhere, port: 9, protocol: HTTP}',
      `{name: encrypted, port: ${websecure}, protocol: HTTP}`,
      `{name: tcp, port: ${plainPort}, protocol: TCP}`,
      `{name: tls, port: ${websecure}, protocol: TLS, tls: {mode: Passthrough}}`,
      `{name: odd, port: ${plainPort}, protocol: example.test/odd}`,
      `{name: nosecret, port: ${websecure}, protocol: HTTPS, hostname: a.test, tls: {certificateRefs: [{name: nosuch}]}}`,
      `{name: text, port: ${websecure}, protocol: HTTPS, hostname: b.test, tls: {certificateRefs: [{name: text}]}}`,
      `{name: notls, port: ${websecure}, protocol: HTTPS, hostname: c.test}`,
      `{name: foreign, port: ${websecure}, protocol: HTTPS, hostname: d.test, tls: {certificateRefs: [{name: cert, namespace: ${other}}]}}`,
      `{name: kinds, port: ${plainPort}, protocol: HTTP, hostname: e.test, allowedRoutes: {kinds: [{kind: HTTPRoute}, {kind: TCPRoute}]}}`,
      `{name: selector, port: ${plainPort}, protocol: HTTP, hostname: g.test, allowedRoutes: {namespaces: {from: Selector, selector: {matchExpressions: [{key: a, operator: Like}]}}}}`,
      `{name: configmap, port: ${websecure}, protocol: HTTPS, hostname: f.test, tls: {certificateRefs: [{kind: ConfigMap, name: cert}]}}`,
    ]),
    // Who goes first.
    route(
      'order',
      [
        named('all', prefix('/')),
        named('prefix', prefix('/a')),
        named('longer', prefix('/a/b')),
        named('exact', '{path: {type: Exact, value: /a/b}}'),
        named('pattern', '{path: {type: RegularExpression, value: "^/n[0-9]+$"}}'),
        named('method', '{method: POST}'),
        named('header', '{headers: [{name: X-Who, value: ada}]}'),
        named('headers', '{headers: [{name: X-Who, value: ada}, {name: X-How, type: RegularExpression, value: "^f"}]}'),
        named(
          'query',
          '{queryParams: [{name: q, value: "1"}]}, {queryParams: [{name: p, type: RegularExpression, value: "^x"}]}',
        ),
      ].join(', '),
    ),
    route('wild', named('wild', prefix('/')), { hosts: '["*.wild.test", wild.test]' }),
    route('secure', named('secure', prefix('/')), { hosts: '[a.secure.test, elsewhere.test]' }),
    // Whom listeners take.
    route('section', named('section', prefix('/')), {
      parents: '[{name: door, sectionName: websecure}]',
      hosts: '[b.secure.test]',
    }),
    route('nosection', named('nosection', prefix('/')), { parents: '[{name: door, sectionName: nosuch}]' }),
    route('port', named('port', prefix('/')), { parents: `[{name: door, port: ${plainPort}}]` }),
    route('noport', named('noport', prefix('/')), { parents: '[{name: door, port: 9}]' }),
    route('nogateway', rule(''), { parents: '[{name: nosuch}]' }),
    route('notours', rule(''), { parents: '[{name: theirs}]' }),
    route('nohost', rule(''), { parents: '[{name: open, sectionName: web}]' }),
    route('notkind', rule(''), { parents: '[{name: open, sectionName: grpc}]', hosts: '[grpc.test]' }),
    route('half', rule(''), { parents: '[{name: half, sectionName: web}]', hosts: '[half.test]' }),
    route('broken', rule(''), { parents: '[{name: half, sectionName: nosecret}]', hosts: '[a.test]' }),
    route('foreign', named('foreign', prefix('/')), {
      namespace: other,
      parents: '[{name: door, namespace: NAMESPACE}]',
    }),
    route('welcome', named('welcome', prefix('/')), {
      namespace: other,
      parents:
        '[{name: open, namespace: NAMESPACE, sectionName: web}, {name: open, namespace: NAMESPACE, sectionName: chosen}]',
      hosts: '[a.open.test, chosen.test]',
    }),
    // Where they lead.
    refs('nosuch', '{name: nosuch, port: 80}'),
    refs('wrong-port', '{name: web, port: 81}'),
    refs('kind', '{name: web, kind: Pod, port: 80}'),
    refs('group', '{name: web, kind: Thing, group: example.test}'),
    refs('borrowed', `{name: web, namespace: ${other}, port: 80}`),
    refs('forbidden', `{name: hidden, namespace: ${other}, port: 80}`),
    refs('outside', '{name: web, namespace: kube-system, port: 80}'),
    refs('split', '{name: web, port: 80, weight: 0}, {name: fallback, port: 80, weight: 7}'),
    refs('mixed', '{name: nosuch, port: 80, weight: 1}, {name: web, port: 80, weight: 0}'),
    refs('nobody', '{name: web, port: 80, weight: 0}'),
    refs('empty', '{name: empty, port: 80}'),
    refs('unready', '{name: unready, port: 80}'),
    refs('far', '{name: far, port: 80}'),
    refs('udp', '{name: odd, port: 53}'),
    refs('odd', '{name: odd, port: 80}'),
    refs('ping', '{name: ping@internal, kind: TraefikService, group: traefik.io}'),
    route('nothing', '{matches: [{path: {type: PathPrefix, value: /}}]}'),
    // What is changed on the way.
    route(
      'headers',
      rule(
        'filters: [{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X-Set, value: a}], add: [{name: X-Add, value: b}], remove: [X-Gone]}}, {type: ResponseHeaderModifier, responseHeaderModifier: {set: [{name: Content-Type, value: text/odd}], add: [{name: X-Twice, value: "3"}, {name: X-New, value: c}], remove: [Set-Cookie]}}]',
      ),
    ),
    route('to-https', redirect('scheme: https')),
    route('to-port', redirect('scheme: https, port: 8444, statusCode: 301')),
    route('to-host', redirect('hostname: new.test')),
    route('to-own-port', redirect('port: 81')),
    route('to-path', redirect('path: {type: ReplaceFullPath, replaceFullPath: /all}')),
    route(
      'to-prefix',
      redirect('scheme: http, path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}', prefix('/old')),
    ),
    route('re-host', rewrite('hostname: inner.test')),
    route('re-path', rewrite('path: {type: ReplaceFullPath, replaceFullPath: /all}')),
    route('re-prefix', rewrite('path: {type: ReplacePrefixMatch, replacePrefixMatch: /new}', prefix('/old'))),
    route('re-root', rewrite('path: {type: ReplacePrefixMatch, replacePrefixMatch: /}', prefix('/old'))),
    route('extension', filter('{type: ExtensionRef, extensionRef: {group: traefik.io, kind: Middleware, name: add}}')),
    route(
      'no-extension',
      filter('{type: ExtensionRef, extensionRef: {group: traefik.io, kind: Middleware, name: nosuch}}'),
    ),
    route('odd-extension', filter('{type: ExtensionRef, extensionRef: {group: example.test, kind: Thing, name: a}}')),
    route('mirror', filter('{type: RequestMirror, requestMirror: {backendRef: {name: web, port: 80}}}')),
  ];
}

const asks: [what: string, request: string][] = [
  ['everything', get('order.test', '/x')],
  ['a prefix', get('order.test', '/a/x?y')],
  ['the prefix itself', get('order.test', '/a')],
  ['no prefix', get('order.test', '/ab')],
  ['a longer prefix', get('order.test', '/a/b/')],
  ['exact', get('order.test', '/a/b')],
  ['a pattern', get('order.test', '/n12')],
  ['a method', get('order.test', '/x').replace('GET', 'POST')],
  ['a method below a prefix', get('order.test', '/a').replace('GET', 'POST')],
  ['a header', get('order.test', '/', 'X-Who: ada\r\n')],
  ['two headers', get('order.test', '/', 'X-Who: ada\r\nX-How: fast\r\n')],
  ['a parameter', get('order.test', '/?q=1')],
  ['another parameter', get('order.test', '/?p=xyz')],
  ['no parameter', get('order.test', '/?q=2')],
  ['no name at all', get('unknown.test', '/')],
  ['below a wildcard', get('a.wild.test', '/')],
  ['two below a wildcard', get('b.a.wild.test', '/')],
  ['the name itself', get('wild.test', '/')],
  ['TLS alone, asked without', get('b.secure.test', '/')],
  ['with TLS', get('a.secure.test', '/').replace('GET', 'TLS GET')],
  ['with TLS, by section', get('b.secure.test', '/').replace('GET', 'TLS GET')],
  ['with TLS, another name', get('elsewhere.test', '/').replace('GET', 'TLS GET')],
  ['no such section', get('nosection.test', '/')],
  ['by port', get('port.test', '/')],
  ['no such port', get('noport.test', '/')],
  ['beside listeners that are wrong', get('half.test', '/')],
  ['from elsewhere', get('foreign.test', '/')],
  ['from elsewhere, allowed', get('a.open.test', '/')],
  ['from elsewhere, chosen', get('chosen.test', '/')],
  ['no Service', get('nosuch.test', '/')],
  ['no such Service port', get('wrong-port.test', '/')],
  ['no such kind', get('kind.test', '/')],
  ['a Service elsewhere', get('borrowed.test', '/')],
  ['a Service elsewhere, not granted', get('forbidden.test', '/')],
  ['by weight', get('split.test', '/')],
  ['by weight to what is wrong', get('mixed.test', '/')],
  ['weight 0', get('nobody.test', '/')],
  ['no endpoints', get('empty.test', '/')],
  ['nobody ready', get('unready.test', '/')],
  ['no backends', get('nothing.test', '/')],
  ['an odd protocol', get('odd.test', '/')],
  ['headers', get('headers.test', '/cookies', 'X-Set: 1\r\nX-Add: 1\r\nX-Gone: 1\r\n')],
  ['to https', get('to-https.test:8880', '/x?y')],
  ['to a port', get('to-port.test', '/')],
  ['to a host', get('to-host.test:8880', '/x')],
  ['to a port alone', get('to-own-port.test', '/x')],
  ['to a path', get('to-path.test', '/x?y')],
  ['to a prefix', get('to-prefix.test', '/old/x/')],
  ['to a prefix, nothing more', get('to-prefix.test', '/old')],
  ['another host', get('re-host.test', '/x')],
  ['another path', get('re-path.test', '/x?y')],
  ['another prefix', get('re-prefix.test', '/old/x%20y?z')],
  ['another prefix, a slash', get('re-prefix.test', '/old/')],
  ['no prefix left', get('re-root.test', '/old')],
  ['no prefix left but a path', get('re-root.test', '/old/x')],
  ['a Middleware', get('extension.test', '/x')],
  ['no such Middleware', get('no-extension.test', '/x')],
  ['no such extension', get('odd-extension.test', '/x')],
  ['a mirror', get('mirror.test', '/x')],
];

/** One request over TLS, with the name it is for. */
function secured(port: number, request: string): Promise<string> {
  const servername = /^Host: (.*)$/m.exec(request)?.[1]?.trim() ?? '';
  return new Promise((resolve) => {
    const socket = connectTls({ host: '127.0.0.1', port, servername, rejectUnauthorized: false });
    let text = '';
    socket.on('secureConnect', () => socket.write(request));
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
  });
}

/** What differs from run to run out of an object: times, and the order of keys. */
function settled(value: unknown): string {
  return JSON.stringify(value, (key, inner) => {
    if (key === 'lastTransitionTime') return undefined;
    if (!inner || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** Applies everything, asks everything; answers, statuses and complaints as one text. */
export async function playGateway(world: GatewayWorld): Promise<string> {
  const servers: [string, Server][] = [
    ['web', echo('web')],
    ['fallback', echo('fallback')],
  ];
  const places = new Map<string, string>();
  const refused: string[] = [];
  try {
    for (const [name, server] of servers) {
      await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
      const place = world.place(name, (server.address() as { port: number }).port);
      places.set(`${place.address}:${place.port}`, name.toUpperCase());
      await world.apply(service(name, place));
      if (name !== 'web') continue;
      for (const one of ['web', 'hidden']) await world.apply(service(one, place, `, namespace: ${world.other}`));
      await world.apply(service('unready', place).replace('ready: true', 'ready: false'));
      const odd = '{name: http, port: 80, appProtocol: example.test/odd}, {name: dns, port: 53, protocol: UDP}';
      await world.apply(service('odd', place, '', odd));
    }
    places.set(world.other, 'OTHER').set(world.namespace, 'NAMESPACE');
    places.set(String(world.listening.web), 'WEB').set(String(world.listening.websecure), 'WEBSECURE');
    const { cert, key } = world.certificate;
    await world.apply(`
apiVersion: v1
kind: Secret
metadata: {name: cert}
type: kubernetes.io/tls
data: {tls.crt: ${cert}, tls.key: ${key}}
`);
    const texts = manifests(world).map((text) => text.replaceAll('NAMESPACE', world.namespace));
    for (const text of [...texts, route('marked', rule(''))])
      await world.apply(text).catch((error) => refused.push(String(error)));
    while (!(await exchange(world.ports.web, get('marked.test', '/'))).includes('web\nGET /')) await pause(50);
    const told = async (): Promise<string> => {
      const lines: string[] = [];
      for (const one of ['atelier-parity', 'atelier-parity-theirs'])
        lines.push(`gatewayclass ${one}`, settled(await world.status('gatewayclasses', one, undefined)));
      for (const one of ['door', 'open', 'theirs', 'half'])
        lines.push(`gateway ${one}`, settled(await world.status('gateways', one, world.namespace)));
      for (const text of texts) {
        const [, name, within] =
          /kind: HTTPRoute\nmetadata: \{name: ([\w-]+)(?:, namespace: ([\w-]+))?/.exec(text) ?? [];
        if (!name) continue;
        const status = settled(await world.status('httproutes', name, within ?? world.namespace));
        lines.push(`httproute ${name}`, status);
      }
      return lines.join('\n');
    };
    let statuses = '';
    for (let now = await told(); now !== statuses; now = await told()) {
      statuses = now;
      await pause(world.quiet);
    }
    const lines: string[] = [];
    for (const [what, request] of asks) {
      const secure = request.startsWith('TLS ');
      const answer = secure
        ? await secured(world.ports.websecure, request.slice(4))
        : await exchange(world.ports.web, request);
      const shown = request.trimEnd().split('\r\n');
      lines.push(`### ${what}`, ...shown.map((line) => `> ${line}`), plain(answer, places).trimEnd(), '');
    }
    // Several errors are told in the order of a Go map: none.
    const several = /(\d+ errors? occurred:)((?:\\n\\t\* (?:(?!\\n).)*)+)/g;
    const said = plain(world.said(), places)
      .replaceAll(several, (_, count: string, list: string) => count + list.split('\\n\\t* ').sort().join(' * '))
      .split('\n');
    const complaints = new Set(
      said.filter((line) => /^NOW (?:ERR|WRN) /.test(line) && !/encoded characters|dashboard/.test(line)),
    );
    return [
      ...lines,
      '### statuses',
      plain(statuses, places),
      '',
      '### refused',
      ...refused.map((one) => plain(one, places)),
      '',
      '### complaints',
      ...[...complaints].sort(),
      '',
    ].join('\n');
  } finally {
    for (const [, server] of servers) {
      server.closeAllConnections();
      server.close();
    }
  }
}
