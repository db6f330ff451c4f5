import { existsSync } from 'node:fs';
import type { Page } from '@playwright/test';
import { atPrompt, command, expect, front, screen, test, type } from './atelier.ts';

test.use({ seat: 'terminal' });

test.beforeEach(async ({ page, atelier }) => {
  await atelier.signIn(page);
  // In the second lesson kubectl has its kubeconfig.
  await atelier.open(page, 'raw-jupyter');
});

// What a test leaves running must not be met by the next one.
test.afterEach(async ({ context }) => {
  for (const page of context.pages()) {
    for (const tab of await page.locator('[role=tab][data-busy=true]').all()) {
      await tab.click();
      await page.keyboard.press('Control+C');
      await page.keyboard.press('q');
    }
  }
});

async function rows(page: Page): Promise<number> {
  return screen(page).locator('> div').count();
}

test('96 columns at 1280 × 720, and the shell follows the window', async ({ page }) => {
  // With its own type the terminal chooses its size anew.
  await page.evaluate(() => document.fonts.ready);
  await command(page, 'clear; stty size');
  // What the shell printed is painted with the next frame.
  await expect(screen(page)).toContainText(/\d+ \d+/);
  const [, lines, columns] = /(\d+) (\d+)/.exec((await screen(page).textContent()) ?? '') ?? [];
  expect(Number(columns)).toBeGreaterThanOrEqual(96);
  expect(Number(lines)).toBe(await rows(page));

  await page.setViewportSize({ width: 1280, height: 560 });
  await expect.poll(() => rows(page)).toBeLessThan(Number(lines));
  await command(page, 'clear; stty size');
  await expect(screen(page)).toContainText(`${await rows(page)} ${columns}`);
});

test('colours, accents and wide characters', async ({ page }) => {
  await command(page, "clear; printf '\\033[31mrouge\\033[0m été ✓\\n日本語|\\n123456|\\n'");
  await expect(screen(page).locator('.xterm-fg-1', { hasText: 'rouge' })).toBeVisible();
  await expect(screen(page)).toContainText('été ✓');
  const bars = await screen(page).evaluate((element) => {
    const found: number[] = [];
    for (const row of element.children) {
      const walker = document.createTreeWalker(row, NodeFilter.SHOW_TEXT);
      const text = row.textContent ?? '';
      if (!/^(日本語|123456)\|/.test(text)) continue;
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const at = (node.textContent ?? '').indexOf('|');
        if (at < 0) continue;
        const range = document.createRange();
        range.setStart(node, at);
        range.setEnd(node, at + 1);
        found.push(range.getBoundingClientRect().left);
      }
    }
    return found;
  });
  expect(bars).toHaveLength(2);
  expect(Math.abs((bars[0] ?? 0) - (bars[1] ?? 99))).toBeLessThan(1.5);
});

test('Ctrl-C ends a flood', async ({ page }) => {
  await type(page, 'yes\n');
  await expect(front(page)).toHaveAttribute('data-busy', 'true');
  await expect(screen(page)).toContainText('yyyyyyyy');
  await page.keyboard.press('Control+C');
  await atPrompt(page);
  await command(page, 'echo still $((40 + 2))');
  await expect(screen(page)).toContainText('still 42');
});

test('a paste of several lines asks once', async ({ page }) => {
  const paste = (text: string) =>
    front(page)
      .locator('textarea')
      .evaluate((element, pasted) => {
        const clipboardData = new DataTransfer();
        clipboardData.setData('text/plain', pasted);
        element.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
      }, text);
  const dialog = page.locator('dialog.terminal-paste');
  await command(page, 'clear');
  await paste('echo one-$((1))\necho two-$((2))\n');
  await expect(dialog).toContainText('Paste 2 lines into the shell?');
  await dialog.getByRole('button', { name: 'Cancel' }).click();
  await expect(dialog).toHaveCount(0);
  await command(page, ': nothing');
  await expect(screen(page)).not.toContainText('echo');

  await paste('echo one-$((1))\necho two-$((2))\n');
  await dialog.getByRole('button', { name: 'Paste' }).click();
  await expect(screen(page)).toContainText('echo two-$((2))');
  await expect(dialog).toHaveCount(0);
  await expect(screen(page)).not.toContainText('one-1');
  await page.keyboard.press('Enter');
  await expect(screen(page)).toContainText('one-1');
  await expect(screen(page)).toContainText('two-2');

  await paste('echo just-one');
  await expect(screen(page)).toContainText('echo just-one');
  await expect(dialog).toHaveCount(0);
  await page.keyboard.press('Control+U');
});

