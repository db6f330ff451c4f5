import { isIP } from 'node:net';
import type { PeerCertificate } from 'node:tls';

const verified = 'tls: failed to verify certificate: x509: ';

const reasons: Record<string, string> = {
  SELF_SIGNED_CERT_IN_CHAIN: `${verified}certificate signed by unknown authority`,
  DEPTH_ZERO_SELF_SIGNED_CERT: `${verified}certificate signed by unknown authority`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${verified}certificate signed by unknown authority`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `${verified}certificate signed by unknown authority`,
  UNABLE_TO_GET_ISSUER_CERT: `${verified}certificate signed by unknown authority`,
  CERT_SIGNATURE_FAILURE: `${verified}certificate signed by unknown authority`,
  CERT_HAS_EXPIRED: `${verified}certificate has expired or is not yet valid`,
  CERT_NOT_YET_VALID: `${verified}certificate has expired or is not yet valid`,
  ECONNRESET: 'EOF',
  EPIPE: 'EOF',
};

/** What Go's TLS client says of a fault that Node names by code. */
export function tlsText(error: unknown, name: string): string {
  const { code = '', message, cert } = error as NodeJS.ErrnoException & { cert?: PeerCertificate };
  if (code === 'ERR_TLS_CERT_ALTNAME_INVALID') return verified + wrongName(name, cert?.subjectaltname);
  if (code === 'ERR_SSL_WRONG_VERSION_NUMBER' || code === 'ERR_SSL_PACKET_LENGTH_TOO_LONG')
    return 'http: server gave HTTP response to HTTPS client';
  return reasons[code] ?? message;
}

function wrongName(name: string, alternatives = ''): string {
  const of = (kind: string): string[] =>
    alternatives
      .split(', ')
      .filter((one) => one.startsWith(`${kind}:`))
      .map((one) => one.slice(kind.length + 1));
  const isAddress = isIP(name) !== 0;
  const valid = isAddress ? of('IP Address') : of('DNS');
  if (isAddress && valid.length === 0)
    return `cannot validate certificate for ${name} because it doesn't contain any IP SANs`;
  if (valid.length === 0) return `certificate is not valid for any names, but wanted to match ${name}`;
  return `certificate is valid for ${valid.join(', ')}, not ${name}`;
}
