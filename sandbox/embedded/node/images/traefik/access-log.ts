import type { ContainerProcess } from '../image.ts';
import { canonical, type Exchange } from './server/exchange.ts';

export interface AccessLogOptions {
  json: boolean;
  /** `400-499`, `500`: only these. */
  statuses: [least: number, most: number][];
  /** Milliseconds an answer must have taken. */
  least: number;
  /** Headers that JSON tells as they are: all, or those named. */
  headers: { keep: boolean; names: Map<string, string> };
}

/** Writes a line for each answered request. https://doc.traefik.io/traefik/observability/access-logs/ */
export type AccessLog = (exchange: Exchange) => void;

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const two = (number: number): string => String(number).padStart(2, '0');

/** `21/Nov/2026:07:02:53 +0000` */
function stamp(date: Date): string {
  const day = `${two(date.getUTCDate())}/${months[date.getUTCMonth()]}/${date.getUTCFullYear()}`;
  return `${day}:${two(date.getUTCHours())}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())} +0000`;
}

export function createAccessLog(process: ContainerProcess, options: AccessLogOptions): AccessLog {
  let count = 0;
  let lines: string[] = [];
  let second = { at: 0, text: '' };
  /** The same text for all of a second. */
  const shown = (at: number): string => {
    const whole = Math.floor(at / 1000);
    if (second.at !== whole) second = { at: whole, text: stamp(new Date(at)) };
    return second.text;
  };
  // Many requests within one turn are one write.
  function write(line: string): void {
    if (lines.push(line) > 1) return;
    setImmediate(() => {
      const text = lines.join('');
      lines = [];
      process.stdout.write(text).catch(() => {});
    });
  }

  return (exchange) => {
    const { record, req, started } = exchange;
    const took = performance.now() - started;
    count += 1;
    if (
      options.statuses.length > 0 &&
      !options.statuses.some(([least, most]) => record.status >= least && record.status <= most)
    )
      return;
    if (took < options.least) return;
    const now = process.container.clock.now();
    const at = new Date(now.getTime() - took);
    const protocol = `HTTP/${req.httpVersionMajor > 1 ? '2.0' : req.httpVersion}`;
    if (options.json) return write(`${JSON.stringify(entry(exchange, options, { count, took, at, now, protocol }))}\n`);
    const { headers } = req;
    const quoted = (text: string | undefined): string => (text ? `"${text}"` : '"-"');
    write(
      `${exchange.client || '-'} - ${record.user || '-'} [${shown(at.getTime())}] "${exchange.method} ${exchange.url} ${protocol}" ` +
        `${record.status} ${record.size} ${quoted(headers.referer)} ${quoted(headers['user-agent'])} ${count} ` +
        `${quoted(record.router)} ${quoted(record.url)} ${Math.floor(took)}ms\n`,
    );
  };
}

interface Measured {
  count: number;
  took: number;
  at: Date;
  now: Date;
  protocol: string;
}

function entry(exchange: Exchange, options: AccessLogOptions, { count, took, at, now, protocol }: Measured): object {
  const { record, req, client, secure } = exchange;
  const nanoseconds = (milliseconds: number): number => Math.round(milliseconds * 1e6);
  const origin =
    record.originStarted === undefined ? 0 : (record.originEnded ?? performance.now()) - record.originStarted;
  const port = (req.socket as { remotePort?: number }).remotePort ?? 0;
  const told: Record<string, unknown> = {
    ClientAddr: `${client}:${port}`,
    ClientHost: client,
    ClientPort: String(port),
    ClientUsername: record.user || '-',
    DownstreamContentSize: record.size,
    DownstreamStatus: record.status,
    Duration: nanoseconds(took),
    ...(record.originStatus && {
      OriginContentSize: record.size,
      OriginDuration: nanoseconds(origin),
      OriginStatus: record.originStatus,
    }),
    Overhead: nanoseconds(took - origin),
    RequestAddr: exchange.authority,
    RequestContentSize: Number(req.headers['content-length'] ?? 0),
    RequestCount: count,
    RequestHost: exchange.host,
    RequestMethod: exchange.method,
    RequestPath: exchange.url,
    RequestPort: /:(\d+)$/.exec(exchange.authority)?.[1] ?? '-',
    RequestProtocol: protocol,
    RequestScheme: secure ? 'https' : 'http',
    RetryAttempts: record.retries,
    ...(record.router && { RouterName: record.router }),
    ...(record.url && { ServiceAddr: new URL(record.url).host, ServiceName: record.service, ServiceURL: record.url }),
    StartLocal: at.toISOString(),
    StartUTC: at.toISOString(),
    ...(secure && { TLSCipher: 'TLS_AES_128_GCM_SHA256', TLSVersion: '1.3' }),
    entryPointName: exchange.entryPoint,
    level: 'info',
    msg: '',
    time: now.toISOString().replace(/\.\d+Z$/, 'Z'),
  };
  for (const [name, value] of Object.entries(req.headers)) {
    const shown = canonical(name);
    const mode = options.headers.names.get(name) ?? (options.headers.keep ? 'keep' : 'drop');
    if (mode !== 'drop' && !name.startsWith(':') && !name.startsWith('x-forwarded'))
      told[`request_${shown}`] = mode === 'redact' ? 'REDACTED' : String(value);
  }
  return told;
}
