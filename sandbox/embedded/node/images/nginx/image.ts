import { debianFiles, debianPrograms } from '../busybox/image.ts';
import { answer, listenHttp, send } from '../http/server.ts';
import type { Image, Program } from '../image.ts';

const main: Program = async (process) => {
  await listenHttp(process, 80, (_, response) => send(response, answer(200, 'simulated')));
  return new Promise((resolve) => process.onSignal('SIGQUIT', () => resolve(0)));
};

export const nginx: Image = {
  match: /^nginx$/,
  tags: /^(?:latest|stable|mainline|alpine|perl)$|^1\.(?:2[0-9])(?:\.\d{1,2})?(?:-(?:alpine|perl|bookworm|trixie|otel|slim|alpine-slim|alpine-perl))*$|^(?:stable|mainline)-(?:alpine|perl|bookworm|trixie|alpine-slim)$|^(?:alpine|1)-?(?:slim|alpine)?$/,
  names: ['nginx'],
  config: {
    entrypoint: ['/docker-entrypoint.sh'],
    cmd: ['nginx', '-g', 'daemon off;'],
    env: { NGINX_VERSION: '1.27.5', PKG_RELEASE: '1~bookworm' },
    workingDir: '/',
    user: 0,
    exposedPorts: [80],
    stopSignal: 'SIGQUIT',
  },
  programs: { ...debianPrograms, '/docker-entrypoint.sh': main },
  files: debianFiles,
};
