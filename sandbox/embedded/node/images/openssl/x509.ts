import { createHash, X509Certificate } from 'node:crypto';
import type { ContainerProcess } from '../image.ts';
import { resolvePath } from '../process/open.ts';
import { readAll } from '../process/streams.ts';
import {
  type Certificate,
  type CertificateExtension,
  certificatesIn,
  nameText,
  readCertificate,
} from './certificate.ts';
import { extensionLines, extensionName } from './extension-text.ts';

const UNSUPPORTED =
  '4087C0E4FD7F0000:error:1608010C:STORE routines:ossl_store_handle_load_result:unsupported:../crypto/store/store_result.c:149:';

/** Options that take a value. */
const VALUES = ['in', 'out', 'inform', 'outform', 'ext', 'checkend', 'nameopt', 'certopt'];
/** What is printed, in the order it is asked for. */
const SHOWN = [
  'subject',
  'issuer',
  'startdate',
  'enddate',
  'serial',
  'fingerprint',
  'ext',
  'text',
  'pubkey',
  'modulus',
  'email',
  'ocsp_uri',
];
const FLAGS = ['noout', 'dates', 'sha1', 'sha256', 'sha384', 'sha512', 'md5', ...SHOWN];

/** `openssl x509`. https://docs.openssl.org/3.0/man1/openssl-x509/ */
export async function x509(process: ContainerProcess, args: string[]): Promise<number> {
  const asked: string[] = [];
  const values = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const name = args[at]!.replace(/^--?/, '');
    if (args[at]!.startsWith('-') && VALUES.includes(name)) {
      const value = args[++at];
      if (value === undefined)
        return refuse(process, `x509: Option -${name} needs a value\nx509: Use -help for summary.`);
      values.set(name, value);
      if (name === 'ext') asked.push('ext');
    } else if (args[at]!.startsWith('-') && FLAGS.includes(name)) {
      asked.push(...(name === 'dates' ? ['startdate', 'enddate'] : [name]));
    } else if (!args[at]!.startsWith('-')) {
      return refuse(process, `x509: Use -help for summary.\nExtra (unknown) options: "${args[at]}"`);
    } else return refuse(process, `x509: Unknown option or cipher: ${name}\nx509: Use -help for summary.`);
  }
  const certificate = await load(process, values.get('in'), values.get('inform'));
  if (!certificate) return 1;
  const digest = ['sha1', 'sha256', 'sha384', 'sha512', 'md5'].find((name) => asked.includes(name));
  let said = '';
  for (const what of asked) {
    if (what === 'ext' && extensionsNamed(certificate, values.get('ext')).length === 0)
      await process.stderr.write('No extensions in certificate\n');
    else said += shown(certificate, what, { ext: values.get('ext') ?? '', digest });
  }
  let code = 0;
  const seconds = values.get('checkend');
  if (seconds !== undefined) {
    const ends =
      certificate.x509.validToDate.getTime() <= process.container.clock.now().getTime() + Number(seconds) * 1000;
    said += ends ? 'Certificate will expire\n' : 'Certificate will not expire\n';
    code = ends ? 1 : 0;
  }
  if (!asked.includes('noout') && seconds === undefined) {
    const isDer = values.get('outform')?.toLowerCase() === 'der';
    if (isDer) {
      await output(process, values.get('out'), certificate.x509.raw);
      return code;
    }
    said += certificate.x509.toString();
  }
  await output(process, values.get('out'), said);
  return code;
}

/** Says what is wrong with how it was called. */
export async function refuse(process: ContainerProcess, text: string): Promise<number> {
  await process.stderr.write(`${text}\n`);
  return 1;
}

async function output(process: ContainerProcess, file: string | undefined, data: string | Buffer): Promise<void> {
  if (file === undefined) await process.stdout.write(data);
  else process.fs.write(resolvePath(process, file), data);
}

async function load(
  process: ContainerProcess,
  file: string | undefined,
  form: string | undefined,
): Promise<Certificate | undefined> {
  let bytes: Buffer;
  try {
    bytes =
      file === undefined ? await readAll(process.stdin) : Buffer.from(process.fs.read(resolvePath(process, file)));
  } catch {
    await process.stderr.write(missingFile('certificate', file!));
    return undefined;
  }
  const found = certificatesIn(bytes.toString('latin1'))[0] ?? fromDer(bytes);
  if (found && !(form?.toLowerCase() === 'pem' && bytes[0] === 0x30)) return found;
  const why = !bytes.includes('-----BEGIN') ? '' : `${UNSUPPORTED}\n`;
  await process.stderr.write(
    `Could not read certificate from ${file ?? '<stdin>'}\n${why}Unable to load certificate\n`,
  );
  return undefined;
}

function fromDer(bytes: Buffer): Certificate | undefined {
  try {
    return readCertificate(new X509Certificate(bytes));
  } catch {
    return undefined;
  }
}

/** What OpenSSL says of a file that is not there. */
export function missingFile(what: string, file: string): string {
  const thread = '4087C0E4FD7F0000';
  return [
    `Could not open file or uri for loading ${what} from ${file}`,
    `${thread}:error:16000069:STORE routines:ossl_store_get0_loader_int:unregistered scheme:../crypto/store/store_register.c:237:scheme=file`,
    `${thread}:error:80000002:system library:file_open:No such file or directory:../providers/implementations/storemgmt/file_store.c:266:calling stat(${file})`,
    `Unable to load ${what}\n`,
  ].join('\n');
}

