import { chromium, defineConfig } from '@playwright/test';
import { installedChromium } from './src/cli/testing/chromium.ts';
import { TEST_ENVIRONMENT } from './tests/environment.ts';

Object.assign(process.env, TEST_ENVIRONMENT);

const executablePath = installedChromium(process.env, chromium.executablePath());

export default defineConfig({
  testDir: 'tests/e2e',
  globalSetup: './tests/e2e/requirements.ts',
  outputDir: 'test-results/e2e',
  // Each test starts an Atelier of its own; two cores carry no more than one beside a browser.
  workers: 1,
  // A second try is told apart in the counts: a busy machine may miss a frame.
  retries: 1,
  timeout: 180_000,
  expect: { timeout: 20_000 },
  use: {
    viewport: { width: 1280, height: 720 },
    screenshot: 'only-on-failure',
    launchOptions: {
      ...(executablePath && { executablePath }),
      args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--no-first-run'],
    },
  },
});
