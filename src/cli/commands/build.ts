import { untilSignal } from '../signals.ts';
import { buildSite, runAstro } from '../site-build.ts';

/** `atelier build`: the site, unless it is built already. */
export async function build(): Promise<void> {
  await buildSite({ signal: untilSignal() });
}

/** `atelier dev`: Astro's own server for those who work on pages; the terminal and checks need `atelier start`. */
export async function dev(args: string[]): Promise<void> {
  await runAstro(['dev', ...args], { signal: untilSignal(), shown: true });
}
