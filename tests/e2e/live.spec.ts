import { execFileSync } from 'node:child_process';
import type { Page } from '@playwright/test';
import { atPrompt, command, expect, front, screen, test } from './atelier.ts';

test.use({ seat: 'live' });
// A learner's way through: what one test makes, the next one finds.
test.describe.configure({ mode: 'serial' });

test.beforeEach(async ({ page, atelier }) => {
  await atelier.signIn(page);
});

const step = (page: Page, id: string) => page.locator(`[data-step="${id}"]`);
const pods = (page: Page, tone = '') => page.locator(`.card[data-kind="Pod"]${tone && `[data-tone="${tone}"]`}`);

test('two tabs tick at once, and a hint names the culprit until it is mended', async ({ page, context, atelier }) => {
  await atelier.open(page, 'raw-jupyter');
  const other = await context.newPage();
  await atelier.open(other, 'raw-jupyter', 'fr');
  const both = [page, other];
  for (const each of both) await each.evaluate(() => Object.assign(window, { neverReloaded: true }));
  await expect(page.locator('.map')).toContainText('Your namespace is empty.');

  const wrong = 's#minimal-notebook#minimal-notbook#';
  const folder = '~/datalab/jupyter-raw';
  await command(page, `sed '${wrong}' ${folder}/deployment.yaml | kubectl apply -f - -f ${folder}/service.yaml`);
  for (const each of both) {
    await expect(each.locator('[data-check="ready"]')).toHaveAttribute('data-verdict', 'failing');
    const hint = each.locator('[data-hint="cannot-pull"]');
    await expect(hint).toBeVisible();
    await expect(hint).toContainText('quay.io/jupyter/minimal-notbook:2025-12-31');
    await expect(hint).toContainText(/jupyter-[a-z0-9]+-[a-z0-9]+/);
    await expect(pods(each, 'bad')).toHaveCount(1);
  }

  await page.locator('[data-hint="cannot-pull"] [data-run-go]').last().click();
  for (const each of both) {
    await expect(step(each, 'apply')).toHaveAttribute('data-state', 'done');
    await expect(step(each, 'chain')).toHaveAttribute('data-state', 'current');
    await expect(each.locator('[data-hint="cannot-pull"]')).toBeHidden();
    await expect(pods(each, 'ok')).toHaveCount(1);
    await expect(pods(each, 'bad')).toHaveCount(0);
    expect(await each.evaluate(() => 'neverReloaded' in window)).toBe(true);
  }
  await expect(page.locator('[data-announcer]')).toContainText('Step done: Hand two files to the cluster');
  await expect(other.locator('[data-announcer]')).toContainText('Étape');
});

test('a wrong answer says so, a right one ticks', async ({ page, atelier }) => {
  await atelier.open(page, 'raw-jupyter');
  const form = step(page, 'chain').locator('form[data-answer]');
  const answer = async (value: string) => {
    await form.locator('input[name=value]').fill(value);
    await form.getByRole('button', { name: 'Answer' }).click();
  };
  await answer('Deployment');
  await expect(form.locator('[data-said]')).toHaveText('Not that. Look again, and try another answer.');
  await expect(step(page, 'chain')).toHaveAttribute('data-state', 'current');
  const early = step(page, 'token').locator('form[data-answer]');
  await early.locator('input[name=value]').fill('0123456789abcdef0123456789abcdef');
  await early.getByRole('button', { name: 'Answer' }).click();
  await expect(early.locator('[data-said]')).toHaveText(/This question comes later/);
  await answer('ReplicaSet');
  await expect(step(page, 'chain')).toHaveAttribute('data-state', 'done');
  await expect(form).toBeHidden();
});

