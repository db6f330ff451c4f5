import { debianFiles, debianPrograms } from '../busybox/image.ts';
import { fileErrorText } from '../file-system.ts';
import type { ContainerProcess, Image, Program } from '../image.ts';
import { createNginx } from './server.ts';

const VERSION = '1.27.5';

const WELCOME = `<!DOCTYPE html>
<html>
<head>
<title>Welcome to nginx!</title>
<style>
html { color-scheme: light dark; }
body { width: 35em; margin: 0 auto; font-family: Tahoma, Verdana, Arial, sans-serif; }
</style>
</head>
<body>
<h1>Welcome to nginx!</h1>
<p>If you see this page, the web server answers and is waiting for files of yours
in <code>/usr/share/nginx/html</code>.</p>
<p><em>This nginx is simulated by Atelier: a stand-in that serves the files of this
container over a real connection.</em></p>
</body>
</html>
`;

const CONFIGURATION = `user  nginx;
worker_processes  auto;

error_log  /var/log/nginx/error.log notice;
pid        /run/nginx.pid;

events {
    worker_connections  1024;
}

http {
    include       /etc/nginx/mime.types;
    default_type  application/octet-stream;

    log_format  main  '$remote_addr - $remote_user [$time_local] "$request" '
                      '$status $body_bytes_sent "$http_referer" '
                      '"$http_user_agent" "$http_x_forwarded_for"';

    access_log  /var/log/nginx/access.log  main;

    sendfile        on;
    keepalive_timeout  65;

    include /etc/nginx/conf.d/*.conf;
}
`;

const DEFAULT_SERVER = `server {
    listen       80;
    listen  [::]:80;
    server_name  localhost;

    location / {
        root   /usr/share/nginx/html;
        index  index.html index.htm;
    }

    error_page   500 502 503 504  /50x.html;
    location = /50x.html {
        root   /usr/share/nginx/html;
    }
}
`;

/** The image's entrypoint: says what the real one says, then becomes the command. */
const entrypoint: Program = async (process) => {
  const argv = process.argv.slice(1);
  const { found } = process.find(argv[0] ?? '');
  if (found !== 'program' && found !== 'script') {
    await process.stderr.write(`/docker-entrypoint.sh: line 47: exec: ${argv[0]}: not found\n`);
    return 127;
  }
  if (argv[0] === 'nginx' || argv[0] === 'nginx-debug') await prepare(process);
  return process.exec({ argv });
};

async function prepare(process: ContainerProcess): Promise<void> {
  const say = (text: string) => process.stdout.write(`${text}\n`);
  const scripts = process.fs.list('/docker-entrypoint.d').filter((name) => /\.(sh|envsh)$/.test(name));
  await say('/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration');
  await say('/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/');
  for (const name of scripts) {
    const path = `/docker-entrypoint.d/${name}`;
    await say(`/docker-entrypoint.sh: ${name.endsWith('.envsh') ? 'Sourcing' : 'Launching'} ${path}`);
    if (name === '10-listen-on-ipv6-by-default.sh') await say(await listenOnIpv6(process));
    else if (name === '20-envsubst-on-templates.sh') await substituteTemplates(process);
    else if (!name.startsWith('15-local') && !name.startsWith('30-tune'))
      await process.spawn({ argv: ['/bin/sh', path] }).exit;
  }
  await say('/docker-entrypoint.sh: Configuration complete; ready for start up');
}

async function listenOnIpv6(process: ContainerProcess): Promise<string> {
  const script = '10-listen-on-ipv6-by-default.sh';
  const file = '/etc/nginx/conf.d/default.conf';
  try {
    const text = Buffer.from(process.fs.read(file)).toString();
    if (!process.fs.access(file, 'w'))
      return `${script}: info: can not modify /${file.slice(1)} (read-only file system?)`;
    if (text !== DEFAULT_SERVER) return `${script}: info: ${file} differs from the packaged version`;
    return `${script}: info: Getting the checksum of ${file}\n${script}: info: Enabled listen on IPv6 in ${file}`;
  } catch (error) {
    fileErrorText(error);
    return `${script}: info: ${file} is not a file or does not exist`;
  }
}

