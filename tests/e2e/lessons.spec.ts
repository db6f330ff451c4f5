import { expect, test } from './atelier.ts';
import { walk } from './walk.ts';

test.describe.configure({ mode: 'serial' });

for (const lesson of ['cluster', 'raw-jupyter', 'helm']) {
  test(`a learner does ${lesson} from first to last, in English`, async ({ page, atelier }) => {
    test.setTimeout(300_000);
    await atelier.signIn(page);
    await atelier.open(page, lesson);
    const reloadAfter = lesson === 'raw-jupyter' ? 'chain' : undefined;
    await walk(page, atelier, async (step) => {
      if (step !== reloadAfter) return;
      await page.reload();
      await expect(page.locator(`[data-step="${step}"]`)).toHaveAttribute('data-state', 'done');
    });
  });
}

test('the cluster knows how far the learner is', async ({ atelier }) => {
  const learners = atelier.kubectl('get', 'learners', '-n', 'atelier-system');
  expect(learners).toMatch(/NAME\s+TRACK\s+LESSON\s+DONE\s+AGE/);
  expect(learners).toMatch(/alice\s+datalab\s+03-helm\s+(\d+)\/\1\s/);
});

test('the first lesson again from its start, in French', async ({ page, atelier }) => {
  test.setTimeout(300_000);
  await atelier.signIn(page);
  await atelier.open(page, 'cluster', 'fr');
  await page.evaluate(() =>
    fetch('/api/reset', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ track: 'datalab', lesson: '01-cluster' }),
    }),
  );
  await expect(page.locator('[data-step]').first()).toHaveAttribute('data-state', 'current', { timeout: 60_000 });
  await walk(page, atelier);
  await expect(page.locator('html')).toHaveAttribute('lang', 'fr');
});
