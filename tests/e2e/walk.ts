import type { Page } from '@playwright/test';
import { type Atelier, expect } from './atelier.ts';

/** Answers to the questions of the lessons: what a learner reads off the screen, asked of the cluster. */
const ANSWERS: Record<string, (atelier: Atelier) => string> = {
  'goal/portable': () => 's3',
  'image/outside': () => 'kernel',
  'place/hospital': () => 'distribution',
  'origin/key': () => 'kubeconfig',
  'terraform/again': () => 'nothing',
  'tools/client': (atelier) => /v\d+\.\d+\.\d+/.exec(atelier.kubectl('version', '--client'))?.[0] ?? '',
  'refused/address': () => 'localhost:8080',
  'kubeconfig/node': (atelier) => atelier.kubectl('get', 'nodes', '-o', 'jsonpath={.items[0].metadata.name}'),
  'whoami/rights': () => 'own',
  'versions/kubelet': (atelier) =>
    atelier.kubectl('get', 'nodes', '-o', 'jsonpath={.items[0].status.nodeInfo.kubeletVersion}'),
  'explain/default': () => 'Always',
  'gone/nobody': () => 'none',
  'chain/maker': () => 'ReplicaSet',
  'token/token': (atelier) =>
    /token=([0-9a-f]{32,})/.exec(atelier.kubectl('-n', 'alice', 'logs', 'deploy/jupyter'))?.[1] ?? '',
  'lost/where': () => 'layer',
  'kept/author': (atelier) =>
    atelier.kubectl('-n', 'alice', 'exec', 'deploy/jupyter', '--', 'cat', '/home/jovyan/work/author.txt'),
  'repo/version': () => '1.1.0',
  'repo/value': () => 'persistence.enabled',
  'template/kind': () => 'PersistentVolumeClaim',
  'rollback/meaning': () => 'anew',
  'nested/silence': () => 'nobody',
  'nobody/code': () => 'NXDOMAIN',
  'host/told': () => 'zone',
  'owner/purpose': () => 'owner',
  'covers/outside': () => 'apex',
  'shadow/why': () => 'exists',
  'prove/why': () => 'zone',
  'chain/reason': () => 'missing',
  'authority/trust': () => 'nobody',
  'staging/objects': () => 'challenge',
  'production/which': () => 'dns',
  'browser/harm': () => 'constrained',
  'standing/order': () => 'zone',
  'monday/who': () => 'administrators',
  'click/does': () => 'helm',
  'click/first': () => 'identity',
  'types/port': (atelier) =>
    atelier.kubectl('-n', 'alice', 'get', 'service', 'door', '-o', 'jsonpath={.spec.ports[0].nodePort}'),
  'controller/rights': () => 'everywhere',
  'address/outside': (atelier) =>
    atelier.kubectl(
      ...['-n', 'alice-ingress', 'get', 'service', 'traefik'],
      ...['-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}'],
    ),
  'address/nobody': () => '404',
  'port/said': () => 'service port not found',
  'empty/codes': () => 'route',
};

/** Does a lesson from first to last: every command, check and question in the order in which the page has them. */
export async function walk(page: Page, atelier: Atelier, between?: (step: string) => Promise<void>): Promise<void> {
  const steps = await page
    .locator('[data-step]')
    .evaluateAll((all) => all.map((step) => step.getAttribute('data-step') ?? ''));
  expect(steps.length).toBeGreaterThanOrEqual(3);
  for (const id of steps) {
    const step = page.locator(`[data-step="${id}"]`);
    await expect(step).toHaveAttribute('data-state', 'current');
    const things = step.locator('[data-run], [data-check], form[data-answer]');
    for (let index = 0; index < (await things.count()); index++) {
      const thing = things.nth(index);
      const inHint = await thing.evaluate((element) => element.closest('[data-hint]') !== null);
      if (!inHint) await take(page, atelier, thing);
    }
    await expect(step).toHaveAttribute('data-state', 'done');
    await between?.(id);
  }
}

async function take(page: Page, atelier: Atelier, thing: ReturnType<Page['locator']>): Promise<void> {
  if (await thing.evaluate((element) => element.matches('[data-run]'))) {
    const number = (await thing.getAttribute('data-terminal')) ?? '1';
    const panel = page.locator(`#terminal-panel-${number}`);
    const words = (await thing.getAttribute('data-run')) ?? '';
    // certbot waits in the second terminal until its record is there.
    if (words.startsWith('kubectl exec certbot -- ls')) await endCertbot(page);
    const before = (await panel.count()) ? Number((await panel.getAttribute('data-prompts')) ?? 0) : 0;
    await thing.locator('[data-run-go]').click();
    if (number === '2') await stopBefore(page, panel, words);
    if (words.startsWith('read ')) await typeProof(page, panel);
    // What goes on in the second terminal is meant to stay there.
    if (number === '2') await expect(panel).toHaveAttribute('data-busy', 'true');
    else
      await expect
        .poll(async () => Number(await panel.getAttribute('data-prompts')), { timeout: 90_000 })
        .toBeGreaterThan(before);
    return;
  }
  if (await thing.evaluate((element) => element.matches('form'))) return answer(atelier, thing);
  if ((await thing.getAttribute('data-kind')) !== 'answer') {
    await expect(thing).toHaveAttribute('data-verdict', 'passed', { timeout: 60_000 });
  }
}

async function answer(atelier: Atelier, form: ReturnType<Page['locator']>): Promise<void> {
  const key = `${await form.getAttribute('data-answer-step')}/${await form.getAttribute('data-answer-check')}`;
  const value = ANSWERS[key]?.(atelier);
  expect(value, `an answer for ${key}`).toBeTruthy();
  const choice = form.locator(`input[type=radio][value="${value}"]`);
  if (await choice.count()) await choice.check();
  else await form.locator('input[name=value]').fill(value ?? '');
  await form.locator('button[type=submit]').click();
  await expect(form).toBeHidden();
}

/** What still goes on in the second terminal is stopped when the page offers that, until the command stands there. */
async function stopBefore(page: Page, panel: ReturnType<Page['locator']>, words: string): Promise<void> {
  const offer = page.getByRole('alertdialog').getByRole('button').nth(1);
  await expect(async () => {
    if (await offer.isVisible()) await offer.click();
    await expect(panel.locator('.xterm-rows')).toContainText(words.slice(0, 20), { timeout: 500 });
  }).toPass({ timeout: 30_000 });
}

/** Copies the value that certbot shows in the second terminal to whoever asks for it in the first. */
async function typeProof(page: Page, panel: ReturnType<Page['locator']>): Promise<void> {
  const value = async () => {
    const rows = await page.locator('#terminal-panel-2 .xterm-rows > div').allTextContents();
    return rows.map((row) => row.trim()).find((row) => /^[\w-]{43}$/.test(row)) ?? '';
  };
  // A terminal that is not in front draws nothing.
  await page.locator('#terminal-tab-2').click();
  await expect.poll(value, { timeout: 30_000 }).not.toBe('');
  const proof = await value();
  await page.locator('#terminal-tab-1').click();
  await expect(panel).toHaveAttribute('data-busy', 'true');
  await panel.locator('textarea').focus();
  await page.keyboard.type(`${proof}\n`);
}

async function endCertbot(page: Page): Promise<void> {
  const panel = page.locator('#terminal-panel-2');
  await page.locator('#terminal-tab-2').click();
  await panel.locator('textarea').focus();
  await page.keyboard.press('Enter');
  await expect(panel).toHaveAttribute('data-busy', 'false', { timeout: 60_000 });
  await page.locator('#terminal-tab-1').click();
}
