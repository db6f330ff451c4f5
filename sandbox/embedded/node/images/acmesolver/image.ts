import { listenHttp } from '../http/server.ts';
import type { ContainerProcess, Image } from '../image.ts';

const challenges = '/.well-known/acme-challenge';

/** The flags by name; a text is what is wrong with them. */
function flagsOf(args: string[]): Map<string, string> | string {
  const flags = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const [, name = '', value] = /^--?([\w-]+)(?:=([\s\S]*))?$/.exec(args[at] as string) ?? [];
    if (!['listen-port', 'domain', 'token', 'key'].includes(name)) return `unknown flag: --${name}`;
    flags.set(name, value ?? args[++at] ?? '');
  }
  return flags;
}

/** Tells an ACME server one key at one path, and nothing else. */
async function solve(process: ContainerProcess): Promise<number> {
  const flags = flagsOf(process.argv.slice(1));
  if (typeof flags === 'string') {
    await process.stderr.write(`Error: ${flags}\n`);
    return 1;
  }
  const [domain, token, key] = ['domain', 'token', 'key'].map((name) => flags.get(name) ?? '');
  const port = Number(flags.get('listen-port') ?? 8089);
  const say = (message: string, values: Record<string, string>): void => {
    const now = process.container.clock.now().toISOString();
    const pairs = Object.entries(values).map(([name, value]) => ` ${name}=${JSON.stringify(value)}`);
    const head = `I${now.slice(5, 7)}${now.slice(8, 10)} ${now.slice(11, 23)}000       1 solver.go:39]`;
    void process.stderr
      .write(`${head} ${JSON.stringify(message)} logger="cert-manager.acmesolver"${pairs.join('')}\n`)
      .catch(() => undefined);
  };
  const ended = new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.onSignal(signal, () => resolve());
    process.killed.addEventListener('abort', () => resolve(), { once: true });
  });
  await listenHttp(process, port, ({ url = '/', headers }, response) => {
    const path = url.split('?')[0] ?? '/';
    const host = (headers.host ?? '').replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
    const noStore = { 'Cache-Control': 'no-cache, no-store, must-revalidate' };
    if (path === '/' || path === '/healthz') {
      response.writeHead(200, noStore).end();
      return;
    }
    const asked = { host, path, base_path: path.replace(/\/[^/]*$/, '') || '/', token: path.replace(/^.*\//, '') };
    say('validating request', asked);
    const wrong =
      asked.base_path !== challenges
        ? ['invalid base_path', { expected_base_path: challenges }]
        : host !== domain
          ? ['invalid host', { expected_host: domain }]
          : asked.token !== token && ['invalid token', { expected_token: token }];
    if (wrong) {
      const [message, expected] = wrong as [string, Record<string, string>];
      say(message, { ...asked, ...expected });
      response.writeHead(404, { 'content-type': 'text/plain; charset=utf-8', 'x-content-type-options': 'nosniff' });
      response.end('404 page not found\n');
      return;
    }
    say('got successful challenge request, writing key', asked);
    response.writeHead(200, { ...noStore, 'content-type': 'text/plain; charset=utf-8' }).end(key);
  });
  say('starting listener', {
    expected_domain: domain ?? '',
    expected_token: token ?? '',
    expected_key: key ?? '',
    listen_port: String(port),
  });
  await process.idle(ended);
  return 0;
}

export const acmesolver: Image = {
  match: /^quay\.io\/jetstack\/cert-manager-acmesolver$/,
  tags: /^v1\.(1\d|2\d)\.\d+$/,
  names: ['quay.io/jetstack/cert-manager-acmesolver'],
  load: { request: 1, memory: 9 << 20 },
  config: {
    entrypoint: ['/app/cmd/acmesolver/acmesolver'],
    cmd: [],
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    workingDir: '/',
    user: 1000,
    exposedPorts: [],
  },
  programs: { '/app/cmd/acmesolver/acmesolver': solve },
};
