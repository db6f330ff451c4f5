import type { KubeObject } from '../../../../../kubernetes/object.ts';

/** Values of a log line, in order. */
export type Values = Record<string, unknown>;

/** Writes as klog does: https://github.com/kubernetes/community/blob/master/contributors/devel/sig-instrumentation/logging.md */
export interface Logger {
  /** `source` is the file and line of the real program; printed when `--v` is at least the level. */
  info(source: string, message: string, values?: Values, level?: number): void;
  error(source: string, error: string | undefined, message: string, values?: Values): void;
  named(name: string): Logger;
  /** Of this name alone. */
  renamed(name: string): Logger;
  with(values: Values): Logger;
}

export interface LogOptions {
  write: (line: string) => void;
  now: () => Date;
  verbosity: number;
}

export function createLogger(options: LogOptions, name = 'cert-manager', bound: Values = {}): Logger {
  function line(severity: 'I' | 'E', source: string, message: string, values: Values): void {
    const now = options.now();
    const two = (number: number) => String(number).padStart(2, '0');
    const day = two(now.getUTCMonth() + 1) + two(now.getUTCDate());
    const time = now.toISOString().slice(11, 23);
    const pairs = Object.entries(values).map(([key, value]) => ` ${key}=${print(value)}`);
    options.write(`${severity}${day} ${time}000       1 ${source}] ${JSON.stringify(message)}${pairs.join('')}\n`);
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
    renamed: (other) => createLogger(options, other, bound),
    with: (values) => createLogger(options, name, { ...bound, ...values }),
  };
}

function print(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (typeof value === 'string')
    return value.includes('\n') ? `<\n\t${value.replaceAll('\n', '\n\t')}\n >` : JSON.stringify(value);
  if (Array.isArray(value)) return JSON.stringify(value);
  return String(value);
}

/** What lines about an object carry. */
export function about(object: KubeObject, prefix = 'resource'): Values {
  return {
    [`${prefix}_name`]: object.metadata.name ?? '',
    [`${prefix}_namespace`]: object.metadata.namespace ?? '',
    [`${prefix}_kind`]: object.kind,
    [`${prefix}_version`]: object.apiVersion.split('/').at(-1) ?? '',
  };
}
