import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { z } from 'zod';
import type { Tools } from '../../sandbox/tools/tools.ts';
import { UserError } from '../server/user-error.ts';
import { digestOf, unlessFresh } from './freshness.ts';
import { ROOT } from './project.ts';

/** `manifests/charts/versions.yaml`: which versions of each chart the repository holds, newest first. */
const versionsSchema = z.record(
  z.string(),
  z.array(z.strictObject({ version: z.string(), appVersion: z.coerce.string().optional() })).min(1),
);

const run = promisify(execFile);

/** Packs the teaching charts into a Helm repository (index.yaml and archives). Rejects with what helm says of a wrong chart. */
export async function packCharts(tools: Tools, directory: string, signal?: AbortSignal): Promise<void> {
  const charts = path.join(ROOT, 'manifests', 'charts');
  const digest = await digestOf([charts]);
  await unlessFresh(`${directory}.packed-from`, digest, async () => {
    await mkdir(path.dirname(directory), { recursive: true });
    await removeLeftovers(directory);
    const room = await mkdtemp(`${directory}-`);
    try {
      const versions = versionsSchema.parse(parse(await readFile(path.join(charts, 'versions.yaml'), 'utf8')));
      for (const [chart, entries] of Object.entries(versions)) {
        for (const { version, appVersion } of entries) {
          const args = ['package', path.join(charts, chart), '--destination', room, '--version', version];
          await run(tools.helm, appVersion ? [...args, '--app-version', appVersion] : args, { signal });
        }
      }
      await run(tools.helm, ['repo', 'index', room], { signal });
      await rm(directory, { recursive: true, force: true });
      await rename(room, directory);
    } catch (error) {
      await rm(room, { recursive: true, force: true });
      if (signal?.aborted) throw error;
      throw new UserError(
        `the charts in manifests/charts could not be packed; mend them and start again: ${reasonOf(error)}`,
      );
    }
  });
}

/** Helm's own words where it was helm that refused. */
function reasonOf(error: unknown): string {
  const { message, stderr } = error as Error & { stderr?: string };
  return (stderr || message).trim();
}

/** What a run that was killed has left. */
async function removeLeftovers(directory: string): Promise<void> {
  const folder = path.dirname(directory);
  for (const name of await readdir(folder)) {
    if (name.startsWith(`${path.basename(directory)}-`)) await rm(path.join(folder, name), { recursive: true });
  }
}