function shown(
  certificate: Certificate,
  what: string,
  { ext, digest }: { ext: string; digest: string | undefined },
): string {
  const { x509 } = certificate;
  switch (what) {
    case 'subject':
      return `subject=${nameText(x509.subject)}\n`;
    case 'issuer':
      return `issuer=${nameText(x509.issuer)}\n`;
    case 'startdate':
      return `notBefore=${x509.validFrom}\n`;
    case 'enddate':
      return `notAfter=${x509.validTo}\n`;
    case 'serial':
      return `serial=${x509.serialNumber}\n`;
    case 'fingerprint': {
      const hash = createHash(digest ?? 'sha1')
        .update(x509.raw)
        .digest('hex')
        .toUpperCase();
      return `${digest ?? 'SHA1'} Fingerprint=${hash.replace(/..(?!$)/g, '$&:')}\n`;
    }
    case 'pubkey':
      return x509.publicKey.export({ type: 'spki', format: 'pem' }).toString();
    case 'modulus':
      return `Modulus=${modulusOf(certificate)}\n`;
    case 'ext':
      return `${extensionsNamed(certificate, ext).flatMap(extensionLines).join('\n')}\n`;
    case 'text':
      return textOf(certificate);
    default:
      return '';
  }
}

function extensionsNamed({ extensions }: Certificate, names = ''): CertificateExtension[] {
  return extensions.filter((one) => names.split(',').includes(extensionName(one)));
}

function modulusOf({ x509 }: Certificate): string {
  const { n } = x509.publicKey.export({ format: 'jwk' });
  return n ? Buffer.from(n, 'base64url').toString('hex').toUpperCase() : 'No modulus for this public key type';
}

/** `-text`: all there is. */
function textOf(certificate: Certificate): string {
  const { x509, extensions, signatureAlgorithm, signature, version } = certificate;
  const serial = BigInt(`0x${x509.serialNumber}`);
  const hex = x509.serialNumber.toLowerCase();
  const even = hex.length % 2 ? `0${hex}` : hex;
  const lines = [
    'Certificate:',
    '    Data:',
    `        Version: ${version} (0x${version - 1})`,
    ...(serial < 2n ** 63n
      ? [`        Serial Number: ${serial} (0x${serial.toString(16)})`]
      : ['        Serial Number:', `            ${even.replace(/..(?!$)/g, '$&:')}`]),
    `        Signature Algorithm: ${signatureAlgorithm}`,
    `        Issuer: ${nameText(x509.issuer)}`,
    '        Validity',
    `            Not Before: ${x509.validFrom}`,
    `            Not After : ${x509.validTo}`,
    `        Subject: ${nameText(x509.subject)}`,
    '        Subject Public Key Info:',
    ...keyLines(certificate).map((line) => `            ${line}`),
    ...(extensions.length > 0
      ? ['        X509v3 extensions:', ...extensions.flatMap(extensionLines).map((line) => `            ${line}`)]
      : []),
    `    Signature Algorithm: ${signatureAlgorithm}`,
    '    Signature Value:',
    ...hexLines(signature, 18).map((line) => `        ${line}`),
  ];
  return `${lines.join('\n')}\n`;
}

/** Bytes in rows of so many, with colons that go on at the end of a row. */
function hexLines(bytes: Buffer, width: number): string[] {
  const rows: string[] = [];
  for (let at = 0; at < bytes.length; at += width) {
    const row = bytes
      .subarray(at, at + width)
      .toString('hex')
      .replace(/..(?!$)/g, '$&:');
    rows.push(at + width < bytes.length ? `${row}:` : row);
  }
  return rows;
}

const CURVES: Record<string, [oid: string, bits: number, nist: string]> = {
  'P-256': ['prime256v1', 256, 'P-256'],
  'P-384': ['secp384r1', 384, 'P-384'],
  'P-521': ['secp521r1', 521, 'P-521'],
};

function keyLines({ x509 }: Certificate): string[] {
  const jwk = x509.publicKey.export({ format: 'jwk' });
  const bytes = (text: string | undefined) => Buffer.from(text ?? '', 'base64url');
  if (jwk.kty === 'RSA') {
    const modulus = bytes(jwk.n);
    const signed = (modulus[0] ?? 0) & 0x80 ? Buffer.concat([Buffer.alloc(1), modulus]) : modulus;
    const exponent = bytes(jwk.e).readUIntBE(0, bytes(jwk.e).length);
    return [
      'Public Key Algorithm: rsaEncryption',
      `    Public-Key: (${modulus.length * 8} bit)`,
      '    Modulus:',
      ...hexLines(signed, 15).map((line) => `        ${line}`),
      `    Exponent: ${exponent} (0x${exponent.toString(16)})`,
    ];
  }
  const [oid, bits, nist] = CURVES[jwk.crv ?? ''] ?? [jwk.crv ?? '', 0, jwk.crv ?? ''];
  if (jwk.kty !== 'EC') {
    return [
      `Public Key Algorithm: ${oid.toUpperCase()}`,
      `    ${oid.toUpperCase()} Public-Key:`,
      '    pub:',
      ...hexLines(bytes(jwk.x), 15).map((line) => `        ${line}`),
    ];
  }
  const point = Buffer.concat([Buffer.from([4]), bytes(jwk.x), bytes(jwk.y)]);
  return [
    'Public Key Algorithm: id-ecPublicKey',
    `    Public-Key: (${bits} bit)`,
    '    pub:',
    ...hexLines(point, 15).map((line) => `        ${line}`),
    `    ASN1 OID: ${oid}`,
    `    NIST CURVE: ${nist}`,
  ];
}