test('Run never types into a program', async ({ page }) => {
  const run = page.locator('[data-step="chain"] [data-run]').first();
  const text = (await run.getAttribute('data-run')) ?? '';
  for (const [program, shown] of [
    ['cat', 'cat'],
    ['less /etc/passwd', 'root:'],
  ] as const) {
    await command(page, 'clear');
    await type(page, `${program}\n`);
    await expect(front(page)).toHaveAttribute('data-busy', 'true');
    await expect(screen(page)).toContainText(shown);
    await run.locator('[data-run-go]').click();
    const offer = front(page).locator('.terminal-offer');
    await expect(offer).toContainText(`“${program}” is still running here.`);
    await expect(screen(page)).not.toContainText(text.slice(0, 20));
    await offer.getByRole('button', { name: 'Cancel' }).click();
    await expect(front(page)).toHaveAttribute('data-busy', 'true');
    await page.keyboard.press(program === 'cat' ? 'Control+C' : 'q');
    await atPrompt(page);
  }
});

test('Run while busy: the other terminal, or Ctrl-C first', async ({ page }) => {
  const run = page.locator('[data-step="chain"] [data-run]').first();
  const text = ((await run.getAttribute('data-run')) ?? '').slice(0, 24);
  await command(page, 'clear');
  await type(page, 'cat\n');
  await expect(front(page)).toHaveAttribute('data-busy', 'true');
  await run.locator('[data-run-go]').click();
  await page.getByRole('button', { name: 'Run it in terminal 2' }).click();
  await expect(page.locator('#terminal-panel-2')).toBeVisible();
  await expect(screen(page)).toContainText(text);
  await atPrompt(page);

  await page.getByRole('tab', { name: 'Terminal', exact: true }).click();
  await expect(front(page)).toHaveAttribute('data-busy', 'true');
  await expect(screen(page)).not.toContainText(text);
  await run.locator('[data-run-go]').click();
  await page.getByRole('button', { name: 'Stop it (Ctrl-C), then run' }).click();
  await expect(screen(page)).toContainText(text);
  await atPrompt(page);
  await expect(page.locator('.terminal-offer')).toHaveCount(0);
});

test('a reload keeps the screen, the scrollback and what runs', async ({ page }) => {
  // More than the server keeps byte by byte.
  await command(page, 'clear; seq 1 60000; echo the-last');
  await page.reload();
  await atPrompt(page);
  await expect(screen(page)).toContainText('the-last');
  await expect(screen(page)).toContainText('60000');
  await page.locator('.terminal-panel:not([hidden]) textarea').focus();
  await page.keyboard.press('Shift+PageUp');
  await page.keyboard.press('Shift+PageUp');
  await expect(screen(page)).toContainText(/599[4-7]\d/);

  await type(page, String.raw`printf '\e[?1049h\e[2J\e[4;9H\e[32mhalf-way\e[8;2H'; cat; printf '\e[?1049l'`);
  await page.keyboard.press('Enter');
  await expect(screen(page)).toHaveText(/^\s*half-way\s*$/);
  await page.reload();
  await expect(front(page)).toHaveAttribute('data-busy', 'true');
  await expect(screen(page)).toHaveText(/^\s*half-way\s*$/);
  await expect(screen(page).locator('> div').nth(3).locator('.xterm-fg-2')).toHaveText('half-way');
  await page.keyboard.press('F6');
  await page.keyboard.press('Control+D');
  await expect(screen(page)).toContainText('the-last');
  await atPrompt(page);
});

test('a reload in vim finds the same screen', async ({ page }) => {
  test.skip(!process.env.PATH?.split(':').some((folder) => existsSync(`${folder}/vim`)), 'vim is not on this machine');
  await type(page, 'vim -u NONE /etc/passwd\n');
  await expect(screen(page)).toContainText(/root:.*"\/etc\/passwd" \d+/s);
  const before = await screen(page).textContent();
  await page.reload();
  await expect(front(page)).toHaveAttribute('data-busy', 'true');
  await expect.poll(() => screen(page).textContent()).toBe(before);
  await type(page, ':q!\n');
  await atPrompt(page);
});

