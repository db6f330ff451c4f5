import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { getCACertificates } from 'node:tls';
import { writePrivately } from '../provision/credentials.ts';

/** Where Linux distributions and macOS keep the certificates they trust, as one file. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/**
 * Writes whom a learner's programs trust: whom the machine trusts, and the workshop's own authority. Answers whether
 * there is such an authority; without one nothing is written, and programs trust as they do elsewhere.
 * @param root PEM file of the workshop's authority
 */
export async function writeAuthorities(root: string, file: string, machine: NodeJS.ProcessEnv): Promise<boolean> {
  const own = await readFile(root, 'utf8').catch(() => undefined);
  if (own === undefined) return false;
  const bundle = `${(await machineAuthorities(machine)).trimEnd()}\n${own}`;
  const before = await readFile(file, 'utf8').catch(() => undefined);
  if (before !== bundle) await writePrivately(file, bundle);
  return true;
}

export interface Authority {
  pem: string;
  /** SHA-256, as browsers show it: `AB:CD:…`. */
  fingerprint: string;
}

/** The workshop's authority, or undefined while there is none that can be read. */
export function readAuthority(root: string): Authority | undefined {
  try {
    const pem = readFileSync(root, 'utf8');
    return { pem, fingerprint: new X509Certificate(pem).fingerprint256 };
  } catch {
    return undefined;
  }
}

async function machineAuthorities(machine: NodeJS.ProcessEnv): Promise<string> {
  for (const file of [machine.SSL_CERT_FILE, ...BUNDLES]) {
    const text = file && (await readFile(file, 'utf8').catch(() => undefined));
    if (text) return text;
  }
  const system = getCACertificates('system');
  return (system.length > 0 ? system : getCACertificates('bundled')).join('\n');
}