test('the map moves with the cluster, and looks into what it shows', async ({ page, atelier }) => {
  await atelier.open(page, 'raw-jupyter');
  const deployment = page.locator('.card[data-kind="Deployment"]');
  await expect(deployment).toContainText('1/1');
  await command(page, 'kubectl scale deployment/jupyter --replicas=3');
  await expect(pods(page)).toHaveCount(3);
  await expect(deployment).toContainText('3/3');
  await expect(pods(page, 'ok')).toHaveCount(3);
  await expect(page.locator('.card.finder')).toContainText('3 endpoints');
  await pods(page).first().click();
  const inspector = page.locator('.inspector');
  await expect(inspector).toContainText('Running');
  await inspector.locator('[data-run-go]').click();
  await expect(screen(page)).toContainText('Events:');
  await command(page, 'kubectl scale deployment/jupyter --replicas=1');
  await expect(pods(page)).toHaveCount(1);
  await expect(deployment).toContainText('1/1');
});

test('the other language is the same lesson', async ({ page, atelier }) => {
  await atelier.open(page, 'raw-jupyter');
  await command(page, 'clear; echo one-shell');
  await page.getByRole('navigation', { name: 'Language' }).getByRole('link', { name: /^FR/ }).click();
  await expect(page).toHaveURL(/\/fr\/datalab\/raw-jupyter\/$/);
  await expect(page.locator('html')).toHaveAttribute('lang', 'fr');
  await expect(step(page, 'chain')).toHaveAttribute('data-state', 'done');
  await expect(step(page, 'token')).toHaveAttribute('data-state', 'current');
  await expect(screen(page)).toContainText('one-shell');
  await page.locator('.languages a[hreflang=en]').click();
  await expect(page.locator('html')).toHaveAttribute('lang', 'en');
});

test('the overview shows how far one is, and leads back', async ({ page, atelier }) => {
  await page.goto(`${atelier.origin}/en/`);
  const lesson = page.locator('.lessons li', { hasText: 'Jupyter, by hand' });
  await expect(lesson).toContainText('2 of 9 steps');
  const resume = page.locator('.resume');
  await expect(resume).toContainText('Go on where you left off');
  await resume.click();
  await expect(page).toHaveURL(/\/en\/datalab\/raw-jupyter\/$/);
});

test('the menu starts the lesson again', async ({ page, atelier }) => {
  await atelier.open(page, 'raw-jupyter');
  const ask = async (answer: string) => {
    await page.getByRole('button', { name: 'This lesson' }).click();
    await page.getByRole('button', { name: 'Start this lesson again' }).click();
    await page.getByRole('dialog').getByRole('button', { name: answer }).click();
  };
  await ask('Cancel');
  await expect(page.locator('[data-activity]')).toBeHidden();
  await ask('Delete and start again');
  await expect(page.locator('[data-activity]')).toContainText('Starting again');
  await expect(page.locator('[data-toast]')).toHaveText('Starting again: Ready.', { timeout: 60_000 });
  await expect(page.locator('[data-activity]')).toBeHidden();
  await expect(step(page, 'apply')).toHaveAttribute('data-state', 'current');
  await expect(step(page, 'chain')).toHaveAttribute('data-state', 'todo');
  await expect(page.locator('.card[data-kind="Deployment"]')).toHaveCount(0);
});

test('what is started again stays so after a restart', async ({ page, atelier }) => {
  await atelier.kill();
  await atelier.start();
  await atelier.signIn(page);
  await atelier.open(page, 'raw-jupyter');
  await expect(step(page, 'apply')).toHaveAttribute('data-state', 'current');
  await expect(step(page, 'chain')).toHaveAttribute('data-state', 'todo');
});

test('Catch up does the lessons before, and says so', async ({ page, atelier }) => {
  await atelier.open(page, 'helm');
  const behind = page.locator('[data-behind]');
  await behind.getByRole('button', { name: 'Catch up' }).click();
  const activity = page.locator('[data-activity]');
  await expect(activity).toContainText('Catching up');
  // What it runs is told line by line.
  await expect(activity.locator('code')).not.toHaveText('');
  await expect(page.locator('[data-toast]')).toHaveText('Catching up: Ready.', { timeout: 90_000 });
  await expect(behind).toBeHidden();
  await expect(page.locator('.card[data-kind="Deployment"]')).toContainText('jupyter');
  // An empty sandbox had ticked "Jupyter is gone" already: now it is not.
  await expect(step(page, 'clean')).toHaveAttribute('data-state', 'current');
  await page.goto(`${atelier.origin}/en/`);
  await expect(page.locator('.lessons li', { hasText: 'Caught up' })).toHaveCount(2);
});

