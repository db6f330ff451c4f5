import { bindNslookup, host } from '../applets/bind-tools.ts';
import { dig } from '../applets/dig.ts';
import { curl } from '../applets/http.ts';
import { installed } from '../applets/index.ts';
import { getent } from '../applets/names.ts';
import { debianFiles, debianPrograms } from '../busybox/image.ts';
import type { Image, Program } from '../image.ts';
import { ab } from '../load/ab.ts';
import { hey } from '../load/hey.ts';
import { openssl } from '../openssl/command.ts';
import { createShell } from '../shell/shell.ts';
import { burn } from './burn.ts';

const tools: Record<string, Program> = { ab, burn, curl, dig, getent, hey, host, nslookup: bindNslookup, openssl };

const bare = { env: {}, workingDir: '/', user: 0, exposedPorts: [] };

/** Tools for a pod that asks others: ours, and the well-known images learners take for that. */
export const utilities: Image = {
  match:
    /^(?:atelier\.dev\/utilities|dockerproject\/utilities|nicolaka\/netshoot|(?:ghcr\.io\/)?praqma\/network-multitool|wbitt\/network-multitool)$/,
  tags: /^(?:latest|v?\d+(?:\.\d+){0,2}|\w+)$/,
  names: ['atelier.dev/utilities', 'nicolaka/netshoot'],
  config: { ...bare, entrypoint: [], cmd: ['sh'] },
  programs: { ...debianPrograms, ...installed('/usr/bin', tools) },
  files: debianFiles,
};

/** Images that are one program: their arguments are its own. */
function single(names: string[], program: string): Image {
  const escaped = names.map((name) => name.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&'));
  return {
    ...utilities,
    match: new RegExp(`^(?:${escaped.join('|')})$`),
    tags: /^[\w.-]+$/,
    names,
    config: { ...bare, entrypoint: [program], cmd: [] },
    programs: { ...utilities.programs, '/bin/sh': createShell() },
  };
}

export const loadImages: Image[] = [
  single(['jordi/ab', 'piegsaj/ab', 'devth/alpine-bench'], 'ab'),
  single(['rakyll/hey', 'williamyeh/hey', 'ricoli/hey'], 'hey'),
];
