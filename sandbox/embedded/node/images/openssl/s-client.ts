import { X509Certificate } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { connect, type TLSSocket } from 'node:tls';
import type { ContainerProcess } from '../image.ts';
import { type Certificate, nameText, readCertificate } from './certificate.ts';
import { type VerifiedPath, verifyPath } from './path.ts';
import { isTrustFlag, isTrustValue, trustOf } from './verify.ts';
import { refuse } from './x509.ts';

const VALUES = ['connect', 'servername', 'alpn', 'port', 'host', 'starttls'];
const FLAGS = [
  'showcerts',
  'brief',
  'quiet',
  'noservername',
  'verify_return_error',
  'tls1_2',
  'tls1_3',
  'ign_eof',
  'prexit',
];

interface Asked {
  values: Map<string, string>;
  flags: Set<string>;
}

/** `openssl s_client`. https://docs.openssl.org/3.0/man1/openssl-s_client/ */
export async function sClient(process: ContainerProcess, args: string[]): Promise<number> {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at]!;
    const name = word.replace(/^--?/, '');
    if (!word.startsWith('-')) {
      if (values.has('connect')) return refuse(process, `s_client: Use -help for summary.`);
      values.set('connect', word);
    } else if (VALUES.includes(name) || isTrustValue(name)) {
      const value = args[++at];
      if (value === undefined)
        return refuse(process, `s_client: Option -${name} needs a value\ns_client: Use -help for summary.`);
      values.set(name, value);
    } else if (FLAGS.includes(name) || isTrustFlag(name)) flags.add(name);
    else return refuse(process, `s_client: Unknown option: ${word}\ns_client: Use -help for summary.`);
  }
  const asked = { values, flags };
  const trust = await trustOf(process, values, flags);
  if (!trust) return 1;
  const [, host = '', port = ''] = /^\[?(.*?)\]?(?::([^:\]]+))?$/.exec(values.get('connect') ?? 'localhost:4433') ?? [];
  const to = PORTS[port] ?? Number(port || 4433);
  const raw = await reach(process, host, to);
  if (typeof raw === 'number') return raw;
  // Like the real one, an address is no name to send.
  const sent = flags.has('noservername')
    ? undefined
    : (values.get('servername') ?? (/[a-z]/i.test(host) ? host : undefined));
  if (!flags.has('brief')) await process.stdout.write('CONNECTED(00000003)\n');
  let socket: TLSSocket;
  try {
    socket = await shake(raw, sent, asked);
  } catch (error) {
    raw.destroy();
    await failed(process, error as Error);
    return 1;
  }
  if (sent === undefined) await process.stderr.write("Can't use SSL_get_servername\n");
  const chain = sentChain(socket);
  const [leaf, ...others] = chain;
  if (!leaf) return 1;
  const path = verifyPath({ leaf, untrusted: others, now: process.container.clock.now(), ...trust });
  const isRefused = flags.has('verify_return_error') && path.errors.length > 0;
  await process.stderr.write(flags.has('brief') ? '' : story(path, isRefused));
  const facts = { socket, chain, path, asked };
  if (isRefused) {
    await process.stderr.write(
      '802B9B8A567F0000:error:0A000086:SSL routines:tls_post_process_server_certificate:certificate verify failed:../ssl/statem/statem_clnt.c:1889:\n',
    );
    await process.stdout.write(report(facts, true));
    socket.destroy();
    return 1;
  }
  if (flags.has('brief')) await process.stderr.write(brief(facts));
  else await process.stdout.write(report(facts, false));
  return talk(process, socket, flags);
}

const PORTS: Record<string, number> = { https: 443, http: 80 };

async function reach(process: ContainerProcess, host: string, port: number): Promise<Duplex | number> {
  try {
    return await process.idle(process.container.network.connect(host, port));
  } catch (error) {
    if (process.killed.aborted) throw error;
    const { code } = error as NodeJS.ErrnoException;
    const thread = '80ABB38C4E7F0000';
    if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') {
      await process.stderr.write(
        `${thread}:error:10080002:BIO routines:BIO_lookup_ex:system lib:../crypto/bio/bio_addr.c:746:Name or service not known\nconnect:errno=22\n`,
      );
      return 1;
    }
    const [number, text] = code === 'ETIMEDOUT' ? [110, 'Connection timed out'] : [111, 'Connection refused'];
    await process.stderr.write(
      `${thread}:error:800000${number.toString(16).toUpperCase()}:system library:BIO_connect:${text}:../crypto/bio/bio_sock2.c:117:calling connect()\n${thread}:error:10000067:BIO routines:BIO_connect:connect error:../crypto/bio/bio_sock2.c:119:\nconnect:errno=${number}\n`,
    );
    return 1;
  }
}

