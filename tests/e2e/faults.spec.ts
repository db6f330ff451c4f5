import { type Atelier, atPrompt, command, expect, front, screen, test, type } from './atelier.ts';

// Its tests break what they use, one after the other.
test.use({ seat: 'faults' });
test.describe.configure({ mode: 'serial' });

const alive = (pid: number) => {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
};

const LEARNERS = ['get', 'learners', '-n', 'atelier-system'];

test('a killed node process comes back, the API stays up', async ({ page, atelier }) => {
  await atelier.signIn(page);
  await atelier.open(page, 'raw-jupyter');
  await command(page, 'kubectl apply -f ~/datalab/jupyter-raw/ && kubectl rollout status deployment/jupyter');
  await expect(page.locator('[data-check="ready"]')).toHaveAttribute('data-verdict', 'passed');
  const before = atelier.processes();
  process.kill(before.node, 'SIGKILL');
  await command(page, 'clear; kubectl get deployment jupyter -o name');
  await expect(screen(page)).toContainText('deployment.apps/jupyter');
  await expect.poll(() => atelier.processes().node).not.toBe(before.node);
  expect(atelier.processes().cluster).toBe(before.cluster);
  await command(
    page,
    'clear; kubectl delete pod -l app=jupyter --wait=false; kubectl rollout status deployment/jupyter',
  );
  await expect(screen(page)).toContainText('successfully rolled out');
  await expect(page.locator('.card[data-kind="Pod"][data-tone="ok"]')).toHaveCount(1);
});

test('a killed API server heals, and the page goes on ticking', async ({ page, atelier }) => {
  await atelier.signIn(page);
  await atelier.open(page, 'raw-jupyter');
  const pods = page.locator('.card[data-kind="Pod"]');
  await expect(pods).toHaveCount(1);
  const before = atelier.processes();
  process.kill(before.cluster, 'SIGKILL');
  await expect.poll(() => atelier.processes().cluster).not.toBe(before.cluster);
  await expect.poll(() => alive(before.node)).toBe(false);
  await expect.poll(() => answers(atelier)).toContain('alice');
  await command(page, 'kubectl delete service jupyter');
  await expect(page.locator('.card[data-kind="Service"]')).toHaveCount(0);
  await command(page, 'kubectl scale deployment/jupyter --replicas=2');
  await expect(pods.and(page.locator('[data-tone="ok"]'))).toHaveCount(2, { timeout: 60_000 });
  await command(page, 'kubectl apply -f ~/datalab/jupyter-raw/');
  await expect(page.locator('.card[data-kind="Service"]')).toHaveCount(1);
  await expect(pods).toHaveCount(1, { timeout: 60_000 });
});

function answers(atelier: Atelier): string {
  try {
    return atelier.kubectl(...LEARNERS);
  } catch {
    return '';
  }
}

test('a second start on the same home is refused and names the first', async ({ atelier }) => {
  const { stderr, code } = await atelier.startAgain();
  expect(code).toBe(1);
  expect(stderr.trim().split('\n')).toHaveLength(1);
  expect(stderr).toContain(`pid ${atelier.processes().server}`);
  expect(stderr).toContain(atelier.origin);
});

test('a killed server comes back with the same progress and says that the shell is new', async ({ page, atelier }) => {
  await atelier.signIn(page);
  await atelier.open(page, 'raw-jupyter');
  const step = page.locator('[data-step="chain"]');
  await expect(step).toHaveAttribute('data-state', 'current');
  await type(page, 'seq 1 1000000; sleep 600\n');
  await expect(front(page)).toHaveAttribute('data-busy', 'true');
  const old = atelier.processes();
  await atelier.kill();
  await expect(front(page).locator('.terminal-notice')).toContainText('The connection is gone');
  await expect(page.locator('[data-toast]')).toContainText('Connection lost');
  await expect.poll(() => old.all.filter(alive)).toEqual([]);

  await atelier.start();
  await expect(front(page).locator('.terminal-notice')).toContainText('this is a new shell');
  await front(page).locator('.xterm-helper-textarea').press('Enter');
  await expect(front(page).locator('.terminal-notice')).toBeHidden();
  await atPrompt(page);
  await expect(page.locator('[data-toast]')).not.toContainText('Connection lost');
  await expect(page.locator('[data-check="ready"]')).toHaveAttribute('data-verdict', 'passed');
  await command(page, 'kubectl wait --for=condition=Ready pod -l app=jupyter');
  const form = step.locator('form[data-answer]');
  await form.locator('input[name=value]').fill('ReplicaSet');
  await form.locator('button[type=submit]').click();
  await expect(step).toHaveAttribute('data-state', 'done');
});

test('the link of the next start resumes at the lesson', async ({ page, atelier }) => {
  await atelier.signIn(page);
  await expect(page).toHaveURL(/\/en\/datalab\/raw-jupyter\//);
  await expect(page.locator('[data-step="token"]')).toHaveAttribute('data-state', 'current');
  await atPrompt(page);
});
