import type { ContainerProcess } from '../image.ts';

const levels = ['panic', 'fatal', 'error', 'warning', 'info', 'debug', 'trace'] as const;
export type Level = (typeof levels)[number];

/** Lines as logrus writes them. https://github.com/sirupsen/logrus */
export interface Log {
  level: Level;
  format: 'text' | 'json';
  debug(message: string): void;
  info(message: string): void;
  warn(message: string): void;
  error(message: string): void;
  fatal(message: string): void;
  /** Resolves when all of it is written. */
  written(): Promise<void>;
}

/** What ends the program: said at level fatal, exit code 1. */
export class Fatal extends Error {}

export function createLog(process: ContainerProcess): Log {
  let last: Promise<void> = Promise.resolve();
  const write = (level: Level, message: string) => {
    if (levels.indexOf(level) > levels.indexOf(log.level)) return;
    const time = process.container.clock
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
    const line =
      log.format === 'json'
        ? JSON.stringify({ level, msg: message, time })
        : `time=${JSON.stringify(time)} level=${level} msg=${quoted(message)}`;
    last = last.then(() => process.stderr.write(`${line}\n`)).catch(() => undefined);
  };
  const log: Log = {
    level: 'info',
    format: 'text',
    debug: (message) => write('debug', message),
    info: (message) => write('info', message),
    warn: (message) => write('warning', message),
    error: (message) => write('error', message),
    fatal: (message) => write('fatal', message),
    written: () => last,
  };
  return log;
}

const quoted = (text: string): string => (/^[\w\-./@^+]+$/.test(text) ? text : JSON.stringify(text));
