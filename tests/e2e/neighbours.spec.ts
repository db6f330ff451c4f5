import type { Page } from '@playwright/test';
import { Atelier, expect, test } from './atelier.ts';
import { walk } from './walk.ts';

test.use({ seat: 'neighbours' });

/** Opens a lesson whose predecessors nobody has done, and catches up on them by the page's own button. */
async function catchUp(page: Page, atelier: Atelier, lesson: string): Promise<void> {
  await atelier.signIn(page);
  await atelier.open(page, lesson);
  const behind = page.locator('[data-behind]');
  await behind.locator('[data-catch-up]').click();
  await expect(page.locator('[data-toast]')).toHaveText('Catching up: Ready.', { timeout: 90_000 });
  await expect(behind).toBeHidden();
}

test('two learners at the same time, one of whom loses every process in the middle', async ({
  page,
  browser,
  atelier: alice,
}) => {
  test.setTimeout(400_000);
  const bob = new Atelier('bob');
  await bob.start();
  const bobs = await browser.newPage();
  try {
    await Promise.all([catchUp(page, alice, 'names'), catchUp(bobs, bob, 'stocktaking')]);
    const title = async (address: string) => {
      const tab = await browser.newPage();
      try {
        const answer = await tab.goto(address);
        return `${answer?.status()} ${await tab.title()}`;
      } catch {
        return 'no connection';
      } finally {
        await tab.close();
      }
    };
    expect(await title(bob.address('jupyter'))).toMatch(/^200 Jupyter/);
    expect(await title(alice.address('jupyter'))).toBe('502 There is no jupyter.alice.localhost');
    await walk(page, alice, async (step) => {
      if (step !== 'star') return;
      await alice.killAll();
      expect(await title(bob.address('jupyter'))).toMatch(/^200 Jupyter/);
      await alice.start();
      await alice.signIn(page);
      await alice.open(page, 'names');
      await expect(page.locator('[data-step="star"]')).toHaveAttribute('data-state', 'done');
      // Its name is in the zone as before, and leads there once its pods run again.
      await expect.poll(() => title(alice.address('jupyter')), { timeout: 60_000 }).toMatch(/^200 Jupyter/);
    });
    // Each has a front door of its own, and knows nobody else's hosts.
    const [own, others] = [new URL(alice.address('jupyter')), new URL(bob.address('jupyter'))];
    own.port = others.port;
    expect(await title(own.href)).toMatch(/^421 /);
    expect(await title(bob.address('jupyter'))).toMatch(/^200 Jupyter/);
    await walk(bobs, bob);
  } finally {
    await bobs.close();
    await bob.stop();
  }
});
