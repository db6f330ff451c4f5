import { once } from 'node:events';
import { connect as connectHttp2 } from 'node:http2';
import { type AddressInfo, createServer } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { WebSocket, WebSocketServer } from 'ws';
import {
  createFrontDoor,
  type FrontDoor,
} from '../../../../../../../sandbox/embedded/node/network/front-door/front-door.ts';
import { ingress, openTraefik, type Rig } from '../../images/traefik/rig.ts';

// The whole way from a browser's side: front door, controller, app.

let traefik: Rig;
let door: FrontDoor;
const ports = { http: 0, https: 0 };
const host = 'live.ada.localhost';

beforeAll(async () => {
  traefik = await openTraefik(['--providers.kubernetesingress']);
  const sockets = new WebSocketServer({ noServer: true });
  const server = await traefik.backend('live', '10.244.0.20', (request, response) =>
    response.end(`${request.headers.host} ${request.headers['x-forwarded-proto']}`),
  );
  server.on('upgrade', (request, socket, head) =>
    sockets.handleUpgrade(request, socket, head, (opened) => {
      opened.on('message', (data) => opened.send(`${request.headers['x-forwarded-proto']} ${data}`));
    }),
  );
  await traefik.apply(ingress('live', host, 'live'));
  await traefik.until({ host }, ({ status }) => status === 200);
  door = createFrontDoor({ clock: traefik.clock });
  door.expect('ada', 'ada.localhost');
  const service = {
    metadata: { name: 'traefik', namespace: 'default' },
    spec: { ports: [{ port: 80 }, { port: 443 }] },
  };
  door.ready('ada', {
    zone: {
      domain: 'ada.localhost',
      lookup: (name) => ({
        status: 'NOERROR',
        authoritative: true,
        answers: [{ name, type: 'A', ttl: 60, data: '127.64.0.1' }],
        authority: [],
        additional: [],
      }),
    },
    services: { at: () => [service as never], isNode: () => false },
    network: { has: () => true, connect: (_, port) => traefik.dial(port === 80 ? 8000 : 8443) },
  });
  for (const scheme of ['http', 'https'] as const) {
    const listener = createServer();
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    ports[scheme] = (listener.address() as AddressInfo).port;
    door.serve(scheme, listener);
  }
}, 30_000);
afterAll(async () => {
  await door.close();
  await traefik.close();
});

test.each([
  ['ws', 'http'],
  ['wss', 'https'],
] as const)('%s passes through both, and knows by which way it came', async (scheme, port) => {
  const socket = new WebSocket(`${scheme}://${host}:${ports[port]}/`, {
    // As browsers do for *.localhost, whatever the system's resolver says.
    lookup: (_, options, done) =>
      options.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4),
    rejectUnauthorized: false,
  });
  await once(socket, 'open');
  socket.send('hello');
  const [answer] = await once(socket, 'message');
  // Traefik says of a WebSocket what it is.
  expect(String(answer)).toMatch(new RegExp(`^(${scheme}|${port}) hello$`));
  socket.close();
  await once(socket, 'close');
});

test('HTTP/2 is spoken with the controller itself', async () => {
  const session = connectHttp2(`https://127.0.0.1:${ports.https}`, { servername: host, rejectUnauthorized: false });
  const stream = session.request({ ':path': '/', ':authority': host });
  const answer = text(stream);
  const [headers] = await once(stream, 'response');
  expect(headers[':status']).toBe(200);
  expect(await answer).toBe(`${host} https`);
  session.close();
});
