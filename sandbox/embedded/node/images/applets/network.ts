import type { Duplex } from 'node:stream';
import { absolutePath } from '../file-system/paths.ts';
import { answer, listenHttp, send } from '../http/server.ts';
import { type AppletCall, applet, parseOptions, UsageError } from './options.ts';

/** Bytes both ways until one side ends. */
async function relay(call: AppletCall, socket: Duplex): Promise<void> {
  const { process } = call;
  const close = () => socket.destroy();
  process.killed.addEventListener('abort', close, { once: true });
  const incoming = (async () => {
    for await (const chunk of socket as AsyncIterable<Buffer>) await process.stdout.write(chunk);
  })();
  const outgoing = (async () => {
    for await (const data of process.stdin)
      if (!socket.write(data)) await new Promise((resolve) => socket.once('drain', resolve));
    socket.end();
  })();
  outgoing.catch(() => undefined);
  await incoming.catch(() => undefined);
  process.killed.removeEventListener('abort', close);
}

async function dial(call: AppletCall, host: string, port: number, seconds?: number): Promise<Duplex> {
  const { network, clock } = call.process.container;
  const connecting = network.connect(host, port);
  if (seconds === undefined) return connecting;
  return new Promise((resolve, reject) => {
    const timer = clock.after(seconds * 1000, () => reject(Object.assign(new Error(), { code: 'ETIMEDOUT' })));
    connecting.then(resolve, reject).finally(() => timer.cancel());
  });
}

export const nc = applet(async (call) => {
  const { flags, values, rest } = parseOptions(call.args, 'lkvznup:w:i:e:q:s:');
  const { process } = call;
  if (flags.has('l')) {
    const port = Number(values.get('p') ?? rest.at(-1));
    if (!port) throw new UsageError('bad port');
    do {
      let close: (() => void) | undefined;
      const socket = await new Promise<Duplex>((resolve, reject) => {
        process.container.network.listen(port, resolve).then(
          (listening) => {
            close = () => listening.close();
          },
          () => reject(new UsageError('bind: Address already in use')),
        );
        process.killed.addEventListener('abort', () => {
          close?.();
          reject(process.killed.reason);
        });
      });
      close?.();
      await relay(call, socket);
    } while (flags.has('k'));
    return 0;
  }
  const [host, port] = rest;
  if (host === undefined || port === undefined) throw new UsageError('missing host or port');
  try {
    const socket = await dial(call, host, Number(port), values.has('w') ? Number(values.get('w')) : undefined);
    if (flags.has('v')) await process.stderr.write(`${host} (${host}:${port}) open\n`);
    if (flags.has('z')) socket.destroy();
    else await relay(call, socket);
    return 0;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') throw new UsageError(`bad address '${host}'`);
    if (code === 'ECONNREFUSED') {
      if (flags.has('z') && !flags.has('v')) return 1;
      throw new UsageError(`${host} (${host}:${port}): Connection refused`);
    }
    if (code === 'ETIMEDOUT') throw new UsageError(`${host} (${host}:${port}): Connection timed out`);
    throw error;
  }
});

export const telnet = applet(async (call) => {
  const [host, port = '23'] = call.args;
  if (host === undefined) throw new UsageError('missing host');
  try {
    const socket = await dial(call, host, Number(port));
    await call.print(`Connected to ${host}\r\n`);
    await relay(call, socket);
    await call.process.stderr.write('Connection closed by foreign host\r\n');
    return 1;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') throw new UsageError(`bad address '${host}'`);
    if (code === 'ECONNREFUSED') throw new UsageError(`can't connect to remote host (${host}): Connection refused`);
    if (code === 'ETIMEDOUT') throw new UsageError(`can't connect to remote host (${host}): Connection timed out`);
    throw error;
  }
});

