import type { TerminalWords } from './words.ts';

const KEYS = [
  ['Esc', '\u001b'],
  ['Tab', '\t'],
  ['Ctrl', 'control'],
  ['↑', '\u001b[A'],
  ['↓', '\u001b[B'],
  ['←', '\u001b[D'],
  ['→', '\u001b[C'],
  ['^C', '\u0003'],
] as const;

/** The keys a phone's keyboard lacks; shown by CSS where the pointer is coarse. */
export function mountKeyRow(host: HTMLElement, words: TerminalWords, type: (data: string) => void): void {
  const row = document.createElement('div');
  row.className = 'terminal-keys';
  row.setAttribute('role', 'toolbar');
  row.setAttribute('aria-label', words.keys);
  let control: HTMLButtonElement | undefined;
  for (const [label, data] of KEYS) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = label;
    // Keeps the on-screen keyboard open.
    button.addEventListener('pointerdown', (event) => event.preventDefault());
    if (data === 'control') {
      control = button;
      button.setAttribute('aria-pressed', 'false');
      button.addEventListener('click', () => press(button.getAttribute('aria-pressed') !== 'true'));
    } else button.addEventListener('click', () => type(data));
    row.append(button);
  }
  const press = (on: boolean) => control?.setAttribute('aria-pressed', String(on));
  // With Ctrl held, the next letter becomes its control character.
  host.addEventListener(
    'beforeinput',
    (event) => {
      if (control?.getAttribute('aria-pressed') !== 'true' || !event.data) return;
      event.preventDefault();
      event.stopPropagation();
      press(false);
      type(String.fromCharCode(event.data.toUpperCase().charCodeAt(0) & 31));
    },
    { capture: true },
  );
  host.append(row);
}
