import type { Image } from '../image.ts';

/** Certificates from issuers, renewed in time. Its parts are loaded when it first runs: most clusters never do. */
export const certManagerController: Image = {
  match: /^quay\.io\/jetstack\/cert-manager-controller$/,
  tags: /^v1\.(1\d|2\d)\.\d+$/,
  names: ['quay.io/jetstack/cert-manager-controller'],
  load: { request: 2, memory: 45 << 20 },
  config: {
    entrypoint: ['/app/cmd/controller/controller'],
    cmd: [],
    env: { PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin' },
    workingDir: '/',
    user: 1000,
    exposedPorts: [],
  },
  programs: {
    '/app/cmd/controller/controller': async (process) => {
      const { runController } = await process.idle(import('./run.ts'));
      return runController(process);
    },
  },
};
