import { isIPv4, isIPv6 } from 'node:net';
import { CallTimeout } from '../http/client.ts';

/** What curl exits with, and what it says after `curl: (CODE) `. */
export interface CurlFailure {
  code: number;
  text: string;
}

export interface FailedCall {
  url: URL;
  port: string;
  /** Milliseconds since it began. */
  after: number;
  /** `-m`: the whole call is limited, not its connection alone. */
  limited: boolean;
}

/** Follows a failure to verify, on standard error. */
export const VERIFY_ADVICE = `More details here: https://curl.se/docs/sslcerts.html

curl failed to verify the legitimacy of the server and therefore could not
establish a secure connection to it. To learn more about this situation and
how to fix it, please visit the webpage mentioned above.
`;

/** An error of callHttp in curl's words. https://curl.se/libcurl/c/libcurl-errors.html */
export function curlFailure(error: unknown, { url, port, after, limited }: FailedCall): CurlFailure {
  const { code = '', message } = error as { code?: string; message: string };
  if (error instanceof CallTimeout) {
    const text = limited
      ? `Operation timed out after ${after} milliseconds with 0 bytes received`
      : `Connection timed out after ${after} milliseconds`;
    return { code: 28, text };
  }
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return { code: 6, text: `Could not resolve host: ${url.hostname}` };
  if (code === 'ECONNREFUSED' || code === 'ETIMEDOUT') {
    const text = `Failed to connect to ${url.hostname} port ${port} after ${after} ms: Could not connect to server`;
    return { code: code === 'ETIMEDOUT' ? 28 : 7, text };
  }
  const trust = trustFailure(code, message, url.hostname);
  if (trust) return { code: 60, text: trust };
  if (url.protocol === 'https:' && /SSL|EPROTO|wrong version/i.test(`${code} ${message}`))
    return { code: 35, text: tlsFailure(`${code} ${message}`) };
  return code === 'ECONNRESET'
    ? { code: 56, text: 'Recv failure: Connection reset by peer' }
    : { code: 52, text: 'Empty reply from server' };
}

/** Why a certificate is not accepted; undefined for errors of another sort. */
function trustFailure(code: string, message: string, hostname: string): string | undefined {
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') {
    const host = hostname.replace(/^\[|\]$/g, '');
    const sort = isIPv4(host) ? 'ipv4 address' : isIPv6(host) ? 'ipv6 address' : 'host name';
    return `SSL: no alternative certificate subject name matches target ${sort} '${host}'`;
  }
  // Node goes on after the first fault and names the last; curl stops at the first.
  if (code === 'UNABLE_TO_VERIFY_LEAF_SIGNATURE')
    return 'SSL certificate problem: unable to get local issuer certificate';
  if (!/CERT|SELF_SIGNED|UNABLE_TO|UNSPECIFIED/.test(code)) return undefined;
  // After the semicolon comes advice for those who run Node.
  return `SSL certificate problem: ${message.split(';')[0]}`;
}

function tlsFailure(text: string): string {
  const alert = /alert ([a-z ]+?)(?::|$)/i.exec(text)?.[1]?.trim();
  if (alert) return `TLS connect error: error:0A000458:SSL routines::tlsv1 ${alert.replace(/^tlsv1 /, '')}`;
  return 'TLS connect error: error:0A00010B:SSL routines::wrong version number';
}
