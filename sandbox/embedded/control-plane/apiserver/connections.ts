import { type Server, STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import type { TlsOptions } from 'node:tls';

/** How long a client may take, and how much it may say before its body; as Go's server does (apiserver/pkg/server/secure_serving.go). */
export const connectionOptions = {
  /** With the slack Go gives. */
  maxHeaderSize: 1024 * 1024 + 4096,
  headersTimeout: 32_000,
  handshakeTimeout: 32_000,
  connectionsCheckingInterval: 10_000,
  keepAliveTimeout: 90_000,
  /** Uploads through a proxy may last. */
  requestTimeout: 0,
} satisfies Record<string, number> & TlsOptions;

/** Bytes; no answer but the largest lists comes near it. */
const answerUnderWay = 16 * 1024 * 1024;

/**
 * While this much of an answer is under way Node pauses its parser, and then fails (HPE_PAUSED) on a large request that
 * follows on the same connection. Its own bound is 64 KiB, and over TLS no option moves it.
 */
export function allowLargeAnswers(socket: Duplex & { _writableState?: { highWaterMark: number } }): void {
  if (socket._writableState) socket._writableState.highWaterMark = answerUnderWay;
}

/** Milliseconds; as in Go's server. */
const resetDelay = 500;

/** Headers have a size, not a number; what is no HTTP is told so and hung up on. */
export function refuseBadRequests(server: Server): void {
  server.maxHeadersCount = 0;
  server.on('clientError', (error: NodeJS.ErrnoException, socket: Duplex) => {
    const code = error.code === 'HPE_HEADER_OVERFLOW' ? 431 : error.code?.startsWith('HPE_') ? 400 : undefined;
    if (!code || !socket.writable || answering(socket)) {
      socket.destroy();
      return;
    }
    socket.end(refusalOf(code));
    // Closed at once, a socket with unread bytes is reset, and the client may never see the answer.
    socket.on('data', () => {});
    setTimeout(() => socket.destroy(), resetDelay).unref();
  });
}

/** A plain answer outside of any request, as Go's server writes it. */
function refusalOf(code: number): string {
  const text = `${code} ${STATUS_CODES[code]}`;
  const headers = `Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${text.length}\r\nConnection: close`;
  return `HTTP/1.1 ${text}\r\n${headers}\r\n\r\n${text}`;
}

/** An answer is on its way already: another one must not break into it. */
function answering(socket: Duplex & { _httpMessage?: { headersSent: boolean } }): boolean {
  return socket._httpMessage?.headersSent ?? false;
}
