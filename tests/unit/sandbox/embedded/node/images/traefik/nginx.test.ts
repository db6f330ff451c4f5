import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Answer, echo, ingress, openTraefik, type Rig } from './rig.ts';

let rig: Rig;
const seen = (answer: Answer) => JSON.parse(answer.body);
const ok = ({ status }: Answer): boolean => status === 200;
const nginx = (name: string, annotations: string, more = '', path = '/'): string =>
  ingress(name, `${name}.test`, 'web', more)
    .replace('ingressClassName: traefik', 'ingressClassName: nginx')
    .replace(`{name: ${name}}`, `{name: ${name}, annotations: {${annotations}}}`)
    .replace('path: /,', `path: ${path},`);
const at = 'nginx.ingress.kubernetes.io';

beforeAll(async () => {
  rig = await openTraefik(['--providers.kubernetesingress', '--providers.kubernetesingressnginx']);
  await rig.backend('web', '10.244.0.10', echo('web'));
  await rig.apply(
    '{apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: {name: nginx}, spec: {controller: k8s.io/ingress-nginx}}',
  );
});
afterAll(() => rig.close());

it('Ingresses of ingress-nginx are served where that provider is on, a prefix by parts of the path', async () => {
  await rig.apply(nginx('parts', '', '', '/api'));
  await rig.until({ host: 'parts.test', path: '/api/x' }, ok);
  expect((await rig.ask({ host: 'parts.test', path: '/api' })).status).toBe(200);
  expect((await rig.ask({ host: 'parts.test', path: '/apiary' })).status).toBe(404);
  await rig.apply(nginx('missing', '').replace('name: web', 'name: nosuch'));
  await rig.says(
    'ERR Cannot create service error="getting backend addresses: getting service: service \\"nosuch\\" not found" ingress=missing',
  );
});

it('knows the annotations that the real one knows', async () => {
  await rig.apply(nginx('force', `${at}/force-ssl-redirect: "true"`));
  const forced = await rig.until({ host: 'force.test', path: '/x' }, ({ status }) => status !== 404);
  expect([forced.status, forced.headers.location]).toEqual([308, 'https://force.test/x']);

  await rig.apply(
    '{apiVersion: v1, kind: Secret, metadata: {name: t}, type: Opaque, stringData: {tls.crt: a, tls.key: b}}',
  );
  await rig.apply(nginx('tls', '', '  tls: [{hosts: [tls.test], secretName: t}]'));
  await rig.apply(nginx('both', `${at}/ssl-redirect: "false"`, '  tls: [{hosts: [both.test], secretName: t}]'));
  expect((await rig.until({ host: 'tls.test' }, ({ status }) => status !== 404)).status).toBe(308);
  await rig.until({ host: 'tls.test', tls: true }, ok);
  await rig.until({ host: 'both.test' }, ok);

  await rig.apply(
    nginx('regex', `${at}/use-regex: "true"`, '', '"/v[0-9]+"').replace('Prefix', 'ImplementationSpecific'),
  );
  await rig.until({ host: 'regex.test', path: '/v12/x' }, ok);
  expect((await rig.ask({ host: 'regex.test', path: '/vx' })).status).toBe(404);

  await rig.apply(nginx('sticky', `${at}/affinity: cookie, ${at}/session-cookie-name: route`));
  const sticky = await rig.until({ host: 'sticky.test' }, ok);
  expect(String(sticky.headers['set-cookie'])).toMatch(/^route=[0-9a-f]{16}; Path=\/; HttpOnly$/);

  await rig.apply(nginx('cors', `${at}/enable-cors: "true", ${at}/rewrite-target: /elsewhere`));
  const cors = await rig.until({ host: 'cors.test', path: '/y', headers: { origin: 'https://a.test' } }, ok);
  expect(cors.headers['access-control-allow-origin']).toBe('*');
  // Traefik 3.6 does not know rewrite-target.
  expect(seen(cors).url).toBe('/y');
});
