import { createHash } from 'node:crypto';
import type { Call } from './call.ts';
import type { Reply } from './reply.ts';

/** Of a text, in the form that a real server's hashes have. */
export const hashOf = (text: string): string => createHash('sha512').update(text).digest('hex').toUpperCase();

export interface Document {
  contentType: string;
  /** Made only when it is sent. */
  text(): string;
  /** Changes with the text; absent: clients do not keep it. */
  hash?: string;
  headers?: Record<string, string>;
}

/**
 * A text as Go's file server answers it: whole, the range that is asked for, or not again when the client has it
 * (net/http, ServeContent; one range, all others are answered with the whole).
 */
export function serveDocument(call: Call, { contentType, text, hash, headers: own }: Document): Reply {
  const etag = hash && `"${hash}"`;
  const headers: Record<string, string> = { 'accept-ranges': 'bytes', ...(etag && { etag }), ...own };
  if (etag && isNamed(call.header('if-none-match') ?? '', etag)) return { code: 304, raw: '', headers };
  const range = /^bytes=(\d*)-(\d*)$/.exec(call.header('range') ?? '');
  const condition = call.header('if-range');
  if (!range || range[0] === 'bytes=-' || (condition !== undefined && condition !== etag))
    return { code: 200, raw: text(), contentType, headers };
  const bytes = Buffer.from(text());
  const [, first = '', last = ''] = range;
  const start = first === '' ? Math.max(0, bytes.length - Number(last)) : Number(first);
  const end = first === '' || last === '' ? bytes.length : Math.min(bytes.length, Number(last) + 1);
  if (start >= end) {
    headers['content-range'] = `bytes */${bytes.length}`;
    return { code: 416, raw: 'invalid range: failed to overlap\n', headers };
  }
  headers['content-range'] = `bytes ${start}-${end - 1}/${bytes.length}`;
  return { code: 206, raw: bytes.subarray(start, end), contentType, headers };
}

/** Whether an `If-None-Match` names this tag. */
const isNamed = (header: string, etag: string): boolean =>
  header.split(',').some((one) => ['*', etag].includes(one.trim().replace(/^W\//, '')));
