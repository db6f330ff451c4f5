import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, type Ask, echo, ingress, openTraefik, type Rig } from './rig.ts';

let rig: Rig;
const seen = (answer: Answer) => JSON.parse(answer.body);
const ok = ({ status }: Answer): boolean => status === 200;

const route = (name: string, match: string, more = '', service = '{name: web, port: 80}'): string => `
apiVersion: traefik.io/v1alpha1
kind: IngressRoute
metadata: {name: ${name}}
spec:
  entryPoints: [web]
  routes:
  - kind: Rule
    match: ${match}
    services: [${service}]
${more}
`;
const middleware = (name: string, spec: string): string => `
apiVersion: traefik.io/v1alpha1
kind: Middleware
metadata: {name: ${name}}
spec: ${spec}
`;

/** A route with one middleware, by host. */
async function through(name: string, spec: string, ask: Ask = {}): Promise<Answer> {
  await rig.apply(middleware(name, spec));
  await rig.apply(route(name, `Host(\`${name}.test\`)`, `    middlewares: [{name: ${name}}]`));
  return rig.until({ host: `${name}.test`, ...ask }, ({ status }) => status !== 404);
}

beforeAll(async () => {
  rig = await openTraefik(['--providers.kubernetescrd', '--providers.kubernetesingress'], undefined, true);
  await rig.backend('web', '10.244.0.10', echo('web'));
  await rig.backend('api', '10.244.0.11', echo('api'));
});
afterAll(() => rig.close());

