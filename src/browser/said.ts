const QUIET_MS = 4000;

/** Says something to those who listen to the page rather than see it. */
export function announce(text: string): void {
  const region = document.querySelector('[data-announcer]');
  if (!region) return;
  const line = document.createElement('p');
  line.textContent = text;
  region.append(line);
  while (region.childElementCount > 4) region.firstElementChild?.remove();
}

let hiding: ReturnType<typeof setTimeout> | undefined;

/** A quiet notice in the corner; `stay` keeps it until the next one or `hideToast`. */
export function toast(text: string, { level = 'warning', stay = false } = {}): void {
  const box = document.querySelector<HTMLElement>('[data-toast]');
  if (!box) return;
  clearTimeout(hiding);
  box.dataset.level = level;
  box.textContent = text;
  box.hidden = false;
  if (!stay) hiding = setTimeout(hideToast, QUIET_MS);
}

export function hideToast(): void {
  const box = document.querySelector<HTMLElement>('[data-toast]');
  if (box) box.hidden = true;
}
