import type { CertificateExtension } from './certificate.ts';
import { bitsOf, type DerValue, derValues, oidText } from './der.ts';

/** Names of extensions: as `-ext` takes them, and as they are shown. */
const NAMES: Record<string, { short: string; long: string }> = {
  '2.5.29.14': { short: 'subjectKeyIdentifier', long: 'X509v3 Subject Key Identifier' },
  '2.5.29.15': { short: 'keyUsage', long: 'X509v3 Key Usage' },
  '2.5.29.17': { short: 'subjectAltName', long: 'X509v3 Subject Alternative Name' },
  '2.5.29.19': { short: 'basicConstraints', long: 'X509v3 Basic Constraints' },
  '2.5.29.30': { short: 'nameConstraints', long: 'X509v3 Name Constraints' },
  '2.5.29.31': { short: 'crlDistributionPoints', long: 'X509v3 CRL Distribution Points' },
  '2.5.29.32': { short: 'certificatePolicies', long: 'X509v3 Certificate Policies' },
  '2.5.29.35': { short: 'authorityKeyIdentifier', long: 'X509v3 Authority Key Identifier' },
  '2.5.29.37': { short: 'extendedKeyUsage', long: 'X509v3 Extended Key Usage' },
  '1.3.6.1.5.5.7.1.1': { short: 'authorityInfoAccess', long: 'Authority Information Access' },
};

const USAGES = [
  'Digital Signature',
  'Non Repudiation',
  'Key Encipherment',
  'Data Encipherment',
  'Key Agreement',
  'Certificate Sign',
  'CRL Sign',
  'Encipher Only',
  'Decipher Only',
];

const PURPOSES: Record<string, string> = {
  '2.5.29.37.0': 'Any Extended Key Usage',
  '1.3.6.1.5.5.7.3.1': 'TLS Web Server Authentication',
  '1.3.6.1.5.5.7.3.2': 'TLS Web Client Authentication',
  '1.3.6.1.5.5.7.3.3': 'Code Signing',
  '1.3.6.1.5.5.7.3.4': 'E-mail Protection',
  '1.3.6.1.5.5.7.3.8': 'Time Stamping',
  '1.3.6.1.5.5.7.3.9': 'OCSP Signing',
};

export const extensionName = ({ oid }: CertificateExtension): string => NAMES[oid]?.short ?? oid;

/** The title and the lines of an extension, as `-ext` and `-text` show them. */
export function extensionLines(extension: CertificateExtension): string[] {
  const { oid, critical, value } = extension;
  const title = `${NAMES[oid]?.long ?? oid}: ${critical ? 'critical' : ''}`;
  return [title, ...linesOf(oid, value).map((line) => `    ${line}`)];
}

const colons = (bytes: Buffer): string =>
  bytes
    .toString('hex')
    .toUpperCase()
    .replace(/..(?!$)/g, '$&:');
const inside = (value: Buffer): DerValue[] => derValues(derValues(value)[0]?.content ?? Buffer.alloc(0));

function linesOf(oid: string, value: Buffer): string[] {
  switch (NAMES[oid]?.short) {
    case 'subjectKeyIdentifier':
      return [colons(derValues(value)[0]!.content)];
    case 'authorityKeyIdentifier':
      return inside(value)
        .filter(({ tag }) => tag === 0x80)
        .map(({ content }) => colons(content));
    case 'keyUsage':
      return [
        bitsOf(derValues(value)[0]!.content)
          .map((bit) => USAGES[bit])
          .join(', '),
      ];
    case 'extendedKeyUsage':
      return [
        inside(value)
          .map(({ content }) => oidText(content))
          .map((purpose) => PURPOSES[purpose] ?? purpose)
          .join(', '),
      ];
    case 'basicConstraints': {
      const parts = inside(value);
      const below = parts.find(({ tag }) => tag === 2);
      const ca = parts.some(({ tag, content }) => tag === 1 && content[0] === 0xff);
      return [`CA:${ca ? 'TRUE' : 'FALSE'}${below ? `, pathlen:${below.content.readUIntBE(0, 1)}` : ''}`];
    }
    case 'subjectAltName':
      return [inside(value).map(generalName).join(', ')];
    case 'nameConstraints':
      return inside(value).flatMap(({ tag, content }) => [
        tag === 0xa0 ? 'Permitted:' : 'Excluded:',
        ...derValues(content).flatMap((subtree) =>
          derValues(subtree.content)
            .slice(0, 1)
            .map((base) => `  ${rangeName(base)}`),
        ),
      ]);
    case 'certificatePolicies':
      return inside(value).map(({ content }) => `Policy: ${oidText(derValues(content)[0]!.content)}`);
    default:
      return [value.toString('latin1').replace(/[^\x20-\x7e]/g, '.')];
  }
}

function generalName({ tag, content }: DerValue): string {
  if (tag === 0x81) return `email:${content}`;
  if (tag === 0x82) return `DNS:${content}`;
  if (tag === 0x86) return `URI:${content}`;
  if (tag === 0x87) return `IP Address:${address(content)}`;
  return `othername:<unsupported>`;
}

function rangeName(name: DerValue): string {
  const { tag, content } = name;
  if (tag !== 0x87) return generalName(name);
  const half = content.length / 2;
  return `IP:${address(content.subarray(0, half))}/${address(content.subarray(half))}`;
}

function address(bytes: Buffer): string {
  if (bytes.length === 4) return bytes.join('.');
  const groups = Array.from({ length: bytes.length / 2 }, (_, index) => bytes.readUInt16BE(2 * index));
  return groups.map((group) => group.toString(16).toUpperCase()).join(':');
}
