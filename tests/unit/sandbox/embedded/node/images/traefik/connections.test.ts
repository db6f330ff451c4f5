import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import { createServer } from 'node:http';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import { makeDefaultCertificate } from '../../../../../../../sandbox/embedded/node/images/traefik/server/default-certificate.ts';
import { run } from '../harness.ts';
import { type Answer, echo, ingress, openTraefik, type Rig, rules } from './rig.ts';

let rig: Rig;
const ok = ({ status }: Answer): boolean => status === 200;
const seen = (answer: Answer) => JSON.parse(answer.body);

beforeAll(async () => {
  rig = await openTraefik(['--providers.kubernetesingress', '--entrypoints.web.http.encodequerysemicolons=true']);
  await rig.backend('web', '10.244.0.10', echo('web-0'));
});
afterAll(() => rig.close());

describe('servers', () => {
  it('take turns, those that do not serve left out, those that end only for who sticks to them', async () => {
    for (const index of [1, 2, 3]) {
      const server = createServer(echo(`web-${index}`));
      await rig.network.pod(`10.244.0.1${index}`).listen(80, (socket) => server.emit('connection', socket));
    }
    const slice = (conditions: string): string => `
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-2, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 80, protocol: TCP}]
endpoints:
- {addresses: [10.244.0.11], conditions: {ready: true, serving: true}}
- {addresses: [10.244.0.12], conditions: ${conditions}}
- {addresses: [10.244.0.13], conditions: {ready: false, serving: false}}
`;
    await rig.apply(slice('{ready: true, serving: true}'));
    await rig.apply(ingress('web', 'web.test', 'web'));
    const service = await rig.client.get({ group: '', version: 'v1', resource: 'services' }, 'web', 'default');
    await rig.until({}, (answer) => ok(answer) && seen(answer).name === 'web-2');
    const names = new Map<string, number>();
    for (let index = 0; index < 9; index += 1) {
      const { name } = seen(await rig.ask({}));
      names.set(name, (names.get(name) ?? 0) + 1);
    }
    expect([...names].sort()).toEqual([
      ['web-0', 3],
      ['web-1', 3],
      ['web-2', 3],
    ]);

    const sticky = {
      'sticky.cookie': 'true',
      'sticky.cookie.name': 'lab',
      'sticky.cookie.httponly': 'true',
      'sticky.cookie.samesite': 'lax',
    };
    await rig.client.update(
      { group: '', version: 'v1', resource: 'services' },
      {
        ...service,
        metadata: {
          ...service.metadata,
          annotations: Object.fromEntries(
            Object.entries(sticky).map(([name, value]) => [`traefik.ingress.kubernetes.io/service.${name}`, value]),
          ),
        },
      },
    );
    const first = await rig.until(
      {},
      (answer) => answer.headers['set-cookie'] !== undefined && seen(answer).name === 'web-2',
    );
    const cookie = String(first.headers['set-cookie']);
    expect(cookie).toMatch(/^lab=[0-9a-f]{16}; Path=\/; HttpOnly; SameSite=Lax$/);
    const stuck = { headers: { cookie: cookie.split(';')[0]! } };
    for (let index = 0; index < 4; index += 1) expect(seen(await rig.ask(stuck)).name).toBe('web-2');
    await rig.apply(slice('{ready: false, serving: true, terminating: true}'));
    const asked: string[] = [];
    do {
      asked.length = 0;
      for (let index = 0; index < 6; index += 1) asked.push(seen(await rig.ask({})).name);
    } while (asked.includes('web-2'));
    expect(seen(await rig.ask(stuck)).name).toBe('web-2');
  });

  it('may close a kept connection: what can be asked twice is', async () => {
    const asked = new WeakSet<object>();
    await rig.backend('moody', '10.244.0.21', (request, response) => {
      if (asked.has(request.socket)) request.socket.destroy();
      else response.end('once');
      asked.add(request.socket);
    });
    await rig.apply(ingress('moody', 'moody.test', 'moody'));
    await rig.until({ host: 'moody.test' }, ok);
    for (let index = 0; index < 4; index += 1) expect((await rig.ask({ host: 'moody.test' })).body).toBe('once');
    const posts: number[] = [];
    for (let index = 0; index < 2; index += 1)
      posts.push((await rig.ask({ host: 'moody.test', method: 'POST', body: 'x' })).status);
    expect(posts).toContain(502);
  });

  it('stream both ways, and carry what becomes a WebSocket', async () => {
    const sockets = new WebSocketServer({ noServer: true });
    const server = await rig.backend('live', '10.244.0.20', (request, response) => {
      request.on('data', (chunk) => response.write(chunk));
      request.on('end', () => response.end('end'));
    });
    server.on('upgrade', (request, socket, head) =>
      sockets.handleUpgrade(request, socket, head, (opened) => {
        opened.send(`${request.headers.host} ${request.headers['x-forwarded-proto']}`);
        opened.on('message', (data) => opened.send(`echo ${data}`));
      }),
    );
    await rig.apply(ingress('live', 'live.test', 'live'));
    await rig.until({ host: 'live.test' }, ok);

    const socket = await rig.dial(8000);
    let text = '';
    const has = (wanted: string): Promise<void> =>
      new Promise((resolve) => {
        const look = (): void => void (text.includes(wanted) && resolve());
        socket.on('data', look);
        look();
      });
    socket.on('data', (chunk) => {
      text += chunk;
    });
    socket.write('POST / HTTP/1.1\r\nHost: live.test\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n');
    await has('one');
    socket.write('3\r\ntwo\r\n');
    await has('two');
    socket.write('0\r\n\r\n');
    await has('end');
    socket.destroy();

    const opened = new WebSocket('ws://live.test/', { createConnection: (() => rig.dialNow(8000)) as never });
    const messages: string[] = [];
    await new Promise<void>((resolve) => {
      opened.on('message', (data) => {
        if (messages.push(String(data)) === 1) opened.send('hello');
        else resolve();
      });
    });
    expect(messages).toEqual(['live.test ws', 'echo hello']);
    opened.terminate();
    await rig.says(
      /"GET \/ HTTP\/1\.1" 101 0 "-" "-" \d+ "default-live-live-test@kubernetes" "http:\/\/10\.244\.0\.20:80"/,
    );
  });
});

