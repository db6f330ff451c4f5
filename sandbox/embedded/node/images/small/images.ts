import { curl as curlCommand } from '../applets/http.ts';
import { applets, installed } from '../applets/index.ts';
import { answer, listenHttp, send } from '../http/server.ts';
import type { ContainerProcess, Image, Program } from '../image.ts';
import { createShell } from '../shell/shell.ts';

/** Ends when it is asked to, as a program that handles SIGTERM does. */
function untilStopped(process: ContainerProcess, code = 0): Promise<number> {
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.onSignal(signal, () => resolve(code));
  });
}

const bare = { env: {}, workingDir: '/', user: 0, exposedPorts: [] };

export const pause: Image = {
  match: /^(?:registry\.k8s\.io|k8s\.gcr\.io)\/pause$/,
  tags: /^(?:latest|3(?:\.\d+){0,2})$/,
  names: ['registry.k8s.io/pause'],
  load: { memory: 512 << 10 },
  config: { ...bare, entrypoint: ['/pause'], cmd: [], user: 65535 },
  programs: { '/pause': (process) => untilStopped(process) },
};

const HELLO = `
Hello from Docker!
This message comes from Atelier's stand-in for the hello-world image: it is simulated,
nothing was pulled and no process of this machine was started.

`;

export const helloWorld: Image = {
  match: /^hello-world$/,
  tags: /^(?:latest|linux|nanoserver)$/,
  names: ['hello-world'],
  config: { ...bare, entrypoint: [], cmd: ['/hello'] },
  programs: {
    '/hello': async (process) => {
      await process.stdout.write(HELLO);
      return 0;
    },
  },
};

const shell = createShell();
const entrypoint: Program = async (process) => {
  const args = process.argv.slice(1);
  const isOption = args.length === 0 || args[0]?.startsWith('-');
  return process.exec({ argv: isOption ? ['curl', ...args] : args });
};

/** curl and the usual commands: what a lesson calls a utilities pod. */
export const curl: Image = {
  match: /^(?:curlimages\/curl|quay\.io\/curl\/curl)$/,
  tags: /^(?:latest|v?\d+(?:\.\d+){0,2})$/,
  names: ['curlimages/curl'],
  config: {
    ...bare,
    entrypoint: ['/entrypoint.sh'],
    cmd: ['curl'],
    user: 100,
    group: 101,
    workingDir: '/home/curl_user',
  },
  programs: {
    ...installed('/usr/bin', { ...applets, curl: curlCommand, sh: shell, ash: shell, bash: shell }),
    '/bin/sh': shell,
    '/entrypoint.sh': entrypoint,
  },
  files: {
    '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\ncurl_user:x:100:101::/home/curl_user:/sbin/nologin\n',
    '/etc/group': 'root:x:0:\ncurl_group:x:101:\n',
    '/home/curl_user': { directory: true, owner: 100, group: 101 },
  },
};

const whoamiServer: Program = async (process) => {
  const { container, argv, env } = process;
  const flag = argv.indexOf('--port') + 1 || argv.indexOf('-port') + 1;
  const port = Number((flag && argv[flag]) || env.WHOAMI_PORT_NUMBER || 80);
  await process.stdout.write(`Starting up on port ${port}\n`);
  try {
    await listenHttp(process, port, (request, response) => {
      if (request.url === '/health') return send(response, answer(200, ''));
      const headers = Object.entries(request.headers).map(([name, value]) => {
        const title = name.replace(/(^|-)\w/g, (letter) => letter.toUpperCase());
        return title === 'Host' ? '' : `${title}: ${value}\n`;
      });
      const lines = [
        `Hostname: ${container.pod.hostname}\nIP: 127.0.0.1\nIP: ${container.pod.ip}\n`,
        `RemoteAddr: ${request.socket.remoteAddress ?? ''}:${request.socket.remotePort ?? ''}\n`,
        `${request.method} ${request.url} HTTP/${request.httpVersion}\nHost: ${request.headers.host ?? ''}\n`,
        ...headers.sort(),
        '\n',
      ];
      send(response, answer(200, lines.join(''), { 'content-type': 'text/plain; charset=utf-8' }));
    });
  } catch {
    await process.stderr.write(`listen tcp :${port}: bind: address already in use\n`);
    return 1;
  }
  return untilStopped(process);
};

export const whoami: Image = {
  match: /^(?:traefik|containous)\/whoami$/,
  tags: /^(?:latest|v1(?:\.\d+){0,2})$/,
  names: ['traefik/whoami'],
  load: { request: 2, memory: 5 << 20 },
  config: { ...bare, entrypoint: ['/whoami'], cmd: [], exposedPorts: [80] },
  programs: { '/whoami': whoamiServer },
};
