import { chromium } from '@playwright/test';
import { installedChromium } from '../../src/cli/testing/chromium.ts';

/** What a bare `playwright test` needs. Throws one sentence with the remedy. */
export default function requirements(): void {
  if (installedChromium(process.env, chromium.executablePath())) return;
  throw new Error(
    'there is no Chromium: run `npx playwright install chromium`, install one on PATH, or name it with ATELIER_CHROMIUM.',
  );
}
