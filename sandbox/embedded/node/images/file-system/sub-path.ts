import type { Volume, VolumeBackend } from '../file-system.ts';
import { absolutePath, joinPath } from './paths.ts';

/** `volumeMounts[].subPath`: one folder or file of a volume. https://kubernetes.io/docs/concepts/storage/volumes/#using-subpath */
export function subPathVolume(volume: Volume, subPath: string, options: { readOnly?: boolean } = {}): Volume {
  const base = absolutePath(subPath);
  const at = (path: string) => (path === '/' ? resolveLinks(volume.fs, base) : joinPath(base, path.slice(1)));
  const inner = volume.fs;
  const fs: VolumeBackend = {
    stat: (path, stat) => inner.stat(at(path), stat),
    read: (path) => inner.read(at(path)),
    write: (path, data, write) => inner.write(at(path), data, write),
    list: (path) => inner.list(at(path)),
    makeDirectory: (path, make) => inner.makeDirectory(at(path), make),
    remove: (path, remove) => inner.remove(at(path), remove),
    rename: (from, to) => inner.rename(at(from), at(to)),
    link: (target, path, link) => inner.link(link?.symbolic ? target : at(target), at(path), link),
    readLink: (path) => inner.readLink(at(path)),
    chmod: (path, mode) => inner.chmod(at(path), mode),
    chown: (path, uid, gid) => inner.chown(at(path), uid, gid),
    touch: (path, time) => inner.touch(at(path), time),
  };
  return { kind: volume.kind, readOnly: options.readOnly ?? volume.readOnly, source: volume.source, fs };
}

/** A key of a ConfigMap is a link through `..data`; mounted alone it is the file itself. */
function resolveLinks(fs: VolumeBackend, path: string): string {
  let current = path;
  for (let hops = 0; hops < 8; hops++) {
    const parts = current.split('/').filter(Boolean);
    let walked = '';
    let link: { at: string; rest: string[] } | undefined;
    for (const [index, part] of parts.entries()) {
      walked += `/${part}`;
      try {
        if (fs.stat(walked, { followLinks: false }).type !== 'symlink') continue;
      } catch {
        return current;
      }
      link = { at: walked, rest: parts.slice(index + 1) };
      break;
    }
    if (!link) return current;
    const folder = link.at.slice(0, link.at.lastIndexOf('/')) || '/';
    current = absolutePath([fs.readLink(link.at), ...link.rest].join('/'), folder);
  }
  return current;
}
