import { curl } from '../applets/http.ts';
import { applets, installed } from '../applets/index.ts';
import { getent } from '../applets/names.ts';
import type { Image, Program } from '../image.ts';
import { createShell } from '../shell/shell.ts';

const shell = createShell();

/** `busybox ls`, and busybox's own list. */
const multiCall: Program = async (process) => {
  const [, name, ...args] = process.argv;
  if (name === undefined || name === '--help' || name === '--list') {
    if (name !== '--list')
      await process.stdout.write(
        'BusyBox v1.36.1 (simulated by Atelier) multi-call binary.\n\nCurrently defined functions:\n',
      );
    await process.stdout.write(
      `${Object.keys(programs)
        .sort()
        .join(name === '--list' ? '\n' : ', ')}\n`,
    );
    return 0;
  }
  const program = programs[name];
  if (!program) {
    await process.stderr.write(`${name}: applet not found\n`);
    return 127;
  }
  process.argv = [name, ...args];
  return program(process);
};

const programs: Record<string, Program> = { ...applets, sh: shell, ash: shell };

const busyboxPrograms = installed('/bin', { ...programs, busybox: multiCall });

export const busybox: Image = {
  match: /^busybox$/,
  tags: /^(?:latest|stable|unstable|1|1\.3[4-7](?:\.\d)?)(?:-(?:musl|glibc|uclibc))?$|^(?:musl|glibc|uclibc)$/,
  names: ['busybox'],
  config: { entrypoint: [], cmd: ['sh'], env: {}, workingDir: '/', user: 0, exposedPorts: [] },
  programs: busyboxPrograms,
};

export const alpine: Image = {
  match: /^alpine$/,
  tags: /^(?:latest|edge|3|3\.\d{1,2}(?:\.\d+)?|20\d{6})$/,
  names: ['alpine'],
  config: { entrypoint: [], cmd: ['/bin/sh'], env: {}, workingDir: '/', user: 0, exposedPorts: [] },
  programs: busyboxPrograms,
  files: {
    '/etc/alpine-release': '3.22.1\n',
    '/etc/os-release':
      'NAME="Alpine Linux"\nID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME="Alpine Linux v3.22 (simulated)"\n',
  },
};

/** Commands of a Debian: in /usr/bin, /bin is a link; sh is dash, bash is there. */
export const debianPrograms: Record<string, Program> = installed('/usr/bin', {
  ...applets,
  curl,
  getent,
  sh: createShell({ prompt: '\\$ ' }),
  dash: createShell({ prompt: '\\$ ' }),
  bash: createShell({ prompt: '\\u@\\h:\\w\\$ ' }),
});

export const debianFiles: NonNullable<Image['files']> = {
  '/bin/sh': { link: '/usr/bin/sh' },
  '/bin/bash': { link: '/usr/bin/bash' },
  '/etc/debian_version': '12.11\n',
  '/etc/os-release':
    'PRETTY_NAME="Debian GNU/Linux 12 (bookworm, simulated)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n',
  '/etc/passwd':
    'root:x:0:0:root:/root:/bin/bash\nwww-data:x:33:33:www-data:/var/www:/usr/sbin/nologin\nnobody:x:65534:65534:nobody:/nonexistent:/usr/sbin/nologin\n',
};

export const debian: Image = {
  match: /^(?:debian|ubuntu)$/,
  tags: /^(?:latest|stable|rolling|devel|1[0-3](?:\.\d+)?|(?:trixie|bookworm|bullseye|buster|sid|noble|jammy|focal)|\d\d\.\d\d)(?:-slim|-\d{8})*$|^(?:stable|bookworm|trixie)-slim$/,
  names: ['debian', 'ubuntu'],
  config: { entrypoint: [], cmd: ['bash'], env: {}, workingDir: '/', user: 0, exposedPorts: [] },
  programs: debianPrograms,
  files: debianFiles,
};