describe('certificates', () => {
  it('come by the name that is asked for, and anew without a restart', async () => {
    const subject = async (serverName: string): Promise<string | undefined> =>
      (await rig.ask({ tls: serverName })).certificate;
    const own = await makeDefaultCertificate(new Date());
    const secret = ({ cert, key }: { cert: string; key: string }): string =>
      `{apiVersion: v1, kind: Secret, metadata: {name: web-tls}, type: kubernetes.io/tls, stringData: {tls.crt: ${JSON.stringify(cert)}, tls.key: ${JSON.stringify(key)}}}`;
    // Whoever made the certificate is of no interest here: it has a name of its own, by which it is found.
    await rig.apply(secret(own));
    await rig.apply(ingress('tls', 'tls.test', 'web', '  tls: [{hosts: [tls.test], secretName: web-tls}]'));
    await rig.until({ host: 'tls.test', tls: true }, ok);
    const name = /DNS:(\S+)/.exec(new X509Certificate(own.cert).subjectAltName ?? '')?.[1] ?? '';
    const fingerprint = (asked: string): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTls(
          {
            host: '127.0.0.1',
            port: rig.network.port('10.244.0.2', 8443),
            servername: asked,
            rejectUnauthorized: false,
          },
          () => {
            resolve(socket.getPeerCertificate().fingerprint256);
            socket.destroy();
          },
        );
        socket.on('error', reject);
      });
    const printOf = (pem: string): string => new X509Certificate(pem).fingerprint256;
    expect(await fingerprint(name)).toBe(printOf(own.cert));
    expect(await fingerprint('other.test')).not.toBe(printOf(own.cert));
    expect(await subject('other.test')).toBe('TRAEFIK DEFAULT CERT');

    const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey.export({
      type: 'pkcs8',
      format: 'pem',
    });
    await rig.apply(secret({ cert: own.cert, key: String(other) }));
    await rig.says('error="unable to generate TLS certificate: tls: private key does not match public key"');
    expect(await fingerprint(name)).not.toBe(printOf(own.cert));
    await rig.apply(secret(own));
    while ((await fingerprint(name)) !== printOf(own.cert)) await new Promise((resolve) => setTimeout(resolve, 20));
  });
});

