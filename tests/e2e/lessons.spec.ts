import path from 'node:path';
import { loadTracks } from '../../src/lessons/load.ts';
import { expect, test } from './atelier.ts';
import { walk } from './walk.ts';

test.describe.configure({ mode: 'serial' });

const WALKED = ['plan', 'cluster', 'raw-jupyter', 'helm', 'ingress', 'names', 'tls', 'stocktaking'];

for (const lesson of WALKED) {
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
  const [, done, total] = /alice\s+datalab\s+07-stocktaking\s+(\d+)\/(\d+)\s/.exec(learners) ?? [];
  const walked = loadTracks(path.resolve(import.meta.dirname, '../..'))
    .tracks.flatMap(({ lessons }) => lessons)
    .filter(({ track, id }) => track === 'datalab' && WALKED.includes(id));
  expect(Number(done)).toBe(walked.reduce((sum, { lesson }) => sum + lesson.steps.length, 0));
  expect(Number(total)).toBeGreaterThanOrEqual(Number(done));
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
