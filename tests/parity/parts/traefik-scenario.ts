import { createServer, type Server } from 'node:http';
import { connect, createServer as createRawServer, type Server as RawServer } from 'node:net';
import { outward } from '../../../sandbox/embedded/node/network/network.ts';
import type { Rig } from '../../unit/sandbox/embedded/node/images/traefik/rig.ts';

/** Where a Traefik runs, ours or the real one. Objects are in the namespace `default`, as far as the texts go. */
export interface World {
  apply(text: string): Promise<void>;
  namespace: string;
  /** Where entry points listen on this machine. */
  ports: { web: number; websecure: number };
  /** Where Traefik finds a server of this machine. */
  place(name: string, port: number): { address: string; port: number };
  /** All that it has said so far. */
  said(): string;
}

/** Makes servers of this machine pods of the rig's network; port 1 is only asked for its address. */
export function behind({ network }: Rig): World['place'] {
  let known = 0;
  return (_, port) => {
    if (port === 1) return { address: '10.244.1.99', port };
    known += 1;
    const address = `10.244.1.${known}`;
    void network.pod(address).listen(port, (socket) => {
      outward('127.0.0.1', port).then(
        (there) => {
          socket.pipe(there).pipe(socket);
          there.on('close', () => socket.destroy());
        },
        () => socket.destroy(),
      );
    });
    return { address, port };
  };
}

const service = (name: string, { address, port }: { address: string; port: number }): string => `
apiVersion: v1
kind: Service
metadata: {name: ${name}}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: ${name}-1, labels: {kubernetes.io/service-name: ${name}}}
addressType: IPv4
ports: [{name: http, port: ${port}, protocol: TCP}]
endpoints: [{addresses: ["${address}"]}]
`;

const ingress = (
  name: string,
  backend: string,
  options: { annotations?: string; spec?: string; path?: string; host?: string } = {},
): string => `
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: ${name}, annotations: {${options.annotations ?? ''}}}
spec:
  ingressClassName: traefik
${options.spec ?? ''}
  rules:
  - host: "${options.host ?? `${name}.test`}"
    http: {paths: [{path: ${options.path ?? '/'}, pathType: Prefix, backend: {service: ${backend}}}]}
`;

const route = (name: string, match: string, more = '', backend = '{name: web, port: 80}'): string => `
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: ${name}}
spec:
  entryPoints: [web]
  routes:
  - kind: Rule
    match: ${JSON.stringify(match)}
    services: [${backend}]
${more}
`;

