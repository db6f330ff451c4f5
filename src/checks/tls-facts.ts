import type { X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';

/** What a client learns from a server's certificates: `response.tls` of CEL. */
export interface TlsFacts {
  /** Whether the chain ends at an authority that is trusted, covers the name and is in date. */
  verified: boolean;
  /** Why not, in OpenSSL's words; empty where it is verified. */
  error: string;
  /** Of the server's own certificate: `CN=jupyter.example.org`; empty where it has names alone. */
  subject: string;
  issuer: string;
  /** DNS names and addresses that it is for. */
  names: string[];
  /** Subjects of what the server sent, from its own certificate upwards. */
  chain: string[];
  /** RFC 3339. */
  notBefore: string;
  notAfter: string;
}

/** X509_verify_cert_error_string(3) of what Node names by its code. */
const WORDS: Readonly<Record<string, string>> = {
  UNABLE_TO_GET_ISSUER_CERT: 'unable to get issuer certificate',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'unable to get local issuer certificate',
  // Node goes on after the first fault of a chain and tells the last; curl and the rest stop at this one.
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'unable to get local issuer certificate',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'self-signed certificate',
  SELF_SIGNED_CERT_IN_CHAIN: 'self-signed certificate in certificate chain',
  CERT_SIGNATURE_FAILURE: 'certificate signature failure',
  CERT_NOT_YET_VALID: 'certificate is not yet valid',
  CERT_HAS_EXPIRED: 'certificate has expired',
  CERT_CHAIN_TOO_LONG: 'certificate chain too long',
  CERT_REVOKED: 'certificate revoked',
  INVALID_CA: 'invalid CA certificate',
  INVALID_PURPOSE: 'unsuitable certificate purpose',
  PATH_LENGTH_EXCEEDED: 'path length constraint exceeded',
  CERT_UNTRUSTED: 'certificate not trusted',
  CERT_REJECTED: 'certificate rejected',
  ERR_TLS_CERT_ALTNAME_INVALID: 'hostname mismatch',
  HOSTNAME_MISMATCH: 'hostname mismatch',
};

/** A chain longer than this is nobody's; the loop of a broken one ends here. */
const LONGEST_CHAIN = 10;

/** What this connection's certificates say; undefined where the server sent none. */
export function tlsFacts(socket: TLSSocket): TlsFacts | undefined {
  const own = socket.getPeerX509Certificate();
  if (!own) return undefined;
  // Typed as an Error, and the code of one in truth.
  const failure = socket.authorizationError as unknown as string | Error | undefined;
  const code = typeof failure === 'string' ? failure : (failure as NodeJS.ErrnoException | undefined)?.code;
  const chain: string[] = [];
  let at: X509Certificate | undefined = own;
  while (at && chain.length < LONGEST_CHAIN) {
    chain.push(distinguished(at.subject));
    const above: X509Certificate | undefined = at.issuerCertificate;
    at = above && above.fingerprint256 !== at.fingerprint256 ? above : undefined;
  }
  return {
    verified: socket.authorized,
    error: socket.authorized ? '' : (WORDS[code ?? ''] ?? code ?? 'not verified'),
    subject: distinguished(own.subject),
    issuer: distinguished(own.issuer),
    names: (own.subjectAltName ?? '').split(', ').flatMap((name) => /^(?:DNS|IP Address):(.*)$/.exec(name)?.[1] ?? []),
    chain,
    notBefore: own.validFromDate.toISOString(),
    notAfter: own.validToDate.toISOString(),
  };
}

function distinguished(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ');
}

/**
 * Whom to trust, by a file of PEM that may be written anew: read again when it has changed, since a bundle takes some
 * milliseconds to parse. Without a file, or while it is not there, whom Node trusts.
 */
export function trustOf(file: string | undefined): () => SecureContext | undefined {
  let known: { changed: number; context: SecureContext } | undefined;
  return () => {
    const changed = file && statSync(file, { throwIfNoEntry: false })?.mtimeMs;
    if (!file || !changed) return undefined;
    if (known?.changed !== changed) known = { changed, context: createSecureContext({ ca: readFileSync(file) }) };
    return known.context;
  };
}
