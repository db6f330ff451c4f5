import 'reflect-metadata';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsageExtension,
  type Extension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  type X509Certificate,
  X509CertificateGenerator,
} from '@peculiar/x509';

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
const serverAuth = '1.3.6.1.5.5.7.3.1';
const clientAuth = '1.3.6.1.5.5.7.3.2';
const years = 10;

interface Authority {
  certificate: X509Certificate;
  keys: CryptoKeyPair;
}

/** All files of a new cluster's PKI, by name. */
export async function issuePki(): Promise<Record<string, string>> {
  const keys = await generateKeys();
  const certificate = await X509CertificateGenerator.createSelfSigned({
    ...validity(),
    serialNumber: serial(),
    name: 'CN=kubernetes',
    keys,
    signingAlgorithm: algorithm,
    extensions: [
      new BasicConstraintsExtension(true, undefined, true),
      new KeyUsagesExtension(KeyUsageFlags.keyCertSign | KeyUsageFlags.cRLSign | KeyUsageFlags.digitalSignature, true),
    ],
  });
  const authority = { certificate, keys };
  const files: Record<string, string> = {
    'ca.crt': pem(certificate),
    'ca.key': await privatePem(keys),
    'service-account.key': await privatePem(await generateKeys()),
  };
  const local = ['localhost', '127.0.0.1', '::1'];
  const inside = ['kubernetes', 'kubernetes.default', 'kubernetes.default.svc', 'kubernetes.default.svc.cluster.local'];
  const leaves: [string, string, string[]][] = [
    ['server', 'CN=kube-apiserver', [...local, ...inside, '10.96.0.1']],
    ['kubelet-server', 'CN=system:node:node-1, O=system:nodes', [...local, 'node-1']],
    ['kubelet-client', 'CN=kube-apiserver-kubelet-client, O=system:masters', []],
    ['front-proxy', 'CN=front-proxy', []],
    ['admin', 'CN=kubernetes-admin, O=system:masters', []],
    ['node', 'CN=system:node:node-1, O=system:nodes', []],
  ];
  for (const [name, subject, names] of leaves) {
    const leaf = await issue(authority, subject, names);
    files[`${name}.crt`] = leaf.cert;
    files[`${name}.key`] = leaf.key;
  }
  return files;
}

/** A leaf; with names for a server, without for a client. */
async function issue(authority: Authority, subject: string, names: string[]): Promise<{ cert: string; key: string }> {
  const keys = await generateKeys();
  const extensions: Extension[] = [
    new BasicConstraintsExtension(false, undefined, true),
    new KeyUsagesExtension(KeyUsageFlags.digitalSignature, true),
    new ExtendedKeyUsageExtension([names.length > 0 ? serverAuth : clientAuth]),
  ];
  if (names.length > 0) {
    const isAddress = (name: string): boolean => /^[\d.]+$|:/.test(name);
    extensions.push(
      new SubjectAlternativeNameExtension(
        names.map((value) => ({ type: isAddress(value) ? ('ip' as const) : ('dns' as const), value })),
      ),
    );
  }
  const certificate = await X509CertificateGenerator.create({
    ...validity(),
    serialNumber: serial(),
    subject,
    issuer: authority.certificate.subject,
    publicKey: keys.publicKey,
    signingKey: authority.keys.privateKey,
    signingAlgorithm: algorithm,
    extensions,
  });
  return { cert: pem(certificate), key: await privatePem(keys) };
}

async function generateKeys(): Promise<CryptoKeyPair> {
  return (await crypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as CryptoKeyPair;
}

function validity(): { notBefore: Date; notAfter: Date } {
  const now = Date.now();
  // An hour back: clocks of two machines differ.
  return { notBefore: new Date(now - 3_600_000), notAfter: new Date(now + years * 365 * 86_400_000) };
}

/** Positive, as the standard wants it. */
function serial(): string {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x40;
  return Buffer.from(bytes).toString('hex');
}

const pem = (certificate: X509Certificate): string => `${certificate.toString('pem')}\n`;

async function privatePem(keys: CryptoKeyPair): Promise<string> {
  const bytes = Buffer.from(await crypto.subtle.exportKey('pkcs8', keys.privateKey)).toString('base64');
  return `-----BEGIN PRIVATE KEY-----\n${bytes.replace(/.{64}/g, '$&\n').trimEnd()}\n-----END PRIVATE KEY-----\n`;
}
