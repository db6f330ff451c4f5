import path from 'node:path';
import { gzipSync } from 'node:zlib';
import AxeBuilder from '@axe-core/playwright';
import type { Page } from '@playwright/test';
import { loadTracks } from '../../src/lessons/load.ts';
import { atPrompt, command, expect, front, screen, test, type } from './atelier.ts';

test.use({ seat: 'access' });

const lessons = loadTracks(path.resolve(import.meta.dirname, '../..')).tracks.flatMap((track) => track.lessons).length;

/** Rules and elements that axe objects to on the page as it stands. */
async function objections(page: Page): Promise<string[]> {
  // What is on its way in is pale for a moment, and would be taken for a lack of contrast.
  await page.evaluate(() => Promise.all(document.getAnimations().map((animation) => animation.finished)));
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.flatMap(({ id, nodes }) =>
    nodes.map(({ target, any }) => `${id} ${target} ${any[0]?.message ?? ''}`),
  );
}

test('axe finds nothing before signing in, nor on a page that is not there', async ({ page, atelier }) => {
  for (const scheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme: scheme });
    await page.goto(`${atelier.origin}/en/datalab/cluster/`);
    await expect(page.getByRole('heading', { level: 1 })).toHaveText('This workshop needs its link');
    expect(await objections(page)).toEqual([]);
  }
  await atelier.signIn(page);
  await page.goto(`${atelier.origin}/en/datalab/no-such-lesson/`);
  await expect(page.getByRole('heading', { level: 1 })).toHaveText('There is no such page');
  expect(await objections(page)).toEqual([]);
});

for (const language of ['en', 'fr'] as const) {
  for (const colorScheme of ['light', 'dark'] as const) {
    test.describe(`in ${language}, ${colorScheme}`, () => {
      test.use({ colorScheme });

      test('axe finds nothing', async ({ page, atelier }) => {
        await atelier.signIn(page);
        for (const path of ['', 'datalab/']) {
          await page.goto(`${atelier.origin}/${language}/${path}`);
          await expect(page.locator('.lessons li')).toHaveCount(lessons);
          // Nothing stands out of the page: not at this width, nor on a phone.
          for (const width of [390, 1280]) {
            await page.setViewportSize({ width, height: 720 });
            expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(width);
          }
          expect(await objections(page)).toEqual([]);
        }
        await atelier.open(page, 'raw-jupyter', language);
        await command(page, 'kubectl create deployment jupyter --image=quay.io/jupyter/minimal-notbook:2025-12-31');
        await expect(page.locator('[data-hint="cannot-pull"]')).toBeVisible();
        await expect(page.locator('[data-check="ready"]')).toHaveAttribute('data-verdict', 'failing');
        await expect(page.locator('.card[data-tone="bad"]').first()).toBeVisible();
        expect(await objections(page)).toEqual([]);
        await command(page, 'kubectl delete deployment jupyter --wait=false; clear');
      });
    });
  }
}

