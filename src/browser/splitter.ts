import { MAP, SPLIT } from '../layouts/view.ts';
import { changeView, currentView } from './view.ts';

const STEP = 2;

/** The two bars that share out the page: by pointer, by arrow keys, and back to usual by double click. */
export function wireSplitters(page: HTMLElement): void {
  for (const bar of page.querySelectorAll<HTMLElement>('[data-splitter]')) {
    const name = bar.dataset.splitter === 'map' ? 'map' : 'split';
    const limits = name === 'map' ? MAP : SPLIT;
    const set = (value: number) => {
      const within = Math.min(limits.most, Math.max(limits.least, value));
      changeView({ [name]: within });
      bar.setAttribute('aria-valuenow', within.toFixed(0));
    };
    bar.setAttribute('aria-valuenow', (currentView()[name] || limits.usual).toFixed(0));

    bar.addEventListener('pointerdown', (event) => {
      bar.setPointerCapture(event.pointerId);
      bar.dataset.dragging = '';
      event.preventDefault();
      bar.focus({ preventScroll: true });
    });
    bar.addEventListener('pointermove', (event) => {
      if (bar.dataset.dragging === undefined) return;
      const area = bar.closest(name === 'map' ? '.bench' : '.split')?.getBoundingClientRect();
      if (!area) return;
      const share =
        name === 'map' ? (event.clientY - area.top) / area.height : (event.clientX - area.left) / area.width;
      set(share * 100);
    });
    for (const end of ['pointerup', 'pointercancel'] as const) {
      bar.addEventListener(end, () => delete bar.dataset.dragging);
    }
    bar.addEventListener('dblclick', () => set(limits.usual));
    bar.addEventListener('keydown', (event) => {
      const now = currentView()[name] || limits.usual;
      const keys: Record<string, number> = {
        [name === 'map' ? 'ArrowUp' : 'ArrowLeft']: now - STEP,
        [name === 'map' ? 'ArrowDown' : 'ArrowRight']: now + STEP,
        Home: limits.least,
        End: limits.most,
        Enter: limits.usual,
      };
      const next = keys[event.key];
      if (next === undefined) return;
      event.preventDefault();
      set(next);
    });
  }
}