describe('the program', () => {
  it('fails by an option it does not know, as the real one does', async () => {
    const trial = async (...words: string[]) => {
      const { stdout, code } = await run(rig.container, ['traefik', ...words]);
      return [code, stdout.replaceAll(/"time":"[^"]*"/g, '"time":"NOW"').trim()];
    };
    const failed = (text: string) => [
      1,
      JSON.stringify({
        level: 'error',
        error: `command traefik error: ${text}`,
        time: 'NOW',
        message: 'Command error',
      }),
    ];
    const decoding = 'failed to decode configuration from flags: ';
    expect(await trial('--nosuch=1')).toEqual(failed(`${decoding}field not found, node: nosuch`));
    expect(await trial('--entrypoints.web.addres=:80')).toEqual(failed(`${decoding}field not found, node: addres`));
    expect(await trial('--entrypoints.web.asdefault=maybe')).toEqual(
      failed(`${decoding}strconv.ParseBool: parsing "maybe": invalid syntax`),
    );
    expect(await trial('--accesslog.bufferingsize=abc')).toEqual(
      failed(`${decoding}strconv.ParseInt: parsing "abc": invalid syntax`),
    );
    expect(await trial('--providers.providersthrottleduration=abc')).toEqual(
      failed(`${decoding}time: invalid duration "abc"`),
    );
    expect((await trial('--entrypoints.a.address=:8000', '--log.nocolor'))[1]).toMatch(
      /ERR Command error error="command traefik error: error while building entryPoint a: building listener: error opening listener: listen tcp :8000: bind: address already in use"$/,
    );
    expect((await trial('version'))[1]).toContain('Version:      3.6.7\n');
    expect(await trial('healthcheck')).toEqual([
      1,
      'Error calling healthcheck: please enable `ping` to use health check',
    ]);
    expect(await trial('healthcheck', '--ping', '--entrypoints.traefik.address=:8080')).toEqual([
      0,
      'OK: http://:8080/ping',
    ]);
  });

  it('answers what is under way before it ends', async () => {
    await rig.backend('slow', '10.244.0.30', (_, response) => {
      response.write('begun ');
      setTimeout(() => response.end('done'), 150);
    });
    await rig.apply(ingress('slow', 'slow.test', 'slow'));
    await rig.until({ host: 'slow.test' }, ok);
    const answer = rig.ask({ host: 'slow.test' });
    await rig.ask({ host: 'slow.test', path: '/again' }).catch(() => undefined);
    const last = rig.ask({ host: 'slow.test', path: '/last' });
    await new Promise((resolve) => setTimeout(resolve, 30));
    rig.container.signal(1, 'SIGTERM');
    expect((await answer).body).toBe('begun done');
    expect((await last).body).toBe('begun done');
    expect(await rig.exit).toBe(0);
    expect(rig.out()).toMatch(
      /INF I have to go\.\.\.\n.*INF Stopping server gracefully\n(?:.*\n)*.*INF Server stopped\n.*INF Shutting down\n$/,
    );
  });
});

describe('without the right', () => {
  it('to read Secrets it complains as client-go, serves nothing, and begins once it may', async () => {
    const weak = await openTraefik(
      ['--providers.kubernetesingress'],
      rules.map((rule) => ({ ...rule, resources: rule.resources.filter((name) => name !== 'secrets') })),
    );
    try {
      await weak.backend('web', '10.244.0.10', echo('web'));
      await weak.apply(ingress('web', 'web.test', 'web'));
      await weak.complains(
        /^E\d{4} \d\d:\d\d:\d\d\.\d{6} +1 reflector\.go:205\] "Failed to watch" err="failed to list \*v1\.Secret: secrets is forbidden: User \\"system:serviceaccount:default:traefik\\" cannot list resource \\"secrets\\" in API group \\"\\" at the cluster scope" logger="UnhandledError" reflector="k8s\.io\/client-go@v0\.34\.3\/tools\/cache\/reflector\.go:290" type="\*v1\.Secret"\n/m,
      );
      expect((await weak.ask({})).status).toBe(404);
      await weak.apply(
        `{apiVersion: rbac.authorization.k8s.io/v1, kind: ClusterRole, metadata: {name: traefik}, rules: ${JSON.stringify(rules)}}`,
      );
      weak.clock.skip(60_000);
      expect((await weak.until({}, ok)).status).toBe(200);
    } finally {
      await weak.close();
    }
  });
});
