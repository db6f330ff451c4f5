import type { ContainerProcess } from '../image.ts';

type Level = 'debug' | 'info' | 'warn' | 'error';
export type Fields = Record<string, unknown>;

/** One line, or one JSON object, for each event; `with` adds fields to all that follow. */
export interface Log {
  debug(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  error(message: string, fields?: Fields): void;
  with(fields: Fields): Log;
}

export interface LogOptions {
  level: string;
  json: boolean;
  color: boolean;
}

const rank: Record<string, number> = {
  trace: 0,
  debug: 0,
  info: 1,
  warn: 2,
  error: 3,
  fatal: 4,
  panic: 5,
  disabled: 9,
};
const marks: Record<Level, [name: string, color: number]> = {
  debug: ['DBG', 0],
  info: ['INF', 32],
  warn: ['WRN', 33],
  error: ['ERR', 31],
};

/** Whether the level is one of zerolog's. */
export function isLevel(level: string): boolean {
  return level in rank;
}

/** The log on the container's standard output, as zerolog writes it. https://doc.traefik.io/traefik/observability/logs/ */
export function createLog(process: ContainerProcess, options: LogOptions, context: Fields = {}): Log {
  const least = rank[options.level] ?? 3;
  const write = (level: Level, message: string, fields: Fields = {}): void => {
    if (rank[level]! < least) return;
    const time = process.container.clock
      .now()
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
    const all = { ...context, ...fields };
    const text = options.json ? json(level, time, message, all) : line(level, time, message, all, options.color);
    process.stdout.write(`${text}\n`).catch(() => {});
  };
  return {
    debug: (message, fields) => write('debug', message, fields),
    info: (message, fields) => write('info', message, fields),
    warn: (message, fields) => write('warn', message, fields),
    error: (message, fields) => write('error', message, fields),
    with: (fields) => createLog(process, options, { ...context, ...fields }),
  };
}

function json(level: Level, time: string, message: string, fields: Fields): string {
  return JSON.stringify({ level, ...fields, time, ...(message && { message }) });
}

function line(level: Level, time: string, message: string, fields: Fields, color: boolean): string {
  const paint = (text: string, code: number) => (color && code ? `\u001b[${code}m${text}\u001b[0m` : text);
  const [mark, tint] = marks[level];
  const parts = [paint(time, 90), paint(mark, tint)];
  if (message) parts.push(level === 'debug' ? message : paint(message, 1));
  const names = Object.keys(fields).sort((a, b) => Number(b === 'error') - Number(a === 'error') || (a < b ? -1 : 1));
  for (const name of names) {
    const value = quoted(fields[name]);
    parts.push(`${paint(`${name}=`, 36)}${name === 'error' ? paint(paint(value, 1), 31) : value}`);
  }
  return parts.join(' ');
}

/** As zerolog's console writer does: quoted where a reader could mistake it. */
function quoted(value: unknown): string {
  if (typeof value !== 'string') return typeof value === 'object' ? JSON.stringify(value) : String(value);
  for (let index = 0; index < value.length; index += 1) {
    const code = value.charCodeAt(index);
    if (code <= 0x20 || code >= 0x7f || code === 0x22 || code === 0x5c) return JSON.stringify(value);
  }
  return value;
}