test('two tabs show one shell, and one of them decides its size', async ({ page, context, atelier }) => {
  const other = await context.newPage();
  await other.setViewportSize({ width: 1180, height: 900 });
  await atelier.open(other, 'raw-jupyter');
  await command(page, 'clear; echo seen-by-$((1 + 1))');
  await expect(screen(other)).toContainText('seen-by-2');
  expect(await rows(other)).toBe(await rows(page));

  await expect(page.locator('.terminal-take')).toHaveCount(0);
  const lines = await rows(page);
  await other.getByRole('button', { name: 'Fit it here' }).click();
  await expect(page.locator('.terminal-take')).toBeVisible();
  await expect(other.locator('.terminal-take')).toHaveCount(0);
  await expect.poll(() => rows(other)).toBeGreaterThan(lines);
  await expect.poll(() => rows(page)).toBe(await rows(other));
  await command(other, 'clear; stty size');
  await expect(screen(page)).toContainText(`${await rows(other)} `);
  await other.close();
  await expect(page.locator('.terminal-take')).toHaveCount(0);
  await expect.poll(() => rows(page)).toBe(lines);
});

test('more terminals, by mouse and by arrow keys', async ({ page }) => {
  await command(page, 'here=first; clear');
  await page.getByRole('button', { name: 'Open another terminal' }).click();
  await atPrompt(page);
  await command(page, 'echo "here is $here."');
  await expect(screen(page)).toContainText('here is .');
  const tabs = page.getByRole('tab');
  await tabs.last().focus();
  await page.keyboard.press('ArrowLeft');
  await expect(tabs.first()).toHaveAttribute('aria-selected', 'true');
  await command(page, 'echo "here is $here."');
  await expect(screen(page)).toContainText('here is first.');
});

test('k completes as kubectl does', async ({ page }) => {
  await command(page, 'clear');
  await type(page, 'k get dep\t');
  await expect(screen(page)).toContainText('k get deployments');
  await page.keyboard.press('Control+U');
  await type(page, 'helm hist\t');
  await expect(screen(page)).toContainText('helm history');
  await page.keyboard.press('Control+U');
});

test('F6 leaves the terminal and comes back', async ({ page }) => {
  await front(page).locator('textarea').focus();
  await page.keyboard.press('F6');
  await expect(page.locator('[data-lesson-pane]')).toBeFocused();
  await page.keyboard.press('F6');
  await expect(front(page).locator('textarea')).toBeFocused();
});

test('an address in the output opens in a page of its own', async ({ page, context, atelier }) => {
  await command(page, `clear; echo ${atelier.origin}/en/`);
  const line = screen(page)
    .locator('span', { hasText: new RegExp(`^${atelier.origin}/en/`) })
    .last();
  const box = await line.boundingBox();
  const opened = context.waitForEvent('page');
  await page.mouse.move((box?.x ?? 0) + 40, (box?.y ?? 0) + 8, { steps: 3 });
  await expect(front(page).locator('.xterm-cursor-pointer')).toHaveCount(1);
  await page.mouse.down();
  await page.mouse.up();
  await expect(await opened).toHaveURL(/\/en\/$/);
});

test('a shell that ended is said, and another is offered', async ({ page }) => {
  await page.getByRole('button', { name: 'Open another terminal' }).click();
  await atPrompt(page);
  await type(page, 'exit 3\n');
  await expect(front(page).locator('.terminal-offer')).toContainText('The shell has ended (3).');
  await page.getByRole('button', { name: 'Start a new one' }).click();
  await atPrompt(page);
  await command(page, 'echo again-$((5 + 5))');
  await expect(screen(page)).toContainText('again-10');
});

test.describe('on a phone', () => {
  test.use({ viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true });

  test('a row of keys stands in for those that are missing', async ({ page }) => {
    const keys = page.getByRole('toolbar', { name: 'Keys' });
    await keys.scrollIntoViewIfNeeded();
    await command(page, 'echo tapped-$((7 * 6))');
    await keys.getByRole('button', { name: '↑' }).tap();
    await type(page, '\n');
    await expect(screen(page)).toContainText(/tapped-42.*tapped-42/s);
    for (const end of ['^C', 'Ctrl'] as const) {
      await type(page, 'cat\n');
      await expect(front(page)).toHaveAttribute('data-busy', 'true');
      await keys.getByRole('button', { name: end, exact: true }).tap();
      // As an on-screen keyboard does: no key, only what it enters.
      if (end === 'Ctrl') await page.keyboard.insertText('c');
      await atPrompt(page);
    }
  });
});
