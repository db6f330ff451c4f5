import pino from 'pino';

export interface Log {
  /** Something went wrong and Atelier went on. */
  trouble(error: Error): void;
}

/** Writes to a file of the home, synchronously: what came before a crash is in it. */
export function openLog(file: string): Log {
  const log = pino({ base: null }, pino.destination({ dest: file, sync: true, mkdir: true }));
  return { trouble: (error) => log.warn({ error: error.stack ?? error.message }, 'trouble') };
}
