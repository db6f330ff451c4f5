import type { Figure } from './figures.ts';

/** What the parts share. */
export interface Workplace {
  /** An empty folder of this run. */
  directory: string;
  kubectl: string;
  chromium: string | undefined;
  /** A kubeconfig of a real API server to compare with, if one was named. */
  realCluster: string | undefined;
  /** Undone when the part is over, however it ends; the last first. */
  atEnd(undo: () => unknown): void;
}

/** Some figures that are measured together. */
export interface Part {
  name: string;
  /** Seconds after which it counts as failed. */
  patience: number;
  run(workplace: Workplace): Promise<Figure[]>;
}

export function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds));
}
