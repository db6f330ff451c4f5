import { lstat, mkdir, realpath, rename } from 'node:fs/promises';
import path from 'node:path';

/**
 * Makes a folder of the learner's HOME, its parents too, and answers its path. A link that leads out of HOME is moved aside
 * as NAME.old: the learner may link to anywhere, but what we write there would be written with our rights.
 */
export async function homeFolder(home: string, folder: string): Promise<string> {
  const root = await realpath(home);
  let at = home;
  for (const part of path.normalize(folder).split(path.sep)) {
    at = path.join(at, part);
    const isLink = await lstat(at).then(
      (entry) => entry.isSymbolicLink(),
      () => false,
    );
    if (isLink && !(await leadsInto(root, at))) await rename(at, `${at}.old`);
    await mkdir(at, { recursive: true });
  }
  return at;
}

async function leadsInto(root: string, link: string): Promise<boolean> {
  const target = await realpath(link).catch(() => undefined);
  return target !== undefined && (target === root || target.startsWith(root + path.sep));
}
