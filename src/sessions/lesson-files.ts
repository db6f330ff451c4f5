import { createHash } from 'node:crypto';
import { readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { homeFolder } from '../../sandbox/index.ts';
import { fillText, type Variables } from '../lessons/variables.ts';

export interface LaidFile {
  /** From HOME. */
  file: string;
  /** `kept`: the learner changed it, so the lesson's version came as NAME.new beside it; `moved`: theirs is NAME.old now. */
  outcome: 'new' | 'updated' | 'kept' | 'moved';
}

/** Lays a lesson's files in HOME, variables filled in. What the learner changed is never overwritten. Answers what was done. */
export async function layFiles(options: {
  manifests: string;
  home: string;
  /** A file of ours that remembers what was laid. */
  memory: string;
  files: readonly { from: string; to?: string | undefined }[];
  variables: Variables;
  /** A lesson begun anew: what the learner changed is moved aside instead of being kept in place. */
  anew?: boolean;
}): Promise<LaidFile[]> {
  const laid = await readMemory(options.memory);
  const outcomes: LaidFile[] = [];
  for (const { from, to } of options.files) {
    const source = path.join(options.manifests, from);
    for (const name of await filesBelow(source)) {
      const target = path.join(to ?? from, name);
      const text = fillText(await readFile(path.join(source, name), 'utf8'), options.variables);
      const folder = await homeFolder(options.home, path.dirname(target));
      const outcome = await lay(path.join(folder, path.basename(target)), text, laid[target], options.anew === true);
      laid[target] = digest(text);
      if (outcome) outcomes.push({ file: target, outcome });
    }
  }
  await writeFile(options.memory, JSON.stringify(laid));
  return outcomes;
}

async function lay(
  file: string,
  text: string,
  lastLaid: string | undefined,
  anew: boolean,
): Promise<LaidFile['outcome'] | undefined> {
  const there = await readFile(file, 'utf8').catch(() => undefined);
  if (there === text) return undefined;
  const untouched = there === undefined || digest(there) === lastLaid;
  if (untouched) {
    await put(file, text);
    return there === undefined ? 'new' : 'updated';
  }
  if (anew) {
    await rename(file, `${file}.old`);
    await put(file, text);
    return 'moved';
  }
  // Said once: the same version is not laid beside it at every visit.
  if (lastLaid === digest(text)) return undefined;
  await put(`${file}.new`, text);
  return 'kept';
}

/** Takes the place of what has the name: a link would lead the text to where it points. */
async function put(file: string, text: string): Promise<void> {
  await rm(file, { force: true });
  await writeFile(file, text, { flag: 'wx' });
}

/** Paths of the files below a folder; of a file, the empty path. */
async function filesBelow(source: string): Promise<string[]> {
  if ((await stat(source)).isFile()) return [''];
  const entries = await readdir(source, { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => path.relative(source, path.join(entry.parentPath, entry.name)))
    .sort();
}

async function readMemory(file: string): Promise<Record<string, string>> {
  return readFile(file, 'utf8').then(
    (text) => JSON.parse(text) as Record<string, string>,
    () => ({}),
  );
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}
