import { createPublicKey, verify } from 'node:crypto';

/** What a PKCS#10 request asks for. */
export interface CertificateRequest {
  commonName: string;
  organizations: string[];
  dnsNames: string[];
  emails: string[];
  uris: string[];
  addresses: string[];
  der: Buffer;
}

interface Element {
  tag: number;
  content: Buffer;
  /** With tag and length. */
  whole: Buffer;
}

const SEQUENCE = 0x30;
const OID = { commonName: '550403', organization: '55040a', extensions: '2a864886f70d01090e', names: '551d11' };

/** The hash by the signature's algorithm; Ed25519 has its own. */
const hashes: Record<string, string | null> = {
  '2a864886f70d01010b': 'sha256',
  '2a864886f70d01010c': 'sha384',
  '2a864886f70d01010d': 'sha512',
  '2a8648ce3d040302': 'sha256',
  '2a8648ce3d040303': 'sha384',
  '2a8648ce3d040304': 'sha512',
  '2b6570': null,
};

/** Reads a PEM request and checks that its own key signed it. Throws an Error in the words of Kubernetes. */
export function readCertificateRequest(pem: Buffer): CertificateRequest {
  const block = /-----BEGIN CERTIFICATE REQUEST-----([\sA-Za-z0-9+/=]+)-----END CERTIFICATE REQUEST-----/.exec(
    pem.toString('latin1'),
  );
  if (!block) throw new Error('PEM block type must be CERTIFICATE REQUEST');
  const der = Buffer.from(block[1] ?? '', 'base64');
  try {
    return { ...readRequest(der), der };
  } catch (error) {
    if (error instanceof RangeError) throw new Error("asn1: structure error: tags don't match");
    throw error;
  }
}

function readRequest(der: Buffer): Omit<CertificateRequest, 'der'> {
  const [info, algorithm, signature] = children(one(der, SEQUENCE)) as [Element, Element, Element];
  const [, subject, key, attributes] = children(info) as [Element, Element, Element, Element | undefined];
  checkSignature(info.whole, key.whole, algorithm, signature);
  const names = children(subject).flatMap(children).map(children);
  const named = (oid: string): string[] =>
    names.filter(([type]) => type?.content.toString('hex') === oid).map(([, value]) => text(value));
  return {
    commonName: named(OID.commonName).at(-1) ?? '',
    organizations: named(OID.organization),
    ...alternativeNames(attributes),
  };
}

function checkSignature(info: Buffer, key: Buffer, algorithm: Element, signature: Element | undefined): void {
  const [oid] = children(algorithm);
  const hash = hashes[oid?.content.toString('hex') ?? ''];
  if (hash === undefined) throw new Error('x509: cannot verify signature: algorithm unimplemented');
  const publicKey = createPublicKey({ key, format: 'der', type: 'spki' });
  // A bit string says first how many bits of its last byte are unused: none.
  const bits = signature?.content.subarray(1) ?? Buffer.alloc(0);
  if (verify(hash, info, publicKey, bits)) return;
  throw new Error(
    publicKey.asymmetricKeyType === 'rsa' ? 'crypto/rsa: verification error' : 'x509: ECDSA verification failure',
  );
}

function alternativeNames(
  attributes: Element | undefined,
): Pick<CertificateRequest, 'dnsNames' | 'emails' | 'uris' | 'addresses'> {
  const found = { dnsNames: [] as string[], emails: [] as string[], uris: [] as string[], addresses: [] as string[] };
  for (const attribute of attributes ? children(attributes) : []) {
    const [type, values] = children(attribute);
    if (type?.content.toString('hex') !== OID.extensions || !values) continue;
    for (const extension of children(values).flatMap(children)) {
      const parts = children(extension);
      if (parts[0]?.content.toString('hex') !== OID.names) continue;
      for (const name of children(one(parts.at(-1)?.content ?? Buffer.alloc(0), SEQUENCE))) {
        if (name.tag === 0x82) found.dnsNames.push(text(name));
        if (name.tag === 0x81) found.emails.push(text(name));
        if (name.tag === 0x86) found.uris.push(text(name));
        if (name.tag === 0x87) found.addresses.push(address(name.content));
      }
    }
  }
  return found;
}

function address(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  return bytes.toString('hex').replace(/(.{4})(?!$)/g, '$1:');
}

const text = (element: Element | undefined): string => element?.content.toString('utf8') ?? '';

function one(bytes: Buffer, tag: number): Element {
  const element = read(bytes, 0);
  if (element.tag !== tag) throw new RangeError('tag');
  return element;
}

function children({ content }: Element): Element[] {
  const list: Element[] = [];
  for (let at = 0; at < content.length; ) {
    const element = read(content, at);
    list.push(element);
    at += element.whole.length;
  }
  return list;
}

/** One element of DER. Throws RangeError where the bytes end early. */
function read(bytes: Buffer, at: number): Element {
  const tag = bytes.readUInt8(at);
  let length = bytes.readUInt8(at + 1);
  let start = at + 2;
  if (length & 0x80) {
    const size = length & 0x7f;
    length = bytes.readUIntBE(start, size);
    start += size;
  }
  if (start + length > bytes.length) throw new RangeError('length');
  return { tag, content: bytes.subarray(start, start + length), whole: bytes.subarray(at, start + length) };
}
