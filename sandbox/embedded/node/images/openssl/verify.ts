import { trustedBy } from '../http/client.ts';
import type { ContainerProcess } from '../image.ts';
import { resolvePath } from '../process/open.ts';
import { readAll } from '../process/streams.ts';
import { type Certificate, certificatesIn, nameText } from './certificate.ts';
import { type VerifiedPath, verifyPath } from './path.ts';
import { missingFile, refuse } from './x509.ts';

/** Authorities to trust and how to judge, as `verify` and `s_client` share them. */
export interface TrustOptions {
  trusted: Certificate[];
  partialChain: boolean;
  host: string | undefined;
}

const TRUST_VALUES = ['CAfile', 'CApath', 'trusted', 'untrusted', 'verify_hostname', 'verify_ip', 'purpose', 'attime'];
const TRUST_FLAGS = [
  'partial_chain',
  'no-CAfile',
  'no-CApath',
  'x509_strict',
  'show_chain',
  'verbose',
  'no_check_time',
];

export const isTrustValue = (name: string): boolean => TRUST_VALUES.includes(name);
export const isTrustFlag = (name: string): boolean => TRUST_FLAGS.includes(name);

/** Reads them; undefined once it has said what is wrong. */
export async function trustOf(
  process: ContainerProcess,
  values: Map<string, string>,
  flags: Set<string>,
): Promise<TrustOptions | undefined> {
  const file = values.get('CAfile') ?? values.get('trusted');
  let own = '';
  if (file !== undefined) {
    const read = readFile(process, file);
    if (read === undefined) {
      const thread = '80CB5DF4917F0000';
      await process.stderr.write(
        `Error loading file ${file}\n${thread}:error:80000002:system library:BIO_new_file:No such file or directory:../crypto/bio/bss_file.c:67:calling fopen(${file}, r)\n${thread}:error:10000080:BIO routines:BIO_new_file:no such file:../crypto/bio/bss_file.c:75:\n${thread}:error:05880002:x509 certificate routines:X509_load_cert_crl_file_ex:system lib:../crypto/x509/by_file.c:229:\n`,
      );
      return undefined;
    }
    own = read;
  }
  const usual = flags.has('no-CApath') || values.has('trusted') ? '' : trustedBy(process);
  return {
    trusted: certificatesIn(`${own}\n${usual}`),
    partialChain: flags.has('partial_chain'),
    host: values.get('verify_hostname') ?? values.get('verify_ip'),
  };
}

/** Undefined where there is none. */
function readFile(process: ContainerProcess, file: string): string | undefined {
  try {
    return Buffer.from(process.fs.read(resolvePath(process, file))).toString('latin1');
  } catch {
    return undefined;
  }
}

/** `openssl verify`. https://docs.openssl.org/3.0/man1/openssl-verify/ */
export async function verify(process: ContainerProcess, args: string[]): Promise<number> {
  const values = new Map<string, string>();
  const flags = new Set<string>();
  const files: string[] = [];
  const untrusted: string[] = [];
  for (let at = 0; at < args.length; at += 1) {
    const word = args[at]!;
    const name = word.replace(/^--?/, '');
    if (!word.startsWith('-')) files.push(word);
    else if (isTrustValue(name)) {
      const value = args[++at];
      if (value === undefined)
        return refuse(process, `verify: Option -${name} needs a value\nverify: Use -help for summary.`);
      if (name === 'untrusted') untrusted.push(value);
      else values.set(name, value);
    } else if (isTrustFlag(name)) flags.add(name);
    else return refuse(process, `verify: Unknown option: ${word}\nverify: Use -help for summary.`);
  }
  const trust = await trustOf(process, values, flags);
  if (!trust) return 1;
  const between: Certificate[] = [];
  for (const file of untrusted) {
    const text = readFile(process, file);
    if (text === undefined) {
      await process.stderr.write(missingFile('untrusted certificates', file));
      return 1;
    }
    between.push(...certificatesIn(text));
  }
  let code = 0;
  for (const file of files.length > 0 ? files : ['-']) {
    const text = file === '-' ? (await readAll(process.stdin)).toString('latin1') : readFile(process, file);
    const [leaf] = certificatesIn(text ?? '');
    if (!leaf) {
      await process.stderr.write(
        text === undefined
          ? missingFile('certificate file', file)
          : `Could not read certificate file from ${file === '-' ? '<stdin>' : file}\nUnable to load certificate file\n`,
      );
      code = 2;
      continue;
    }
    const shown = file === '-' ? 'stdin' : file;
    const path = verifyPath({ leaf, untrusted: between, now: process.container.clock.now(), ...trust });
    if (path.errors.length === 0) {
      await process.stdout.write(`${shown}: OK\n${flags.has('show_chain') ? chainText(path) : ''}`);
      continue;
    }
    code = 2;
    for (const { number, text: why, depth } of toldOnes(path)) {
      const name = nameText(path.chain[depth]!.certificate.x509.subject);
      await process.stderr.write(`${name}\nerror ${number} at ${depth} depth lookup: ${why}\n`);
    }
    await process.stderr.write(`error ${shown}: verification failed\n`);
  }
  return code;
}

/** It goes on after a certificate out of date or signed by itself, and stops at any other fault. */
function toldOnes({ errors }: VerifiedPath): VerifiedPath['errors'] {
  const stop = errors.findIndex(({ number }) => ![10, 18, 79, 25].includes(number));
  return stop < 0 ? errors : errors.slice(0, stop + 1);
}

function chainText({ chain }: VerifiedPath): string {
  const rows = chain.map(
    ({ certificate, trusted }, depth) =>
      `depth=${depth}: ${nameText(certificate.x509.subject)}${trusted ? '' : ' (untrusted)'}\n`,
  );
  return `Chain:\n${rows.join('')}`;
}