function shake(raw: Duplex, servername: string | undefined, { values, flags }: Asked): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const alpn = values.get('alpn');
    const socket = connect({
      socket: raw,
      rejectUnauthorized: false,
      // The groups of 3.0: no key exchange of later days.
      ecdhCurve: 'X25519:P-256:P-384',
      ...(servername !== undefined && { servername }),
      ...(alpn !== undefined && { ALPNProtocols: alpn.split(',') }),
      ...(flags.has('tls1_2') && { maxVersion: 'TLSv1.2' as const }),
      ...(flags.has('tls1_3') && { minVersion: 'TLSv1.3' as const }),
    });
    socket.once('secureConnect', () => {
      socket.removeListener('error', reject);
      socket.on('error', () => socket.destroy());
      resolve(socket);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('unexpected eof while reading')));
  });
}

async function failed(process: ContainerProcess, error: Error): Promise<void> {
  const thread = '80CBE1C79C7F0000';
  const why = /wrong version number|packet length/i.test(error.message)
    ? '0A00010B:SSL routines:ssl3_get_record:wrong version number:../ssl/record/ssl3_record.c:350:'
    : /alert (\w[\w ]*)/i.test(error.message)
      ? `0A000410:SSL routines:ssl3_read_bytes:sslv3 alert ${/alert (\w[\w ]*)/i.exec(error.message)![1]}:../ssl/record/rec_layer_s3.c:1605:`
      : '0A000126:SSL routines:ssl3_read_n:unexpected eof while reading:../ssl/record/rec_layer_s3.c:322:';
  await process.stderr.write(`${thread}:error:${why}\n`);
  await process.stdout.write(
    '---\nno peer certificate available\n---\nNo client certificate CA names sent\n---\nSSL handshake has read 5 bytes and written 297 bytes\nVerification: OK\n---\nNew, (NONE), Cipher is (NONE)\nSecure Renegotiation IS NOT supported\nCompression: NONE\nExpansion: NONE\nNo ALPN negotiated\nEarly data was not sent\nVerify return code: 0 (ok)\n---\n',
  );
}

/** What the server sent; Node adds nothing to it where nothing is trusted. */
function sentChain(socket: TLSSocket): Certificate[] {
  const chain: Certificate[] = [];
  let next = socket.getPeerCertificate(true) as { raw?: Buffer; issuerCertificate?: object } | undefined;
  while (next?.raw) {
    const { raw } = next;
    if (chain.some(({ x509 }) => x509.raw.equals(raw))) break;
    chain.push(readCertificate(new X509Certificate(raw)));
    next = next.issuerCertificate as typeof next;
  }
  return chain;
}

/** What is told while the chain is gone through. */
function story({ chain, errors, checked }: VerifiedPath, stops: boolean): string {
  const nameAt = (depth: number) => nameText(chain[depth]!.certificate.x509.subject);
  const said = (depth: number) => `depth=${depth} ${nameAt(depth)}\n`;
  const first = errors.filter(({ number }) => ![9, 10, 7].includes(number));
  let text = '';
  const tell = ({ number, text: why, depth }: VerifiedPath['errors'][number]): void => {
    text += `${said(depth)}verify error:num=${number}:${why}\n`;
    const { x509 } = chain[depth]!.certificate;
    if (number === 10) text += `notAfter=${x509.validTo}\n`;
    if (number === 9) text += `notBefore=${x509.validFrom}\n`;
    if (number === 2) text += `issuer= ${nameText(x509.issuer)}\n`;
    if (!stops) text += 'verify return:1\n';
  };
  for (const error of first) {
    tell(error);
    if (stops) return text;
  }
  for (const depth of checked) {
    const own = errors.filter((error) => [9, 10, 7].includes(error.number) && error.depth === depth);
    for (const error of own) {
      tell(error);
      if (stops) return text;
    }
    text += said(depth);
    if (own.some(({ number }) => number === 10)) text += `notAfter=${chain[depth]!.certificate.x509.validTo}\n`;
    text += 'verify return:1\n';
  }
  return text;
}

interface Facts {
  socket: TLSSocket;
  chain: Certificate[];
  path: VerifiedPath;
  asked: Asked;
}

function keyOf({ x509 }: Certificate): { name: string; bits: number } {
  const { asymmetricKeyType: type, asymmetricKeyDetails: details } = x509.publicKey;
  if (type === 'rsa') return { name: 'rsaEncryption', bits: details?.modulusLength ?? 0 };
  if (type === 'ec')
    return { name: 'id-ecPublicKey', bits: { secp384r1: 384, secp521r1: 521 }[details?.namedCurve ?? ''] ?? 256 };
  return { name: (type ?? '').toUpperCase(), bits: 256 };
}

const signatureText = ({ signatureAlgorithm }: Certificate): string =>
  signatureAlgorithm.replace(/^(sha\d+)WithRSAEncryption$/, (_, hash: string) => `RSA-${hash.toUpperCase()}`);

