import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** The folder of package.json. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../..');
/** Fetched once for all homes of a checkout. */
export const TOOLS = path.join(ROOT, '.atelier', 'tools');
export const DIST = path.join(ROOT, 'dist');

/** Progress goes to stderr: stdout is for what scripts read. */
export function say(line: string): void {
  process.stderr.write(`${line}\n`);
}
