import type { BrowserMessages } from '../i18n/messages.ts';
import { announce, toast } from './said.ts';
import type { TerminalDoor } from './terminal-door.ts';

const COPIED_MS = 1600;
const RAN_MS = 500;

/** Run and Copy, wherever they stand. */
export function wireCommands(terminals: TerminalDoor, words: BrowserMessages): void {
  document.addEventListener('click', ({ target }) => {
    if (!(target instanceof Element)) return;
    const run = target.closest<HTMLElement>('[data-run]');
    if (!run) return;
    if (target.closest('[data-run-go]')) runCommand(run, terminals);
    if (target.closest('[data-run-copy]')) void copy(run, words);
  });
}

export function runCommand(run: HTMLElement, terminals: TerminalDoor): void {
  const { run: command = '', terminal } = run.dataset;
  // On a phone the bench is below the lesson.
  void terminals.run(command, terminal ? Number(terminal) : undefined).then(() => {
    if (terminals.host.getBoundingClientRect().bottom > innerHeight) terminals.host.scrollIntoView({ block: 'end' });
  });
  mark(run, 'ran', RAN_MS);
  run.dataset.used = '';
}

async function copy(run: HTMLElement, words: BrowserMessages): Promise<void> {
  try {
    await navigator.clipboard.writeText(run.dataset.run ?? '');
    mark(run, 'copied', COPIED_MS);
    announce(words.copied);
  } catch {
    const text = run.querySelector('.run-text');
    if (text) getSelection()?.selectAllChildren(text);
    toast(words.copyFailed);
  }
}

function mark(run: HTMLElement, name: 'ran' | 'copied', milliseconds: number): void {
  run.dataset[name] = '';
  setTimeout(() => delete run.dataset[name], milliseconds);
}
