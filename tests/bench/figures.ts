/** One thing measured, beside what it is measured against in the same run. */
export interface Figure {
  name: string;
  value: number;
  unit: 'ms' | 's' | 'MB' | 'kB' | 'MB/s' | '/s' | '';
  anchor?: { name: string; value: number };
  budget?: Budget;
  note?: string;
}

/** Of the figure itself or of its ratio to the anchor; `most` is an upper bound, `least` a lower one. */
export interface Budget {
  of: 'figure' | 'ratio';
  most?: number;
  least?: number;
}

export type Verdict = 'within' | 'over' | '';

/** The smallest value that at least `share` (0 to 1) of all are not above (nearest rank). NaN for none. */
export function percentile(values: number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}

export function median(values: number[]): number {
  return percentile(values, 0.5);
}

/** How often the anchor fits into the figure; undefined without an anchor. */
export function ratioOf({ value, anchor }: Figure): number | undefined {
  return anchor && value / anchor.value;
}

/** Held against the budget; a figure that could not be measured is over it. */
export function verdictOf(figure: Figure): Verdict {
  const { budget } = figure;
  if (!budget) return '';
  const held = budget.of === 'ratio' ? ratioOf(figure) : figure.value;
  if (held === undefined || Number.isNaN(held)) return 'over';
  const { most = Number.POSITIVE_INFINITY, least = Number.NEGATIVE_INFINITY } = budget;
  return held <= most && held >= least ? 'within' : 'over';
}

/** Three significant digits, which is more than a shared machine is worth. */
export function round(value: number): string {
  if (!Number.isFinite(value)) return '–';
  return Math.abs(value) >= 100 ? value.toFixed(0) : String(Number(value.toPrecision(3)));
}

function budgetText({ budget, unit }: Figure): string {
  if (!budget) return '';
  const [sign, limit] = budget.most === undefined ? ['≥', budget.least] : ['≤', budget.most];
  return `${sign} ${limit}${budget.of === 'ratio' ? ' ×' : ` ${unit}`}`;
}

const HEADS = ['what', 'figure', 'anchor', 'ratio', 'budget', 'verdict'];

/** A Markdown table: readable in a terminal, pasted as it is. */
export function tableOf(figures: Figure[]): string {
  const rows = figures.map((figure) => {
    const ratio = ratioOf(figure);
    const { name, value, unit, anchor, note } = figure;
    return [
      note ? `${name} (${note})` : name,
      `${round(value)} ${unit}`.trim(),
      anchor ? `${round(anchor.value)} ${unit} (${anchor.name})` : '',
      ratio === undefined ? '' : `${round(ratio)} ×`,
      budgetText(figure),
      verdictOf(figure),
    ];
  });
  const widths = HEADS.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: string[]) => `| ${cells.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [line(HEADS), line(widths.map((width) => '-'.repeat(width))), ...rows.map(line)].join('\n');
}