test('axe finds nothing in what opens over the page', async ({ page, atelier }) => {
  await atelier.signIn(page);
  await atelier.open(page, 'cluster');
  await page.locator('#content').focus();
  await page.keyboard.press('?');
  await expect(page.locator('[data-keys]')).toBeVisible();
  expect(await objections(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await page.locator('[data-project]').click();
  expect(await objections(page)).toEqual([]);
  await page.keyboard.press('Escape');
  await type(page, 'cat\n');
  await expect(front(page)).toHaveAttribute('data-busy', 'true');
  await page.locator('[data-run-go]').first().click();
  await expect(page.getByRole('alertdialog')).toBeVisible();
  expect(await objections(page)).toEqual([]);
  await page.getByRole('button', { name: 'Stop it (Ctrl-C), then run' }).click();
  await expect(page.getByRole('alertdialog')).toHaveCount(0);
  await atPrompt(page);
});

test('by keyboard alone: run, answer, another terminal', async ({ page, atelier }) => {
  await atelier.signIn(page);
  await atelier.open(page, 'cluster');
  await command(page, 'clear');
  await page.reload();
  await atPrompt(page);

  // The first stop leads to the lesson, past the head of the page.
  await page.keyboard.press('Tab');
  await expect(page.locator('.skip')).toBeFocused();
  await page.keyboard.press('Enter');
  await page.keyboard.press('r');
  await expect(screen(page)).toContainText('kubectl get nodes');
  await expect(front(page).locator('textarea')).toBeFocused();
  await page.keyboard.press('F6');

  const input = page.locator('[data-step="refused"] input[name=value]');
  await expect(input).toBeVisible();
  await tabTo(page, '[data-step="refused"] input[name=value]');
  await page.keyboard.type('localhost:8080');
  await page.keyboard.press('Enter');
  await expect(page.locator('[data-step="refused"]')).toHaveAttribute('data-state', 'done');

  await page.keyboard.press('Shift+F6');
  await expect(page.getByRole('tab', { name: 'Terminal' })).toBeFocused();
  await page.keyboard.press('Tab');
  await expect(page.getByRole('button', { name: 'Open another terminal' })).toBeFocused();
  await page.keyboard.press('Enter');
  await atPrompt(page);
  await expect(page.getByRole('tab', { name: 'Terminal 2' })).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('Shift+F6');
  await page.keyboard.press('ArrowLeft');
  await expect(page.getByRole('tab', { name: 'Terminal', exact: true })).toHaveAttribute('aria-selected', 'true');
  await page.keyboard.press('F6');
  await page.keyboard.press('F6');
  await expect(front(page).locator('textarea')).toBeFocused();
});

/** Presses Tab until the element has the focus: it must be on the way. */
async function tabTo(page: Page, selector: string): Promise<void> {
  for (let presses = 0; presses < 60; presses++) {
    if (await page.locator(selector).evaluate((element) => element === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  throw new Error(`Tab does not lead to ${selector}`);
}

test.describe('with reduced motion', () => {
  test.use({ contextOptions: { reducedMotion: 'reduce' } });

  test('nothing moves', async ({ page, atelier }) => {
    await atelier.signIn(page);
    await atelier.open(page, 'raw-jupyter');
    await page.evaluate(() => {
      const moved: string[] = [];
      Object.assign(window, { moved });
      for (const kind of ['transitionrun', 'animationstart'] as const) {
        addEventListener(kind, (event) => {
          const animations = event.target instanceof Element ? event.target.getAnimations() : [];
          const longest = Math.max(0, ...animations.map((each) => Number(each.effect?.getTiming().duration ?? 0)));
          if (longest > 20) moved.push(`${(event.target as Element).className}: ${kind}, ${longest} ms`);
        });
      }
    });
    await command(page, 'kubectl create deployment still --image=nginx:1.27');
    await expect(page.locator('.card[data-kind="Pod"][data-tone="ok"]')).toHaveCount(1);
    await command(page, 'kubectl delete deployment still');
    await expect(page.locator('.card[data-kind="Pod"]')).toHaveCount(0);
    expect(await page.evaluate(() => (window as unknown as { moved: string[] }).moved)).toEqual([]);
  });
});

test('a lesson weighs at most 30 kB of script before its terminal, and does not jump', async ({ page, atelier }) => {
  await atelier.signIn(page);
  await page.addInitScript(() => {
    const shifts: { value: number; sources: string }[] = [];
    Object.assign(window, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as (PerformanceEntry & {
        value: number;
        sources: { node?: Element }[];
      })[]) {
        shifts.push({ value: entry.value, sources: entry.sources.map(({ node }) => node?.className).join() });
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  const addresses = new Set<string>();
  page.on('response', (response) => {
    if (response.request().resourceType() === 'script') addresses.add(response.url());
  });
  await atelier.open(page, 'raw-jupyter');
  await expect(page.locator('.map .empty, .map .card').first()).toBeVisible();
  // Asked for again: the body of a page that was left is no longer to be had.
  const scripts = await Promise.all(
    [...addresses].map(async (url) => {
      const body = await (await page.request.get(url)).body();
      return { url, bytes: gzipSync(body).length, text: body.toString() };
    }),
  );
  const terminal = scripts.filter(({ url }) => /terminals\.|xterm|addon/.test(url));
  const before = scripts.filter((script) => !terminal.includes(script));
  const weight = (all: typeof scripts) => all.reduce((sum, { bytes }) => sum + bytes, 0) / 1000;
  test.info().annotations.push({
    type: 'script',
    description: `${weight(before).toFixed(1)} kB before the terminal, ${weight(terminal).toFixed(1)} kB for it`,
  });
  expect(terminal.length).toBeGreaterThan(0);
  expect(before.some(({ text }) => text.includes('EventSource'))).toBe(true);
  expect(weight(before)).toBeLessThanOrEqual(30);
  const shifts = await page.evaluate(
    () => (window as unknown as { shifts: { value: number; sources: string }[] }).shifts,
  );
  expect(
    shifts.reduce((sum, { value }) => sum + value, 0),
    JSON.stringify(shifts),
  ).toBeLessThan(0.02);
});
