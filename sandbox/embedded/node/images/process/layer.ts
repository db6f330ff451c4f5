import { MemoryTree } from '../file-system/memory.ts';
import { parentPath } from '../file-system/paths.ts';
import type { FileSystem } from '../file-system.ts';
import type { Image, Program } from '../image.ts';

/** What stands in a program's file in place of machine code: the path it was installed at. */
const MAGIC = '\x7fELF\0simulated by Atelier\n';

const layers = new WeakMap<Image, Map<string, MemoryTree>>();

/** Where every image has the authorities its clients trust. */
export const TRUSTED = '/etc/ssl/certs/ca-certificates.crt';

/** An image's files, with the authorities (PEM) it trusts; built once and shared by all its containers. */
export function imageLayer(image: Image, trusted = ''): MemoryTree {
  const known = layers.get(image) ?? new Map<string, MemoryTree>();
  layers.set(image, known);
  const tree = known.get(trusted) ?? build(image, trusted);
  known.set(trusted, tree);
  return tree;
}

function build(image: Image, trusted: string): MemoryTree {
  const tree = new MemoryTree();
  const folder = (path: string) => tree.makeDirectory(path, { recursive: true });
  for (const path of [
    '/dev',
    '/etc',
    '/home',
    '/proc',
    '/root',
    '/sys',
    '/usr/bin',
    '/usr/sbin',
    '/var',
    '/bin',
    '/run',
  ])
    folder(path);
  tree.makeDirectory('/tmp', { mode: 0o1777 });
  const files: NonNullable<Image['files']> = { ...COMMON, [TRUSTED]: trusted, ...image.files };
  for (const [path, content] of Object.entries(files)) {
    folder(parentPath(path));
    if (typeof content === 'string') tree.write(path, content);
    else if ('link' in content) tree.link(content.link, path, { symbolic: true });
    else if ('directory' in content) {
      folder(path);
      tree.chmod(path, content.mode ?? 0o755);
      tree.chown(path, content.owner ?? 0, content.group ?? content.owner ?? 0);
    } else {
      const owner = content.owner ?? 0;
      tree.write(path, content.content, { mode: content.mode ?? 0o644, uid: owner, gid: content.group ?? owner });
    }
  }
  for (const path of Object.keys(image.programs)) {
    folder(parentPath(path));
    tree.write(path, MAGIC + path, { mode: 0o755 });
  }
  return tree;
}

const COMMON: NonNullable<Image['files']> = {
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
  '/etc/group': 'root:x:0:\nnogroup:x:65534:\n',
  '/etc/os-release': 'NAME="Atelier"\nID=atelier\nPRETTY_NAME="Atelier (simulated)"\n',
  '/var/run': { link: '/run' },
};

export type Lookup =
  | { found: 'program'; path: string; run: Program }
  | { found: 'script'; path: string; interpreter: string[] | undefined }
  | { found: 'missing' | 'forbidden' | 'directory'; path: string };

/** execvp(3): a name with a slash is a path, any other is sought along PATH. */
export function findProgram(image: Image, fs: FileSystem, name: string, cwd: string, path: string): Lookup {
  let result: Lookup = { found: 'missing', path: name };
  const places = name.includes('/') ? [name] : path.split(':').map((folder) => `${folder || '.'}/${name}`);
  if (name === '') return result;
  for (const place of places) {
    const full = place.startsWith('/') ? place : `${cwd}/${place}`;
    let content: Uint8Array;
    try {
      if (fs.stat(full).type === 'directory') {
        if (name.includes('/')) result = { found: 'directory', path: full };
        continue;
      }
      if (!fs.access(full, 'x')) {
        result = { found: 'forbidden', path: full };
        continue;
      }
      content = fs.read(full);
    } catch {
      continue;
    }
    const head = Buffer.from(content.subarray(0, 256)).toString('latin1');
    if (head.startsWith(MAGIC)) {
      const run = image.programs[head.slice(MAGIC.length)];
      return run ? { found: 'program', path: place, run } : { found: 'missing', path: place };
    }
    const shebang = /^#!\s*(\S+)[ \t]*([^\n]*)/.exec(head);
    const interpreter = shebang ? [shebang[1] as string, ...(shebang[2] ? [shebang[2].trim()] : [])] : undefined;
    return { found: 'script', path: place, interpreter };
  }
  return result;
}