const middleware = (name: string, spec: string): string => `
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: ${name}}
spec: ${spec}
${route(`m-${name}`, `Host(\`${name}.test\`)`, `    middlewares: [{name: ${name}}]`).replace(/^/, '---\n')}`;

const first = '{name: web, port: {number: 80}}';
const annotation = 'traefik.ingress.kubernetes.io';

const manifests = [
  ingress('web', '{name: web, port: {name: http}}'),
  ingress('dead', '{name: dead, port: {number: 80}}'),
  ingress('shut', '{name: shut, port: {number: 80}}'),
  ingress('nonsense', '{name: nonsense, port: {number: 80}}'),
  ingress('nosuch', '{name: nosuch, port: {number: 80}}'),
  ingress('wrong-port', '{name: web, port: {number: 8080}}'),
  ingress('wrong-name', '{name: web, port: {name: web}}'),
  ingress('wild', first, { host: '*.wild.test' }),
  '{apiVersion: v1, kind: Service, metadata: {name: empty}, spec: {ports: [{name: http, port: 80}]}}',
  ingress('empty', '{name: empty, port: {number: 80}}'),
  '{apiVersion: v1, kind: Service, metadata: {name: far}, spec: {type: ExternalName, externalName: example.test, ports: [{port: 80}]}}',
  ingress('far', '{name: far, port: {number: 80}}'),
  '{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: fallback}, spec: {ingressClassName: traefik, defaultBackend: {service: {name: fallback, port: {number: 80}}}}}',
  ingress('no-secret', first, { spec: '  tls: [{hosts: [no-secret.test], secretName: nosecret}]' }),
  '{apiVersion: v1, kind: Secret, metadata: {name: half}, data: {tls.crt: Y2VydA==}}',
  ingress('half-secret', first, { spec: '  tls: [{secretName: half}]' }),
  '{apiVersion: v1, kind: Secret, metadata: {name: text}, stringData: {tls.crt: cert, tls.key: key}}',
  ingress('text-secret', first, { spec: '  tls: [{secretName: text}]' }),
  ingress('bad-priority', first, { annotations: `${annotation}/router.priority: abc` }),
  ingress('bad-label', first, { annotations: `${annotation}/router.nosuch: abc` }),
  ingress('bad-middleware', first, { annotations: `${annotation}/router.middlewares: default-nosuch@kubernetescrd` }),
  ingress('bad-entry', first, { annotations: `${annotation}/router.entrypoints: nosuch` }),
  ingress('only-web', first, { annotations: `${annotation}/router.entrypoints: web` }),
  ingress('with-tls', first, { annotations: `${annotation}/router.tls: "true"` }),
  ingress('bad-options', first, { annotations: `${annotation}/router.tls.options: nosuch` }),
  `{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: regexp, annotations: {${annotation}/router.pathmatcher: PathRegexp}}, spec: {ingressClassName: traefik, rules: [{host: regexp.test, http: {paths: [{path: "/a[0-9]+$", pathType: ImplementationSpecific, backend: {service: ${first}}}]}}]}}`,
  ...[
    'Hots(`a`)',
    'Host(`a`',
    'Host(`a`) && ',
    'Host()',
    'Host(``)',
    'Path(`a`)',
    'PathRegexp(`[`)',
    'Host(`a`) & Path(`/`)',
    'Header(`a`)',
    'Host(`a`,`b`)',
    'ClientIP(`x`)',
    'host',
    '',
  ].map((match, index) => route(`rule-${index}`, match)),
  route('r-nosuch', 'Host(`r-nosuch.test`)', '', '{name: nosuch, port: 80}'),
  route('r-port', 'Host(`r-port.test`)', '', '{name: web, port: 81}'),
  route('r-noport', 'Host(`r-noport.test`)', '', '{name: web}'),
  route('r-empty', 'Host(`r-empty.test`)', '', '{name: empty, port: 80}'),
  route('r-kind', 'Host(`r-kind.test`)', '', '{name: web, port: 80, kind: TraefikService}'),
  route('r-other', 'Host(`r-other.test`)', '', '{name: web, namespace: kube-system, port: 80}'),
  route('r-middleware', 'Host(`r-middleware.test`)', '    middlewares: [{name: nosuch}]'),
  route('r-foreign', 'Host(`r-foreign.test`)', '    middlewares: [{name: a, namespace: kube-system}]'),
  middleware('strip', '{stripPrefix: {prefixes: [/one, /two]}}'),
  middleware('strip-regex', '{stripPrefixRegex: {regex: ["/v[0-9]+"]}}'),
  middleware('add', '{addPrefix: {prefix: /more}}'),
  middleware('replace', '{replacePath: {path: /fixed}}'),
  middleware('replace-regex', '{replacePathRegex: {regex: "^/old/(.*)", replacement: "/new/$1"}}'),
  middleware('scheme', '{redirectScheme: {scheme: https, permanent: true}}'),
  middleware('scheme-port', '{redirectScheme: {scheme: https, port: "8443"}}'),
  middleware('redirect', '{redirectRegex: {regex: "^http://redirect.test/(.*)", replacement: "http://new.test/$1"}}'),
  '{apiVersion: v1, kind: Secret, metadata: {name: users}, stringData: {users: "ada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\\nbob:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/\\n"}}',
  middleware('auth', '{basicAuth: {secret: users}}'),
  middleware('auth-nosecret', '{basicAuth: {secret: nosuch}}'),
  middleware('allow', '{ipAllowList: {sourceRange: [10.9.0.0/16]}}'),
  middleware('allow-bad', '{ipAllowList: {sourceRange: [nonsense]}}'),
  middleware('rate', '{rateLimit: {average: 1, burst: 1, period: 1m}}'),
  middleware(
    'headers',
    '{headers: {customRequestHeaders: {X-In: a}, customResponseHeaders: {X-Out: b, X-Twice: ""}, frameDeny: true, browserXssFilter: true, stsSeconds: 60, accessControlAllowOriginList: ["https://a.test"], accessControlAllowMethods: [GET, PUT]}}',
  ),
  middleware('chain', '{chain: {middlewares: [{name: add}, {name: strip}]}}'),
  middleware('retry', '{retry: {attempts: 0}}'),
];

/** Requests as they go over the wire, each with the name of what it shows. */
const asks: [what: string, request: string][] = [
  ['the root', get('web.test', '/')],
  [
    'what the client claims',
    get(
      'web.test',
      '/a?b=c;d&e',
      'X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-Proto: https\r\nX-Real-Ip: 6.6.6.6\r\nConnection: keep-alive, X-Mine\r\nX-Mine: 1\r\nTe: trailers\r\n',
    ),
  ],
  ['a name in capitals, with a port', get('WEB.test:8880', '/')],
  ['encoded characters', get('web.test', '/a%2Fb%20c/%C3%A9?x=%20')],
  ['dots and slashes', get('web.test', '//a/./b/../c/')],
  ['HEAD', get('web.test', '/').replace('GET', 'HEAD')],
  ['OPTIONS', get('web.test', '/').replace('GET', 'OPTIONS')],
  ['POST', post('POST', 'Content-Length: 5\r\n', 'hello')],
  ['POST in chunks', post('POST', 'Transfer-Encoding: chunked\r\n', '5\r\nhello\r\n0\r\n\r\n')],
  ['DELETE with a body', post('DELETE', 'Content-Length: 5\r\n', 'hello')],
  ['no host', 'GET / HTTP/1.1\r\nConnection: close\r\n\r\n'],
  ['status 204', get('web.test', '/status/204')],
  ['status 304', get('web.test', '/status/304')],
  ['status 500', get('web.test', '/status/500')],
  ['a reason of its own', get('web.test', '/reason')],
  ['cookies, and headers twice', get('web.test', '/cookies')],
  ['a body in chunks', get('web.test', '/chunks')],
  ['nobody there', get('dead.test', '/')],
  ['hangs up', get('shut.test', '/')],
  ['no HTTP', get('nonsense.test', '/')],
  ['no Service', get('nosuch.test', '/')],
  ['no such port', get('wrong-port.test', '/')],
  ['no such port name', get('wrong-name.test', '/')],
  ['nobody ready', get('empty.test', '/')],
  ['ExternalName', get('far.test', '/')],
  ['below a wildcard', get('a.wild.test', '/')],
  ['two below a wildcard', get('b.a.wild.test', '/')],
  ['the wildcard itself', get('wild.test', '/')],
  ['unknown', get('unknown.test', '/x')],
  ['bad priority', get('bad-priority.test', '/')],
  ['bad middleware', get('bad-middleware.test', '/')],
  ['bad entry point', get('bad-entry.test', '/')],
  ['only on web', get('only-web.test', '/')],
  ['TLS without TLS', get('with-tls.test', '/')],
  ['a pattern', get('regexp.test', '/a12')],
  ['no pattern', get('regexp.test', '/a12b')],
  ['no endpoints, by IngressRoute', get('r-empty.test', '/')],
  ['strip', get('strip.test', '/one/two?a')],
  ['strip all', get('strip.test', '/two')],
  ['strip nothing', get('strip.test', '/three')],
  ['strip in the middle', get('strip.test', '/onemore')],
  ['strip by pattern', get('strip-regex.test', '/v1/x')],
  ['add', get('add.test', '/x')],
  ['replace', get('replace.test', '/x?y')],
  ['replace by pattern', get('replace-regex.test', '/old/x')],
  ['scheme', get('scheme.test', '/x?y')],
  ['scheme, POST', get('scheme.test', '/x').replace('GET', 'POST')],
  ['scheme with port', get('scheme-port.test:8000', '/x')],
  ['redirect', get('redirect.test', '/x')],
  ['no name', get('auth.test', '/')],
  ['a wrong password', get('auth.test', '/', `Authorization: Basic ${btoa('ada:wrong')}\r\n`)],
  ['a password', get('auth.test', '/', `Authorization: Basic ${btoa('ada:password')}\r\n`)],
  ['another password', get('auth.test', '/', `Authorization: Basic ${btoa('bob:test')}\r\n`)],
  ['users missing', get('auth-nosecret.test', '/')],
  ['not allowed', get('allow.test', '/')],
  ['once', get('rate.test', '/')],
  ['too often', get('rate.test', '/')],
  ['headers', get('headers.test', '/', 'Origin: https://a.test\r\n')],
  [
    'preflight',
    get('headers.test', '/', 'Origin: https://a.test\r\nAccess-Control-Request-Method: PUT\r\n').replace(
      'GET',
      'OPTIONS',
    ),
  ],
  ['a chain', get('chain.test', '/x')],
];

export function get(host: string, path: string, headers = ''): string {
  return `GET ${path} HTTP/1.1\r\nHost: ${host}\r\n${headers}${/^connection:/im.test(headers) ? '' : 'Connection: close\r\n'}\r\n`;
}

function post(method: string, headers: string, body: string): string {
  return `${method} /post HTTP/1.1\r\nHost: web.test\r\nConnection: close\r\n${headers}\r\n${body}`;
}

/** Tells what it was asked; some paths answer otherwise. */
export function echo(name: string): Server {
  return createServer((request, response) => {
    const { url = '/', method } = request;
    const status = Number(/^\/status\/(\d+)/.exec(url)?.[1] ?? 200);
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      if (url === '/reason') {
        response.writeHead(200, 'Fine By Me', { 'Content-Length': '0' }).end();
        return;
      }
      if (url === '/cookies') response.setHeader('set-cookie', ['b=1; Path=/', 'a=2']).setHeader('X-Twice', ['2', '1']);
      response.setHeader('content-type', 'text/plain');
      const headers = Object.entries({ ...request.headers, 'x-forwarded-server': 'HOST' }).map(
        ([key, value]) => `${key}: ${value}`,
      );
      const body = `${name}\n${method} ${url}\n${headers.sort().join('\n')}\n\n${Buffer.concat(chunks)}\n`;
      response.statusCode = status;
      if (status === 204 || status === 304) response.end();
      else if (url === '/chunks') {
        response.write('one\n');
        response.end('two\n');
      } else response.setHeader('content-length', Buffer.byteLength(body)).end(body);
    });
  });
}

/** One request over a connection of its own: all that comes back. */
export function exchange(port: number, request: string): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    let text = '';
    socket.setTimeout(3000, () => socket.destroy());
    socket.on('data', (chunk) => {
      text += chunk;
      if (!/^connection: *close/im.test(request) && /\r\n\r\n/.test(text)) setTimeout(() => socket.end(), 50);
    });
    socket.on('error', () => {});
    socket.on('close', () => resolve(text));
    socket.write(request);
  });
}

/** What differs from run to run, and from place to place, out of a text. */
export function plain(text: string, places: Map<string, string>): string {
  let told = text
    .replaceAll('\r\n', '\n')
    .replaceAll(/^Date: .*$/gm, 'Date: NOW')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ/g, 'NOW')
    .replaceAll(/\[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\]/g, '[NOW]')
    .replaceAll(/" \d+ ("(?:-|[^"]*@\w+)") ("[^"]*") \d+ms$/gm, '" COUNT $1 $2 TIME')
    .replaceAll(/^(Retry-After|X-Retry-In): .*$/gm, '$1: SOON');
  for (const [from, to] of places) told = told.replaceAll(from, to);
  return told;
}

/** Applies everything, asks everything; answers and complaints as one text. */
export async function play(world: World): Promise<string> {
  const raw = (answer: string | undefined): RawServer =>
    createRawServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => (answer === undefined ? socket.end() : socket.end(answer)));
    });
  const servers: [string, Server | RawServer][] = [
    ['web', echo('web')],
    ['fallback', echo('fallback')],
    ['shut', raw(undefined)],
    ['nonsense', raw('this is no HTTP\r\n\r\n')],
  ];
  const places = new Map<string, string>([[world.namespace, 'default']]);
  try {
    for (const [name, server] of servers) {
      await new Promise<void>((resolve) => server.listen(0, '0.0.0.0', resolve));
      const place = world.place(name, (server.address() as { port: number }).port);
      places.set(`${place.address}:${place.port}`, name.toUpperCase());
      await world.apply(service(name, place));
    }
    const nobody = { address: world.place('web', 1).address, port: 9 };
    places.set(`${nobody.address}:${nobody.port}`, 'DEAD');
    await world.apply(service('dead', nobody));
    for (const manifest of manifests)
      await world.apply(manifest).catch((error) => places.set(`refused ${manifest}`, String(error)));
    for (const [name, mark] of [
      ['marked', ingress('marked', first)],
      ['r-marked', route('r-marked', 'Host(`r-marked.test`)')],
    ] as const) {
      await world.apply(mark);
      while (!(await exchange(world.ports.web, get(`${name}.test`, '/'))).includes('\nweb\n'.slice(1)))
        await new Promise((resolve) => setTimeout(resolve, 50));
    }
    const before = world.said().length;
    const lines: string[] = [];
    for (const [what, request] of asks) {
      const answer = await exchange(world.ports.web, request);
      lines.push(
        `### ${what}`,
        ...request
          .trimEnd()
          .split('\r\n')
          .map((line) => `> ${line}`),
        plain(answer, places).trimEnd(),
        '',
      );
    }
    const accesses = (): string[] =>
      plain(world.said().slice(before), places)
        .split('\n')
        .filter((line) => / - .* \[NOW\] "/.test(line) && !line.includes('marked'));
    await exchange(world.ports.web, get('web.test', '/end'));
    // Lines are written behind answers: one each, but for the request without a host.
    while (accesses().length < asks.length) await new Promise((resolve) => setTimeout(resolve, 20));
    const said = plain(world.said(), places).split('\n');
    const complaints = new Set(
      said.filter(
        (line) => /^NOW (?:ERR|WRN) /.test(line) && !line.includes('encoded characters') && !line.includes('dashboard'),
      ),
    );
    return [...lines, '### complaints', ...[...complaints].sort(), '', '### access log', ...accesses().sort(), ''].join(
      '\n',
    );
  } finally {
    for (const [, server] of servers) {
      if ('closeAllConnections' in server) server.closeAllConnections();
      server.close();
    }
  }
}
