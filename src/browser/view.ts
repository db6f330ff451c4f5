import { readView, VIEW_COOKIE, type View, writeView } from '../layouts/view.ts';

const YEAR = 365 * 24 * 3600;
const root = document.documentElement;

export function currentView(): View {
  const cookie = document.cookie.split('; ').find((one) => one.startsWith(`${VIEW_COOKIE}=`));
  return readView(cookie && decodeURIComponent(cookie.slice(VIEW_COOKIE.length + 1)));
}

/** Shows the page that way at once, and keeps it for the next one. */
export function changeView(change: Partial<View>): View {
  const view = { ...currentView(), ...change };
  // biome-ignore lint/suspicious/noDocumentCookie: the Cookie Store API is not in every browser yet
  document.cookie = `${VIEW_COOKIE}=${encodeURIComponent(writeView(view))}; path=/; max-age=${YEAR}; samesite=strict`;
  root.dataset.theme = view.theme;
  root.dataset.bench = view.bench;
  root.toggleAttribute('data-stage', view.stage && document.body.classList.contains('room'));
  if (view.map === 0) root.dataset.map = 'off';
  else {
    delete root.dataset.map;
    root.style.setProperty('--map', `${view.map}%`);
  }
  root.style.setProperty('--split', `${view.split}%`);
  for (const input of document.querySelectorAll<HTMLInputElement>('[data-view-menu] input')) {
    input.checked = view[input.name as 'theme' | 'bench'] === input.value;
  }
  return view;
}

/** Dark if it is light now, whoever chose that. */
export function flipTheme(): void {
  const dark = getComputedStyle(root).colorScheme === 'dark';
  const system = matchMedia('(prefers-color-scheme: dark)').matches;
  const isDark = currentView().theme === 'auto' ? system : dark;
  changeView({ theme: isDark ? 'light' : 'dark' });
}

document.querySelector('[data-view-menu]')?.addEventListener('change', ({ target }) => {
  if (target instanceof HTMLInputElement) changeView({ [target.name]: target.value });
});
