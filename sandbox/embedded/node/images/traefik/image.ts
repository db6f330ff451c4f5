import { applets, installed } from '../applets/index.ts';
import type { Image, Program } from '../image.ts';
import { createShell } from '../shell/shell.ts';
import { traefik } from './program.ts';

const shell = createShell();

/** Options alone are Traefik's; so are its commands. */
const entrypoint: Program = async (process) => {
  const args = process.argv.slice(1);
  const [first = '-'] = args;
  const own = first.startsWith('-') || first === 'version' || first === 'healthcheck';
  return process.exec({ argv: own ? ['traefik', ...args] : args });
};

/** The proxy of https://traefik.io, as its image is made: Alpine, and one program. */
export const traefikImage: Image = {
  match: /^traefik$/,
  tags: /^(?:latest|v?3(?:\.6(?:\.\d+)?)?|ramequin)$/,
  names: ['traefik'],
  load: { memory: 40 << 20 },
  config: {
    entrypoint: ['/entrypoint.sh'],
    cmd: ['traefik'],
    env: {},
    workingDir: '/',
    user: 0,
    exposedPorts: [80],
  },
  programs: {
    ...installed('/bin', { ...applets, sh: shell }),
    '/entrypoint.sh': entrypoint,
    '/usr/local/bin/traefik': traefik,
  },
};
