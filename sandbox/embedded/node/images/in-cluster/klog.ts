import type { ContainerProcess } from '../image.ts';

/** Values of a log line, in order. */
export type LogValues = Record<string, unknown>;

/** Writes as Kubernetes' own programs do: https://pkg.go.dev/k8s.io/klog/v2#hdr-Basic_examples */
export interface Logger {
  /** `source` is the file and line of the real program; printed when `--v` is at least the level. */
  info(source: string, message: string, values?: LogValues, level?: number): void;
  error(source: string, error: string | undefined, message: string, values?: LogValues): void;
  named(name: string): Logger;
  with(values: LogValues): Logger;
}

interface LogOptions {
  write: (line: string) => void;
  now: () => Date;
  verbosity: number;
}

function createLogger(options: LogOptions, name = '', bound: LogValues = {}): Logger {
  function line(severity: 'I' | 'E', source: string, message: string, values: LogValues): void {
    const now = options.now().toISOString();
    const pairs = Object.entries(values).map(([key, value]) => ` ${key}=${print(value)}`);
    const head = `${severity}${now.slice(5, 7)}${now.slice(8, 10)} ${now.slice(11, 23)}000       1 ${source}]`;
    options.write(`${head} ${JSON.stringify(message)}${pairs.join('')}\n`);
  }
  const tagged = name ? { logger: name } : {};
  return {
    info(source, message, values = {}, level = 0) {
      if (level <= options.verbosity) line('I', source, message, { ...tagged, ...bound, ...values });
    },
    error(source, error, message, values = {}) {
      line('E', source, message, { err: error ?? null, ...tagged, ...bound, ...values });
    },
    named: (more) => createLogger(options, name ? `${name}.${more}` : more, bound),
    with: (values) => createLogger(options, name, { ...bound, ...values }),
  };
}

export interface ProcessLogger extends Logger {
  /** Resolves when all is written: to be awaited before the process ends. */
  flush(): Promise<void>;
}

/** A process's log: to its stderr, line after line, by the cluster's calendar. */
export function loggerOf(process: ContainerProcess, verbosity: number, name: string): ProcessLogger {
  let chain: Promise<void> = Promise.resolve();
  const write = (line: string): void => {
    // Whoever is killed says no more.
    chain = chain.then(() => process.stderr.write(line)).catch(() => undefined);
  };
  const logger = createLogger({ now: () => process.container.clock.calendar(), verbosity, write }, name);
  return { ...logger, flush: () => chain };
}

function print(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'string')
    return value.includes('\n') ? `<\n\t${value.replaceAll('\n', '\n\t')}\n >` : JSON.stringify(value);
  return typeof value === 'object' ? JSON.stringify(value) : String(value);
}