export const ping = applet(async (call) => {
  const { values, rest } = parseOptions(call.args, 'c:i:w:W:s:q46');
  const [host] = rest;
  if (host === undefined) throw new UsageError('missing host');
  let address = host;
  if (!/^[\d.]+$/.test(host)) {
    const found = await call.process.container.network.resolve(host).catch(() => undefined);
    address = host === 'localhost' ? '127.0.0.1' : (found?.addresses[0] ?? '');
    if (address === '') throw new UsageError(`bad address '${host}'`);
  }
  // No ICMP is carried here: only what is certainly there answers.
  const answers = address === '127.0.0.1' || address === call.process.container.pod.ip;
  const wanted = Number(values.get('c') ?? Number.POSITIVE_INFINITY);
  const interval = Number(values.get('i') ?? 1) * 1000;
  const deadline = values.has('w') ? Number(values.get('w')) : Number.POSITIVE_INFINITY;
  await call.print(`PING ${host} (${address}): 56 data bytes\n`);
  let sent = 0;
  const report = () =>
    call.print(
      `\n--- ${host} ping statistics ---\n${sent} packets transmitted, ${answers ? sent : 0} packets received, ${answers ? 0 : 100}% packet loss\n${answers ? 'round-trip min/avg/max = 0.040/0.050/0.060 ms\n' : ''}`,
    );
  let stopped = false;
  call.process.onSignal('SIGINT', () => {
    stopped = true;
  });
  while (sent < wanted && sent * (interval / 1000) < deadline && !stopped) {
    if (answers) await call.print(`64 bytes from ${address}: seq=${sent} ttl=64 time=0.050 ms\n`);
    sent += 1;
    if (sent < wanted || !answers) await call.process.sleep(interval);
  }
  if (!answers) await call.process.stderr.write('ping: no ICMP in this simulated network: try wget or nc\n');
  await report();
  return answers ? 0 : 1;
});

const MIME: Record<string, string> = {
  html: 'text/html',
  txt: 'text/plain',
  css: 'text/css',
  js: 'application/javascript',
  json: 'application/json',
  png: 'image/png',
  svg: 'image/svg+xml',
};

/** busybox httpd: `httpd -f -p 8080 -h /www`. Without -f it goes to the background. */
export const httpd = applet(async (call) => {
  const { flags, values } = parseOptions(call.args, 'fvip:h:c:r:u:e:d:m:');
  const { process } = call;
  const port = Number((values.get('p') ?? '80').split(':').at(-1));
  const home = absolutePath(values.get('h') ?? '.', process.cwd);
  const serve = async (server: typeof process): Promise<number> => {
    try {
      await listenHttp(server, port, (request, response) => {
        const path = absolutePath(decodeURIComponent((request.url ?? '/').split('?')[0] ?? '/'));
        const file = (request.url ?? '').split('?')[0]?.endsWith('/') ? `${path}/index.html` : path;
        try {
          send(
            response,
            answer(200, server.fs.read(absolutePath(`.${file}`, home)), {
              'content-type': MIME[file.split('.').at(-1) ?? ''] ?? 'application/octet-stream',
            }),
          );
        } catch {
          send(
            response,
            answer(
              404,
              '<HTML><HEAD><TITLE>404 Not Found</TITLE></HEAD>\n<BODY><H1>404 Not Found</H1>\nThe requested URL was not found\n</BODY></HTML>\n',
            ),
          );
        }
      });
    } catch {
      await server.stderr.write('httpd: bind: Address already in use\n');
      return 1;
    }
    return new Promise<number>((resolve) => {
      if (server.pid === 1) return;
      server.onSignal('SIGTERM', () => resolve(143));
    });
  };
  if (flags.has('f')) return serve(process);
  process.spawn({ argv: process.argv, run: serve });
  return 0;
});

export const ifconfig = applet(async ({ process, print }) => {
  await print(
    `eth0      Link encap:Ethernet  HWaddr 02:00:0A:F4:00:02  \n          inet addr:${process.container.pod.ip}  Bcast:0.0.0.0  Mask:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n\n` +
      'lo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n\n',
  );
  return 0;
});

export const ip = applet(async ({ process, args, print }) => {
  const { ip: address } = process.container.pod;
  const gateway = address.replace(/\.\d+$/, '.1');
  if (/^r/.test(args[0] ?? '')) {
    await print(
      `default via ${gateway} dev eth0 \n${address.replace(/\.\d+$/, '.0')}/24 dev eth0 scope link  src ${address} \n`,
    );
    return 0;
  }
  await print(
    '1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n    inet 127.0.0.1/8 scope host lo\n       valid_lft forever preferred_lft forever\n',
  );
  await print(
    `2: eth0@if3: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue \n    link/ether 02:00:0a:f4:00:02 brd ff:ff:ff:ff:ff:ff\n    inet ${address}/24 brd ${address.replace(/\.\d+$/, '.255')} scope global eth0\n       valid_lft forever preferred_lft forever\n`,
  );
  return 0;
});
