/** Screenshots of the built site, and what axe finds on it: `node tests/site/shoot.ts FOLDER [name…]`. Chromium: ATELIER_CHROMIUM, else Playwright's own. */
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import AxeBuilder from '@axe-core/playwright';
import { chromium } from '@playwright/test';

const LESSON = '/en/datalab/raw-jupyter/';
const laptop = { width: 1280, height: 720 };
const SHOTS: Record<
  string,
  { path: string; size: { width: number; height: number }; view?: string; full?: boolean; to?: string }
> = {
  trouble: { path: `${LESSON}?state=trouble`, size: laptop, view: 'theme=light', to: '[data-hint]:not([hidden])' },
  light: { path: `${LESSON}?state=trouble`, size: laptop, view: 'theme=light' },
  dark: { path: `${LESSON}?state=begun`, size: laptop, view: 'theme=dark' },
  bench: { path: `${LESSON}?state=many`, size: laptop, view: 'theme=light&bench=light' },
  fresh: { path: `/fr/datalab/raw-jupyter/?state=empty`, size: laptop },
  phone: { path: `${LESSON}?state=trouble`, size: { width: 390, height: 844 }, full: false },
  stage: { path: `${LESSON}?state=begun`, size: { width: 1920, height: 1080 }, view: 'stage=1' },
  wide: { path: `${LESSON}?state=begun`, size: { width: 1920, height: 1080 } },
  overview: { path: '/en/', size: laptop, view: 'theme=light' },
  overviewFr: { path: '/fr/', size: laptop, view: 'theme=dark' },
  overviewPhone: { path: '/en/', size: { width: 390, height: 844 } },
  track: { path: '/en/datalab/', size: laptop },
  signIn: { path: '/sign-in/', size: laptop },
  missing: { path: '/en/nothing/', size: laptop },
};

const [folder = 'shots', ...wanted] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const server = spawn(process.execPath, [join(import.meta.dirname, 'serve.ts')], {
  stdio: ['ignore', 'pipe', 'inherit'],
});
const [address = ''] = await new Promise<string[]>((resolve) =>
  createInterface({ input: server.stdout }).once('line', (line) => resolve([line])),
);
const browser = await chromium.launch({
  ...(process.env.ATELIER_CHROMIUM && { executablePath: process.env.ATELIER_CHROMIUM }),
  args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
});
for (const [name, shot] of Object.entries(SHOTS)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const context = await browser.newContext({ viewport: shot.size });
  if (shot.view) {
    await context.addCookies([{ name: 'atelier-view', value: encodeURIComponent(shot.view), url: address }]);
  }
  const page = await context.newPage();
  page.on('console', (message) => message.type() === 'error' && process.stderr.write(`${name}: ${message.text()}\n`));
  page.on('pageerror', (error) => process.stderr.write(`${name}: ${error.stack ?? error.message}\n`));
  await page.goto(new URL(shot.path, address).href, { waitUntil: 'load' });
  await page.evaluate(
    (to) => document.querySelector(to)?.scrollIntoView({ block: 'nearest' }),
    shot.to ?? '[data-state="current"] .step-body',
  );
  await page.waitForFunction(
    () => !document.querySelector('[data-map]') || document.querySelector('.card, .empty, .quiet'),
  );
  await page.screenshot({ path: join(folder, `${name}.png`), fullPage: shot.full ?? false });
  const { violations } = await new AxeBuilder({ page }).analyze();
  for (const { id, help, nodes } of violations) {
    process.stderr.write(`${name}: ${id}: ${help}\n  ${nodes.map(({ html }) => html.slice(0, 160)).join('\n  ')}\n`);
  }
  const shift = await page.evaluate(
    () =>
      new Promise<number>((resolve) => {
        let sum = 0;
        new PerformanceObserver((list) => {
          for (const entry of list.getEntries()) sum += (entry as PerformanceEntry & { value: number }).value;
        }).observe({ type: 'layout-shift', buffered: true });
        setTimeout(() => resolve(sum), 50);
      }),
  );
  if (shift > 0.001) process.stderr.write(`${name}: layout shift ${shift.toFixed(4)}\n`);
  await context.close();
}
await browser.close();
server.kill();
