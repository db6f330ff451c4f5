import type { ContainerProcess } from '../image.ts';

const units: Record<string, number> = {
  '': 1,
  B: 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  k: 1000,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
};

/** `250M`, `1Gi`, `4096`: bytes; undefined when it is no size. */
export function sizeOf(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([A-Za-z]*)$/.exec(text.trim());
  const unit = match && units[match[2] ?? ''];
  return match && unit ? Math.round(Number(match[1]) * unit) : undefined;
}

/** How fast a program touches memory, in bytes a step of so many milliseconds. */
const STEP = 64 << 20;
const PAUSE = 20;

/** Takes memory up to `bytes`, as fast as a program can. Throws when that was too much. */
export async function takeMemory(process: ContainerProcess, bytes: number): Promise<void> {
  for (let held = Math.min(STEP, bytes); ; held = Math.min(held + STEP, bytes)) {
    process.hold(held);
    if (held === bytes) return;
    await process.sleep(PAUSE);
  }
}

/** Until the process is killed. */
export const forever = (): Promise<never> => new Promise(() => undefined);