test('the page gives the kubeconfig', async ({ page, atelier }) => {
  await atelier.open(page, 'cluster');
  const download = page.waitForEvent('download');
  await step(page, 'kubeconfig').getByRole('link', { name: 'Download kubeconfig.yaml' }).click();
  const file = await download;
  expect(file.suggestedFilename()).toBe('kubeconfig.yaml');
  const kubectl = process.env.ATELIER_KUBECTL ?? 'kubectl';
  for (const right of [
    ['create', 'pods'],
    ['list', 'nodes.metrics.k8s.io'],
  ]) {
    const words = ['--kubeconfig', await file.path(), 'auth', 'can-i', ...right];
    // That nodes are no namespace's is warned of, on stderr.
    expect(execFileSync(kubectl, words, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()).toBe('yes');
  }
});

test('theory is projected, and a stage is read from the last row', async ({ page, atelier }) => {
  await atelier.open(page, 'helm');
  // The lessons before were caught up with, and visiting one of them changed nothing in that.
  await expect(page.locator('[data-behind]')).toHaveCount(0);
  const theory = page.locator('[data-theory]');
  await theory.getByRole('button', { name: /Project/ }).click();
  const dialog = page.locator('[data-projection]');
  await expect(dialog.locator('[data-theory-content]')).toBeVisible();
  await page.keyboard.press('Escape');
  await expect(dialog).toBeHidden();
  await expect(theory.locator('> details [data-theory-content]')).toHaveCount(1);

  const size = () => screen(page).evaluate((element) => Number.parseFloat(getComputedStyle(element).fontSize));
  const usual = await size();
  await page.getByRole('banner').getByRole('button', { name: 'Stage view' }).click();
  await expect(page.locator('html')).toHaveAttribute('data-stage', '');
  await expect.poll(size).toBeGreaterThan(usual + 6);
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-stage', '');
  await atPrompt(page);
  await page.getByRole('button', { name: 'This lesson' }).click();
  await page.getByRole('button', { name: 'Stage view' }).click();
  await expect.poll(size).toBe(usual);
});

test('dark and light, lesson and bench, are kept', async ({ page, atelier }) => {
  await atelier.open(page, 'helm');
  const background = (selector: string) =>
    page.locator(selector).evaluate((element) => getComputedStyle(element).backgroundColor);
  const terminal = () => background('.terminal-panel:not([hidden]) .xterm-scrollable-element');
  const [paper, bench, shell] = [await background('body'), await background('.bench'), await terminal()];
  await page.getByRole('button', { name: 'View', exact: true }).click();
  const menu = page.locator('[data-view-menu]');
  await menu.locator('input[name=theme][value=dark]').check();
  await menu.locator('input[name=bench][value=light]').check();
  await expect.poll(() => background('body')).not.toBe(paper);
  await expect.poll(() => background('.bench')).not.toBe(bench);
  await expect.poll(terminal).not.toBe(shell);
  await page.reload();
  await expect(front(page)).toBeVisible();
  expect(await background('body')).not.toBe(paper);
  expect(await background('.bench')).not.toBe(bench);
  await expect.poll(terminal).not.toBe(shell);
  await page.keyboard.press('d');
  await expect.poll(() => background('body')).toBe(paper);
});

test('a pod that nobody made has its whole name at the left edge of its card', async ({ page, atelier }) => {
  await atelier.open(page, 'raw-jupyter');
  await command(page, 'kubectl run it --image=nginx:1.27');
  const card = pods(page).filter({ hasText: 'it' }).last();
  await expect(card).toContainText('Running');
  const left = (part: string) => card.locator(part).evaluate((element) => element.getBoundingClientRect().left);
  // A card slides to its place; an indent would be a dozen pixels.
  await expect.poll(async () => Math.abs((await left('.name b')) - (await left('.state')))).toBeLessThan(4);
  await command(page, 'kubectl delete pod it --now');
});
