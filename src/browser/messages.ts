import type { BrowserMessages } from '../i18n/messages.ts';

/** The texts that came with the page, in its language. */
export function pageMessages(): BrowserMessages {
  return JSON.parse(document.querySelector('#messages')?.textContent ?? '{}') as BrowserMessages;
}
