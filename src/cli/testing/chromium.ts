import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { ROOT } from '../project.ts';

/** Milliseconds that Playwright's own download may take, tried once. */
const DOWNLOAD_PATIENCE = 60_000;
const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];

/** A Chromium for the end-to-end tests: ATELIER_CHROMIUM, Playwright's cache, PATH, then Playwright's download. */
export async function findChromium(env: NodeJS.ProcessEnv, say: (line: string) => void): Promise<string | undefined> {
  const { chromium } = await import('@playwright/test');
  const cached = chromium.executablePath();
  const installed = installedChromium(env, cached);
  if (installed) return installed;
  say('Fetching Chromium for the end-to-end tests');
  const cli = path.join(ROOT, 'node_modules/@playwright/test/cli.js');
  await promisify(execFile)(process.execPath, [cli, 'install', 'chromium'], { timeout: DOWNLOAD_PATIENCE }).catch(
    () => undefined,
  );
  return isExecutable(cached) ? cached : undefined;
}

/** The one that is there already. @param cached where Playwright keeps its own */
export function installedChromium(env: NodeJS.ProcessEnv, cached: string): string | undefined {
  if (env.ATELIER_CHROMIUM) return env.ATELIER_CHROMIUM;
  if (isExecutable(cached)) return cached;
  const folders = (env.PATH ?? '').split(path.delimiter);
  return folders.flatMap((folder) => NAMES.map((name) => path.join(folder, name))).find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
