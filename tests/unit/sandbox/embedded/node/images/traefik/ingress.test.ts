import { connect as connectHttp2 } from 'node:http2';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Answer, echo, ingress, openTraefik, type Rig } from './rig.ts';

let rig: Rig;
const named = ({ body }: Answer): string => JSON.parse(body).name;
const ok = ({ status }: Answer): boolean => status === 200;

beforeAll(async () => {
  rig = await openTraefik([
    '--providers.kubernetesingress',
    '--providers.kubernetesingress.allowemptyservices=true',
    '--providers.kubernetesingress.ingressendpoint.ip=127.64.0.9',
  ]);
  await rig.backend('web', '10.244.0.10', echo('web'));
  await rig.backend('api', '10.244.0.11', echo('api'));
});
afterAll(() => rig.close());

describe('an Ingress', () => {
  it('leads a host to a Service, and nothing else anywhere', async () => {
    await rig.apply(ingress('web', 'web.test', 'web'));
    const answer = await rig.until(
      { path: '/a?b=1', headers: { 'X-Forwarded-For': '6.6.6.6', Connection: 'close' } },
      ok,
    );
    expect(JSON.parse(answer.body)).toMatchObject({
      name: 'web',
      url: '/a?b=1',
      headers: {
        host: 'web.test',
        'x-forwarded-for': '127.0.0.1',
        'x-forwarded-host': 'web.test',
        'x-forwarded-port': '80',
        'x-forwarded-proto': 'http',
        'x-forwarded-server': 'traefik-0',
        'x-real-ip': '127.0.0.1',
      },
    });
    const missing = await rig.ask({ host: 'other.test' });
    expect([missing.status, missing.body]).toEqual([404, '404 page not found\n']);
    expect(missing.raw.filter((_, index) => index % 2 === 0)).toEqual([
      'Content-Type',
      'X-Content-Type-Options',
      'Date',
      'Content-Length',
      'Connection',
    ]);
    expect((await rig.ask({ host: 'WEB.TEST:8880' })).status).toBe(200);
    await rig.says(
      /127\.0\.0\.1 - - \[\d\d\/\w{3}\/\d{4}:\d\d:\d\d:\d\d \+0000\] "GET \/a\?b=1 HTTP\/1\.1" 200 \d+ "-" "-" \d+ "default-web-web-test@kubernetes" "http:\/\/10\.244\.0\.10:80" \d+ms\n/,
    );
    await rig.says(/"GET \/ HTTP\/1\.1" 404 19 "-" "-" \d+ "-" "-" \d+ms\n/);
  });

  it('is told its address', async () => {
    await rig.says('INF Updated ingress status ingress=web namespace=default');
    const object = await rig.client.get(
      { group: 'networking.k8s.io', version: 'v1', resource: 'ingresses' },
      'web',
      'default',
    );
    expect(object.status).toEqual({ loadBalancer: { ingress: [{ ip: '127.64.0.9' }] } });
  });

  it('goes by the longest rule, an exact path before a prefix only where it is longer', async () => {
    await rig.apply(`
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: {name: paths}
spec:
  ingressClassName: traefik
  rules:
  - host: paths.test
    http:
      paths:
      - {path: /, pathType: Prefix, backend: {service: {name: web, port: {name: http}}}}
      - {path: /api, pathType: Prefix, backend: {service: {name: api, port: {number: 80}}}}
      - {path: /only, pathType: Exact, backend: {service: {name: api, port: {number: 80}}}}
      - {path: /only-this, pathType: Exact, backend: {service: {name: api, port: {number: 80}}}}
  - host: "*.wild.test"
    http: {paths: [{path: /, pathType: Prefix, backend: {service: {name: api, port: {number: 80}}}}]}
`);
    const at = (host: string, path: string) =>
      rig.ask({ host, path }).then((answer) => (ok(answer) ? named(answer) : answer.status));
    await rig.until({ host: 'paths.test', path: '/api/x' }, (answer) => ok(answer) && named(answer) === 'api');
    expect(await at('paths.test', '/')).toBe('web');
    // Traefik compares characters, not parts of a path.
    expect(await at('paths.test', '/apiary')).toBe('api');
    // Path(`/only`) is a shorter rule than PathPrefix(`/`).
    expect(await at('paths.test', '/only')).toBe('web');
    expect(await at('paths.test', '/only-this')).toBe('api');
    expect(await at('paths.test', '/only-this/')).toBe('web');
    expect(await at('paths.test', '//x/../api')).toBe('api');
    expect(await at('a.wild.test', '/')).toBe('api');
    expect(await at('wild.test', '/')).toBe(404);
    expect(await at('b.a.wild.test', '/')).toBe(404);
  });

  it('of another class, or of none, is somebody else’s', async () => {
    await rig.apply(ingress('none', 'none.test', 'web').replace('  ingressClassName: traefik\n', ''));
    await rig.apply(
      ingress('other', 'other-class.test', 'web').replace('ingressClassName: traefik', 'ingressClassName: nginx'),
    );
    const annotated = ingress('legacy', 'legacy.test', 'web').replace('  ingressClassName: traefik\n', '');
    await rig.apply(
      annotated.replace('{name: legacy}', '{name: legacy, annotations: {kubernetes.io/ingress.class: traefik}}'),
    );
    await rig.until({ host: 'legacy.test' }, ok);
    // Without an option that names one, an Ingress without a class is taken, as the real one does.
    expect((await rig.ask({ host: 'none.test' })).status).toBe(200);
    expect((await rig.ask({ host: 'other-class.test' })).status).toBe(404);
  });
});

