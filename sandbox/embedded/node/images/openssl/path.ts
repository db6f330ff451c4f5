import { isIPv4 } from 'node:net';
import { type Certificate, extensionOf, fitsHost } from './certificate.ts';
import { type DerValue, derValues } from './der.ts';

/** A fault of a chain, in OpenSSL's numbers and words. https://docs.openssl.org/3.0/man1/openssl-verification-options/#diagnostics */
export interface PathError {
  number: number;
  text: string;
  depth: number;
}

export interface PathQuestion {
  leaf: Certificate;
  /** What came with it. */
  untrusted: Certificate[];
  trusted: Certificate[];
  now: Date;
  /** A certificate that is trusted need not be its own issuer. */
  partialChain?: boolean;
  host?: string | undefined;
}

export interface VerifiedPath {
  /** From the leaf up, as far as it was found. */
  chain: { certificate: Certificate; trusted: boolean }[];
  /** In the order in which they come up. */
  errors: PathError[];
  /** The depths that are gone through at the end, from the top. */
  checked: number[];
}

const TEXTS: Record<number, string> = {
  2: 'unable to get issuer certificate',
  7: 'certificate signature failure',
  9: 'certificate is not yet valid',
  10: 'certificate has expired',
  18: 'self-signed certificate',
  19: 'self-signed certificate in certificate chain',
  20: 'unable to get local issuer certificate',
  21: 'unable to verify the first certificate',
  25: 'path length constraint exceeded',
  47: 'permitted subtree violation',
  48: 'excluded subtree violation',
  62: 'hostname mismatch',
  64: 'IP address mismatch',
  79: 'invalid CA certificate',
};

const basicConstraints = '2.5.29.19';
const nameConstraints = '2.5.29.30';
const alternativeNames = '2.5.29.17';

const same = (one: Certificate, other: Certificate): boolean => one.x509.raw.equals(other.x509.raw);
/** Node's own check asks for the right to sign, which a server's certificate that signed itself has not. */
const isSelfSigned = ({ x509 }: Certificate): boolean => x509.subject === x509.issuer && x509.verify(x509.publicKey);

/** Builds the chain of a certificate and judges it, fault by fault. https://datatracker.ietf.org/doc/html/rfc5280#section-6 */
export function verifyPath(question: PathQuestion): VerifiedPath {
  const { leaf, trusted, now, partialChain = false, host } = question;
  const chain = build(question);
  const errors: PathError[] = [];
  const add = (number: number, depth: number) => errors.push({ number, text: TEXTS[number]!, depth });
  const top = chain.length - 1;
  const last = chain[top]!;
  const isAnchored = last.trusted && (isSelfSigned(last.certificate) || partialChain);
  if (!isAnchored) {
    if (isSelfSigned(last.certificate)) add(top === 0 ? 18 : 19, top);
    else add(last.trusted ? 2 : 20, top);
  }
  for (const [depth, { certificate }] of chain.entries()) {
    if (depth === 0) continue;
    const ca = authorityOf(certificate);
    if (!ca.isAuthority) add(79, depth);
    else if (ca.below !== undefined && depth - 1 > ca.below) add(25, depth);
  }
  if (host !== undefined && !fitsHost(leaf, host)) add(isIPv4(host) ? 64 : 62, 0);
  for (const { certificate } of [...chain].reverse().slice(0, -1)) {
    const fault = constraintFault(certificate, leaf);
    if (fault) {
      add(fault, 0);
      break;
    }
  }
  const checked: number[] = [];
  const isOpen = !isAnchored && !isSelfSigned(last.certificate);
  if (isOpen && top === 0) add(21, 0);
  for (let depth = isOpen && top > 0 ? top - 1 : top; depth >= 0; depth -= 1) {
    const { x509 } = chain[depth]!.certificate;
    const issuer = chain[depth + 1]?.certificate.x509 ?? (isSelfSigned(chain[depth]!.certificate) ? x509 : undefined);
    if (
      issuer &&
      !(depth === top && trusted.some((one) => same(one, chain[depth]!.certificate))) &&
      !x509.verify(issuer.publicKey)
    )
      add(7, depth);
    if (now < x509.validFromDate) add(9, depth);
    if (now > x509.validToDate) add(10, depth);
    checked.push(depth);
  }
  return { chain, errors, checked };
}

function build({ leaf, untrusted, trusted, partialChain }: PathQuestion): VerifiedPath['chain'] {
  const known = (certificate: Certificate) => trusted.some((one) => same(one, certificate));
  const chain = [{ certificate: leaf, trusted: known(leaf) }];
  while (chain.length < 10) {
    const { certificate, trusted: isTrusted } = chain.at(-1)!;
    if (isSelfSigned(certificate) || (partialChain && isTrusted)) break;
    const issues = (one: Certificate) => certificate.x509.checkIssued(one.x509);
    const issuer = trusted.find(issues) ?? untrusted.find(issues);
    if (!issuer) break;
    chain.push({ certificate: issuer, trusted: known(issuer) });
  }
  return chain;
}

/** Whether it may sign others, and how many authorities may lie between it and a leaf. */
function authorityOf(certificate: Certificate): { isAuthority: boolean; below?: number } {
  const extension = extensionOf(certificate, basicConstraints);
  // Roots of old have none.
  if (!extension) return { isAuthority: certificate.version < 3 };
  const parts = derValues(derValues(extension.value)[0]?.content ?? Buffer.alloc(0));
  const below = parts.find(({ tag }) => tag === 2)?.content[0];
  return {
    isAuthority: parts.some(({ tag, content }) => tag === 1 && content[0] === 0xff),
    ...(below !== undefined && { below }),
  };
}

/** The names an authority may not sign for: 47 or 48. */
function constraintFault(authority: Certificate, leaf: Certificate): number | undefined {
  const extension = extensionOf(authority, nameConstraints);
  const names = extensionOf(leaf, alternativeNames);
  if (!extension || !names) return undefined;
  const subtrees = derValues(derValues(extension.value)[0]!.content);
  const bases = (tag: number): DerValue[] =>
    subtrees
      .filter((one) => one.tag === tag)
      .flatMap(({ content }) => derValues(content))
      .flatMap(({ content }) => derValues(content)[0] ?? []);
  for (const name of derValues(derValues(names.value)[0]!.content)) {
    if (bases(0xa1).some((base) => base.tag === name.tag && isWithin(name, base))) return 48;
    const permitted = bases(0xa0).filter(({ tag }) => tag === name.tag);
    if (permitted.length > 0 && !permitted.some((base) => isWithin(name, base))) return 47;
  }
  return undefined;
}

function isWithin({ tag, content }: DerValue, base: DerValue): boolean {
  if (tag === 0x82) {
    const [name, domain] = [content, base.content].map((one) => one.toString('ascii').toLowerCase()) as [
      string,
      string,
    ];
    return domain === '' || name === domain || name.endsWith(`.${domain.replace(/^\./, '')}`);
  }
  if (tag === 0x87) {
    const size = content.length;
    if (base.content.length !== 2 * size) return false;
    return content.every((byte, index) => (byte & base.content[size + index]!) === base.content[index]!);
  }
  return true;
}