function report({ socket, chain, path, asked }: Facts, isRefused: boolean): string {
  const rows = chain.map((certificate, index) => {
    const { x509 } = certificate;
    const { name, bits } = keyOf(certificate);
    const pem = asked.flags.has('showcerts') ? x509.toString() : '';
    return ` ${index} s:${nameText(x509.subject)}\n   i:${nameText(x509.issuer)}\n   a:PKEY: ${name}, ${bits} (bit); sigalg: ${signatureText(certificate)}\n   v:NotBefore: ${x509.validFrom}; NotAfter: ${x509.validTo}\n${pem}`;
  });
  const [leaf] = chain;
  const { x509 } = leaf!;
  const pem = asked.flags.has('showcerts') ? '' : x509.toString();
  // The last fault is the one that counts; where it stops at a fault, the first.
  const last = isRefused ? path.errors[0] : path.errors.at(-1);
  const verdict = last ? `Verification error: ${last.text}` : 'Verification: OK';
  const { name: cipher, standardName } = socket.getCipher();
  const protocol = socket.getProtocol() ?? '';
  const isThree = protocol === 'TLSv1.3';
  const isRsa = keyOf(leaf!).name === 'rsaEncryption';
  const alpn = socket.alpnProtocol ? `ALPN protocol: ${socket.alpnProtocol}` : 'No ALPN negotiated';
  return [
    `---\nCertificate chain\n${rows.join('')}---\n`,
    isRefused
      ? 'no peer certificate available\n'
      : `Server certificate\n${pem}subject=${nameText(x509.subject)}\nissuer=${nameText(x509.issuer)}\n`,
    '---\nNo client certificate CA names sent\n',
    isRefused ? '' : `Peer signing digest: SHA256\nPeer signature type: ${isRsa ? 'RSA-PSS' : 'ECDSA'}\n`,
    temporaryKey(socket),
    `---\nSSL handshake has read ${socket.bytesRead || 1547} bytes and written ${socket.bytesWritten || 411} bytes\n${verdict}\n---\n`,
    `New, ${protocol}, Cipher is ${isThree ? (standardName ?? cipher) : cipher}\n`,
    isRefused ? '' : `Server public key is ${keyOf(leaf!).bits} bit\n`,
    `Secure Renegotiation IS ${isThree ? 'NOT ' : ''}supported\nCompression: NONE\nExpansion: NONE\n${alpn}\n`,
    isThree ? 'Early data was not sent\n' : '',
    `Verify return code: ${last?.number ?? 0} (${last?.text ?? 'ok'})\n---\n`,
  ].join('');
}

function temporaryKey(socket: TLSSocket): string {
  const { name, size } = socket.getEphemeralKeyInfo() as { name?: string; size?: number };
  if (!name) return '';
  return `Server Temp Key: ${name === 'X25519' ? name : `ECDH, ${name}`}, ${size ?? 253} bits\n`;
}

function brief({ socket, chain, path }: Facts): string {
  const last = path.errors.at(-1);
  const isRsa = keyOf(chain[0]!).name === 'rsaEncryption';
  return [
    'CONNECTION ESTABLISHED',
    `Protocol version: ${socket.getProtocol()}`,
    `Ciphersuite: ${socket.getCipher().standardName ?? socket.getCipher().name}`,
    `Peer certificate: ${nameText(chain[0]!.x509.subject)}`,
    'Hash used: SHA256',
    `Signature type: ${isRsa ? 'RSA-PSS' : 'ECDSA'}`,
    last ? `Verification error: ${last.text}` : 'Verification: OK',
    temporaryKey(socket),
  ].join('\n');
}

/** Carries what is typed to the server and back, until either ends; `Q` alone on a line ends it, too. */
async function talk(process: ContainerProcess, socket: TLSSocket, flags: Set<string>): Promise<number> {
  const staysOpen = flags.has('quiet') || flags.has('ign_eof');
  const over = new Promise<'server'>((resolve) => {
    socket.once('end', () => resolve('server'));
    socket.once('close', () => resolve('server'));
  });
  let writing = Promise.resolve();
  socket.on('data', (data: Buffer) => {
    writing = writing.then(() => process.stdout.write(data));
  });
  const typing = (async () => {
    for (;;) {
      const data = await process.stdin.read(process.killed);
      if (!data) break;
      if (!staysOpen && Buffer.from(data).toString().startsWith('Q')) return 'typed' as const;
      socket.write(data);
    }
    // The end of its input ends it, unless it was told to wait for the server.
    if (staysOpen) await over;
    return 'typed' as const;
  })();
  const ended = await process.idle(Promise.race([over, typing]));
  await writing;
  socket.destroy();
  if (ended === 'typed' && !staysOpen) await process.stderr.write('DONE\n');
  else if (ended === 'server' && !flags.has('quiet')) await process.stdout.write('closed\n');
  return 0;
}
