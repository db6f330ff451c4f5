import type { TerminalWords } from './words.ts';

export interface Choice {
  label: string;
  act(): void;
}

/** A line over the terminal that says what is the matter and offers what can be done. */
export function showOffer(host: HTMLElement, sentence: string, choices: Choice[]): () => void {
  const offer = document.createElement('div');
  offer.className = 'terminal-offer';
  offer.setAttribute('role', 'alertdialog');
  offer.setAttribute('aria-label', sentence);
  const text = document.createElement('p');
  text.textContent = sentence;
  offer.append(text);
  for (const choice of choices) {
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = choice.label;
    button.addEventListener('click', () => {
      offer.remove();
      choice.act();
    });
    offer.append(button);
  }
  host.append(offer);
  offer.querySelector('button')?.focus();
  return () => offer.remove();
}

/** Asks once before several lines go into a shell, which would run each of them. */
export function confirmPaste(host: HTMLElement, text: string, words: TerminalWords): Promise<boolean> {
  const dialog = document.createElement('dialog');
  dialog.className = 'terminal-paste';
  const title = document.createElement('h2');
  title.textContent = words.pasteTitle(text.trimEnd().split('\n').length);
  const preview = document.createElement('pre');
  preview.textContent = text;
  preview.tabIndex = 0;
  const form = document.createElement('form');
  form.method = 'dialog';
  for (const [value, label] of [
    ['paste', words.paste],
    ['', words.cancel],
  ] as const) {
    const button = document.createElement('button');
    button.value = value;
    button.textContent = label;
    form.append(button);
  }
  dialog.append(title, preview, form);
  host.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener('close', () => {
      dialog.remove();
      resolve(dialog.returnValue === 'paste');
    });
  });
}
