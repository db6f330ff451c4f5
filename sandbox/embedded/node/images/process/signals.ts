import type { Signal } from '../image.ts';

/** signal(7), Linux numbers. */
export const SIGNAL_NUMBERS: Record<Signal, number> = {
  SIGHUP: 1,
  SIGINT: 2,
  SIGQUIT: 3,
  SIGKILL: 9,
  SIGUSR1: 10,
  SIGUSR2: 12,
  SIGPIPE: 13,
  SIGTERM: 15,
  SIGWINCH: 28,
};

/** `9`, `KILL`, `SIGKILL`, `kill`; undefined for what is no signal we play. */
export function parseSignal(text: string): Signal | undefined {
  const wanted = text.toUpperCase();
  for (const [name, number] of Object.entries(SIGNAL_NUMBERS)) {
    if (wanted === name || `SIG${wanted}` === name || wanted === String(number)) return name as Signal;
  }
  return undefined;
}

/** Why a process's program must stop: thrown by every wait and write of a process that was ended. */
export class Ended extends Error {
  readonly code: number;
  constructor(code: number) {
    super('the process was ended');
    this.name = 'Ended';
    this.code = code;
  }
}