describe('what is wrong', () => {
  it('is told in the log, and answered', async () => {
    await rig.apply(`
apiVersion: v1
kind: Service
metadata: {name: empty}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: far}
spec: {type: ExternalName, externalName: example.test, ports: [{port: 80}]}
---
apiVersion: v1
kind: Service
metadata: {name: dead}
spec: {ports: [{name: http, port: 80}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: dead-1, labels: {kubernetes.io/service-name: dead}}
addressType: IPv4
ports: [{name: http, port: 81, protocol: TCP}]
endpoints: [{addresses: [10.244.0.12]}]
`);
    for (const name of ['nosuch', 'empty', 'far', 'dead']) await rig.apply(ingress(`to-${name}`, `${name}.test`, name));
    await rig.apply(ingress('port', 'port.test', 'web').replace('number: 80', 'number: 8080'));
    const about = 'namespace=default providerName=kubernetes';
    await rig.says(
      `ERR Cannot create service error="service not found" ingress=to-nosuch ${about} serviceName=nosuch servicePort=&ServiceBackendPort{Name:,Number:80,}\n`,
    );
    await rig.says(
      `ERR Cannot create service error="service port not found" ingress=port ${about} serviceName=web servicePort=&ServiceBackendPort{Name:,Number:8080,}\n`,
    );
    await rig.says(
      `ERR Cannot create service error="externalName services not allowed: default/far" ingress=to-far ${about}`,
    );
    const dead = await rig.until({ host: 'dead.test' }, ({ status }) => status !== 404);
    expect([dead.status, dead.body, dead.headers['content-type']]).toEqual([502, 'Bad Gateway', undefined]);
    const empty = await rig.until({ host: 'empty.test' }, ({ status }) => status !== 404);
    expect([empty.status, empty.body]).toEqual([503, 'no available server\n']);
    expect((await rig.ask({ host: 'nosuch.test' })).status).toBe(404);
    expect((await rig.ask({ host: 'far.test' })).status).toBe(404);
    await rig.says(
      /"GET \/ HTTP\/1\.1" 502 11 "-" "-" \d+ "default-to-dead-dead-test@kubernetes" "http:\/\/10\.244\.0\.12:81" \d+ms/,
    );
  });
});

describe('TLS', () => {
  it('shows Traefik’s own certificate where there is no other, and speaks HTTP/2', async () => {
    const answer = await rig.until({ tls: true }, ok);
    expect(answer.certificate).toBe('TRAEFIK DEFAULT CERT');
    expect(JSON.parse(answer.body).headers).toMatchObject({ 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' });
    const socket = connectTls({
      port: rig.network.port('10.244.0.2', 8443),
      host: '127.0.0.1',
      servername: 'web.test',
      ALPNProtocols: ['h2', 'http/1.1'],
      rejectUnauthorized: false,
    });
    const session = connectHttp2('https://web.test', { createConnection: () => socket });
    const stream = session.request({ ':path': '/two', ':method': 'POST', ':authority': 'web.test' });
    stream.end('hello');
    const [headers, body] = await new Promise<[Record<string, unknown>, string]>((resolve) => {
      let head: Record<string, unknown> = {};
      let text = '';
      stream.on('response', (told) => {
        head = told;
      });
      stream.on('data', (chunk) => {
        text += chunk;
      });
      stream.on('end', () => resolve([head, text]));
    });
    session.destroy();
    expect(headers[':status']).toBe(200);
    expect(JSON.parse(body)).toMatchObject({
      method: 'POST',
      url: '/two',
      body: 'hello',
      headers: { host: 'web.test' },
    });
    await rig.says(/"POST \/two HTTP\/2\.0" 200 \d+ "-" "-" \d+ "websecure-default-web-web-test@kubernetes"/);
  });

  it('names the Secret that is missing', async () => {
    await rig.apply(
      ingress('no-secret', 'nosecret.test', 'web', '  tls: [{hosts: [nosecret.test], secretName: nosecret}]'),
    );
    await rig.says(
      'ERR Error configuring TLS error="secret default/nosecret does not exist" ingress=no-secret namespace=default providerName=kubernetes\n',
    );
    await rig.apply('{apiVersion: v1, kind: Secret, metadata: {name: nosecret}, data: {tls.crt: ""}}');
    await rig.says('error="secret default/nosecret is missing the following TLS data entries: tls.key"');
    expect((await rig.ask({ host: 'nosecret.test', tls: true })).certificate).toBe('TRAEFIK DEFAULT CERT');
  });
});
