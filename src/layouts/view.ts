/** How a learner wants the page: kept in a cookie, so that the server draws it so at once and nothing jumps. */
export interface View {
  theme: 'auto' | 'light' | 'dark';
  bench: 'light' | 'dark';
  /** Width of the lesson, % of the page. */
  split: number;
  /** Height of the map, % of the bench; 0 hides it. */
  map: number;
  stage: boolean;
}

export const VIEW_COOKIE = 'atelier-view';
export const SPLIT = { least: 26, usual: 39, most: 64 } as const;
export const MAP = { least: 12, usual: 40, most: 76 } as const;

const within = (value: number, { least, usual, most }: typeof SPLIT | typeof MAP) =>
  Number.isFinite(value) ? Math.min(most, Math.max(least, value)) : usual;

/** Reads the cookie's value; what is missing or odd is as usual. */
export function readView(text: string | undefined): View {
  const values = new URLSearchParams(text ?? '');
  const theme = values.get('theme');
  const map = values.get('map');
  return {
    theme: theme === 'light' || theme === 'dark' ? theme : 'auto',
    bench: values.get('bench') === 'light' ? 'light' : 'dark',
    split: within(Number(values.get('split') ?? Number.NaN), SPLIT),
    map: map === '0' ? 0 : within(Number(map ?? Number.NaN), MAP),
    stage: values.get('stage') === '1',
  };
}

export function writeView(view: View): string {
  return new URLSearchParams({
    theme: view.theme,
    bench: view.bench,
    split: view.split.toFixed(1),
    map: view.map.toFixed(0),
    stage: view.stage ? '1' : '0',
  }).toString();
}