describe('an IngressRoute', () => {
  it('goes by its rule: all matchers, joined, turned round, and by priority', async () => {
    await rig.apply(
      route(
        'rules',
        'Host(`rules.test`) && (PathRegexp(`^/[a-z]+/\\d+$`) || Header(`X-Kind`, `b`)) && !Method(`DELETE`) && !Query(`skip`, `yes`)',
      ),
    );
    await rig.apply(
      route('first', 'Host(`rules.test`) && PathPrefix(`/pri`)', '    priority: 1000', '{name: api, port: http}'),
    );
    const at = async (ask: Ask): Promise<string | number> => {
      const answer = await rig.ask({ host: 'rules.test', ...ask });
      return ok(answer) ? seen(answer).name : answer.status;
    };
    await rig.until({ host: 'rules.test', path: '/ab/1' }, ok);
    await rig.until({ host: 'rules.test', path: '/pri/1' }, (answer) => ok(answer) && seen(answer).name === 'api');
    expect(await at({ path: '/ab/c' })).toBe(404);
    expect(await at({ path: '/ab/c', headers: { 'x-kind': 'b' } })).toBe('web');
    expect(await at({ path: '/ab/1', method: 'DELETE' })).toBe(404);
    expect(await at({ path: '/ab/1?skip=yes' })).toBe(404);
    expect(await at({ path: '/ab/1?skip=no' })).toBe('web');
  });

  it('says what is wrong with it', async () => {
    await rig.apply(route('bad-rule', 'Hots(`x.test`)'));
    await rig.says(
      'ERR error="error while parsing rule Hots(`x.test`): parsing rule Hots(`x.test`): unsupported function: Hots" entryPointName=web routerName=default-bad-rule-',
    );
    await rig.apply(route('bad-service', 'Host(`x.test`)', '', '{name: nosuch, port: 80}'));
    await rig.says(
      'ERR error="kubernetes service not found: default/nosuch" ingress=bad-service namespace=default providerName=kubernetescrd',
    );
    await rig.apply(route('bad-port', 'Host(`x.test`)', '', '{name: web, port: 81}'));
    await rig.says(
      'ERR error="service port not found: 81" ingress=bad-port namespace=default providerName=kubernetescrd',
    );
    await rig.apply(route('bad-middleware', 'Host(`y.test`)', '    middlewares: [{name: nosuch}]'));
    await rig.says(
      /ERR error="middleware \\"default-nosuch@kubernetescrd\\" does not exist" entryPointName=web routerName=default-bad-middleware-\w+@kubernetescrd/,
    );
    await rig.apply(route('bad-entry', 'Host(`z.test`)').replace('[web]', '[nosuch]'));
    await rig.says(/ERR EntryPoint doesn't exist entryPointName=nosuch routerName=default-bad-entry-/);
  });

  it('shares requests out by weight', async () => {
    await rig.apply(
      route(
        'weights',
        'Host(`weights.test`)',
        '',
        '{name: web, port: 80, weight: 3}, {name: api, port: 80, weight: 1}',
      ),
    );
    await rig.until({ host: 'weights.test' }, ok);
    const names: string[] = [];
    for (let index = 0; index < 8; index += 1) names.push(seen(await rig.ask({ host: 'weights.test' })).name);
    expect(names.filter((name) => name === 'web')).toHaveLength(6);
  });
});

describe('middlewares', () => {
  it('change the path', async () => {
    const stripped = seen(await through('strip', '{stripPrefix: {prefixes: [/one]}}', { path: '/one/two?a=b' }));
    expect([stripped.url, stripped.headers['x-forwarded-prefix']]).toEqual(['/two?a=b', '/one']);
    expect(seen(await through('add', '{addPrefix: {prefix: /more}}', { path: '/x' })).url).toBe('/more/x');
    expect(seen(await through('path', '{replacePath: {path: /fixed}}', { path: '/x?q' })).url).toBe('/fixed?q');
    const regex = seen(
      await through('regex', '{replacePathRegex: {regex: "^/old/(.*)", replacement: "/new/$1"}}', { path: '/old/y' }),
    );
    expect([regex.url, regex.headers['x-replaced-path']]).toEqual(['/new/y', '/old/y']);
  });

  it('redirect', async () => {
    const scheme = await through('scheme', '{redirectScheme: {scheme: https, permanent: true}}', { path: '/p?q=1' });
    expect([scheme.status, scheme.headers.location, scheme.body]).toEqual([
      301,
      'https://scheme.test/p?q=1',
      'Moved Permanently',
    ]);
    expect((await rig.ask({ host: 'scheme.test', method: 'POST' })).status).toBe(308);
    const regex = await through(
      'redirect',
      '{redirectRegex: {regex: "^http://redirect.test/(.*)", replacement: "http://new.test/$1"}}',
      { path: '/a' },
    );
    expect([regex.status, regex.headers.location]).toEqual([302, 'http://new.test/a']);
  });

  it('ask who it is', async () => {
    await rig.apply(
      `{apiVersion: v1, kind: Secret, metadata: {name: users}, stringData: {users: "ada:{SHA}W6ph5Mm5Pz8GgiULbPgzG37mj9g=\\nbob:$apr1$H6uskkkW$IgXLP6ewTrSuBkTrqE8wj/\\n"}}`,
    );
    const refused = await through('auth', '{basicAuth: {secret: users, realm: lab, removeHeader: true}}');
    expect([refused.status, refused.body, refused.headers['www-authenticate']]).toEqual([
      401,
      '401 Unauthorized\n',
      'Basic realm="lab"',
    ]);
    const as = (user: string) =>
      rig.ask({ host: 'auth.test', headers: { authorization: `Basic ${Buffer.from(user).toString('base64')}` } });
    expect((await as('ada:wrong')).status).toBe(401);
    expect(seen(await as('ada:password')).headers.authorization).toBeUndefined();
    expect((await as('bob:test')).status).toBe(200);
  });

  it('limit who, and how often', async () => {
    const refused = await through('allow', '{ipAllowList: {sourceRange: [10.0.0.0/8]}}');
    expect([refused.status, refused.body]).toEqual([403, 'Forbidden']);
    await through('rate', '{rateLimit: {average: 1, burst: 2, period: 1m}}', { method: 'GET' });
    const more = [await rig.ask({ host: 'rate.test' }), await rig.ask({ host: 'rate.test' })];
    expect(more.map(({ status }) => status)).toEqual([200, 429]);
    expect([more[1]!.body, Number(more[1]!.headers['retry-after']) > 50]).toEqual(['Too Many Requests', true]);
    rig.clock.skip(60_000);
    expect((await rig.ask({ host: 'rate.test' })).status).toBe(200);
  });

  it('change headers, and answer a preflight', async () => {
    const answer = await through(
      'headers',
      '{headers: {customRequestHeaders: {X-In: a}, customResponseHeaders: {X-Out: b, Content-Type: ""}, frameDeny: true, accessControlAllowOriginList: ["https://a.test"], accessControlAllowMethods: [GET, PUT]}}',
      { headers: { origin: 'https://a.test' } },
    );
    expect(seen(answer).headers['x-in']).toBe('a');
    expect(answer.headers).toMatchObject({
      'x-out': 'b',
      'x-frame-options': 'DENY',
      'access-control-allow-origin': 'https://a.test',
    });
    expect(answer.headers['content-type']).toBeUndefined();
    const preflight = await rig.ask({
      host: 'headers.test',
      method: 'OPTIONS',
      headers: { origin: 'https://a.test', 'access-control-request-method': 'PUT' },
    });
    expect([preflight.status, preflight.headers['access-control-allow-methods']]).toEqual([200, 'GET,PUT']);
  });

  it('stand in a chain, and before an Ingress by its annotation', async () => {
    await rig.apply(middleware('a', '{addPrefix: {prefix: /a}}'));
    await rig.apply(middleware('b', '{addPrefix: {prefix: /b}}'));
    expect(seen(await through('both', '{chain: {middlewares: [{name: a}, {name: b}]}}', { path: '/x' })).url).toBe(
      '/b/a/x',
    );
    await rig.apply(
      ingress('annotated', 'annotated.test', 'web').replace(
        '{name: annotated}',
        '{name: annotated, annotations: {traefik.ingress.kubernetes.io/router.middlewares: default-a@kubernetescrd, traefik.ingress.kubernetes.io/router.entrypoints: web}}',
      ),
    );
    expect(seen(await rig.until({ host: 'annotated.test', path: '/y' }, ok)).url).toBe('/a/y');
  });

  it('try the next server where one cannot be reached', async () => {
    await rig.apply(`
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: api-2, labels: {kubernetes.io/service-name: api}}
addressType: IPv4
ports: [{name: http, port: 80, protocol: TCP}]
endpoints: [{addresses: [10.244.0.99]}]
`);
    await rig.apply(middleware('retry', '{retry: {attempts: 2}}'));
    await rig.apply(route('retry', 'Host(`retry.test`)', '    middlewares: [{name: retry}]', '{name: api, port: 80}'));
    await rig.apply(route('once', 'Host(`once.test`)', '', '{name: api, port: 80}'));
    await rig.until({ host: 'retry.test' }, ok);
    await rig.until({ host: 'once.test' }, ({ status }) => status === 502);
    const statuses = new Set<number>();
    for (let index = 0; index < 4; index += 1)
      statuses.add((await rig.ask({ host: 'retry.test', method: 'POST', body: 'x' })).status);
    expect([...statuses]).toEqual([200]);
  });
});