/** /etc/nginx/templates/*.template with the environment's values, into conf.d. */
async function substituteTemplates(process: ContainerProcess): Promise<void> {
  let names: string[];
  try {
    names = process.fs.list('/etc/nginx/templates').filter((name) => name.endsWith('.template'));
  } catch {
    return;
  }
  for (const name of names) {
    const target = `/etc/nginx/conf.d/${name.replace(/\.template$/, '')}`;
    await process.stdout.write(
      `20-envsubst-on-templates.sh: Running envsubst on /etc/nginx/templates/${name} to ${target}\n`,
    );
    const text = Buffer.from(process.fs.read(`/etc/nginx/templates/${name}`)).toString();
    process.fs.write(
      target,
      text.replace(/\$\{(\w+)\}|\$(\w+)/g, (whole, a?: string, b?: string) => process.env[a ?? b ?? ''] ?? whole),
    );
  }
}

const script = { content: '#!/bin/sh\n# What this script does is played by the entrypoint.\n', mode: 0o755 };

export const nginx: Image = {
  match: /^nginx$/,
  tags: /^(?:latest|stable|mainline|alpine|perl|1|trixie|bookworm|otel|1\.(?:1\d|2\d)(?:\.\d{1,2})?|(?:stable|mainline|1|1\.2\d(?:\.\d{1,2})?|alpine|trixie|bookworm|bullseye)-(?:alpine|alpine3\.\d\d|perl|otel|slim|bookworm|trixie|bullseye|alpine-(?:slim|perl|otel)|(?:bookworm|trixie)-(?:perl|otel)))$/,
  names: ['nginx'],
  load: { request: 4, memory: 6 << 20 },
  config: {
    entrypoint: ['/docker-entrypoint.sh'],
    cmd: ['nginx', '-g', 'daemon off;'],
    env: { NGINX_VERSION: VERSION, NJS_VERSION: '0.8.10', PKG_RELEASE: '1~bookworm' },
    workingDir: '/',
    user: 0,
    exposedPorts: [80],
    stopSignal: 'SIGQUIT',
  },
  programs: {
    ...debianPrograms,
    '/docker-entrypoint.sh': entrypoint,
    '/usr/sbin/nginx': createNginx(VERSION),
  },
  files: {
    ...debianFiles,
    '/etc/passwd': `${debianFiles['/etc/passwd']}nginx:x:101:101:nginx user:/nonexistent:/bin/false\n`,
    '/etc/group': 'root:x:0:\nwww-data:x:33:\nnginx:x:101:\nnogroup:x:65534:\n',
    '/etc/nginx/nginx.conf': CONFIGURATION,
    '/etc/nginx/mime.types':
      'types {\n    text/html html htm;\n    text/css css;\n    text/plain txt;\n    application/json json;\n}\n',
    '/etc/nginx/conf.d/default.conf': DEFAULT_SERVER,
    '/docker-entrypoint.d/10-listen-on-ipv6-by-default.sh': script,
    '/docker-entrypoint.d/15-local-resolvers.envsh': script,
    '/docker-entrypoint.d/20-envsubst-on-templates.sh': script,
    '/docker-entrypoint.d/30-tune-worker-processes.sh': script,
    '/usr/share/nginx/html/index.html': WELCOME,
    '/usr/share/nginx/html/50x.html': `<!DOCTYPE html>\n<html>\n<head>\n<title>Error</title>\n</head>\n<body>\n<h1>An error occurred.</h1>\n<p>The page cannot be shown now.</p>\n</body>\n</html>\n`,
    '/var/cache/nginx': { directory: true },
    '/var/log/nginx/access.log': { link: '/dev/stdout' },
    '/var/log/nginx/error.log': { link: '/dev/stderr' },
  },
};
