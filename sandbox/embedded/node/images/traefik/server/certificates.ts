import { createPrivateKey, X509Certificate } from 'node:crypto';
import { createSecureContext, type SecureContext, type SecureVersion } from 'node:tls';
import type { Certificate, TlsOptions } from '../dynamic.ts';
import type { Log } from '../log.ts';

interface Held {
  names: string[];
  certificate: Certificate;
}

/** Certificates by the names they are for. https://doc.traefik.io/traefik/https/tls/ */
export interface CertificateStore {
  /** Takes all there are; one that cannot be used is logged. */
  set(certificates: Certificate[], chosen: Certificate | undefined, log: Log): void;
  /** What a client that asks for this name gets; undefined where only the default is left. */
  find(name: string, options?: TlsOptions): SecureContext | undefined;
  /** The one for all other names: Traefik's own, where no other was chosen. */
  fallback(options?: TlsOptions): Promise<SecureContext>;
}

/** @param generate makes Traefik's own certificate; called once, when it is first needed */
export function createCertificateStore(generate: () => Promise<Certificate>): CertificateStore {
  let generated: Promise<Certificate> | undefined;
  let held: Held[] = [];
  let chosen: Certificate | undefined;
  let contexts = new Map<string, SecureContext>();

  function contextOf({ cert, key }: Certificate, options: TlsOptions = {}): SecureContext {
    const { minVersion = 'VersionTLS12', maxVersion } = options;
    const id = [cert, key, minVersion, maxVersion].join('\n');
    let context = contexts.get(id);
    if (!context) {
      context = createSecureContext({
        cert,
        key,
        minVersion: versionOf(minVersion) ?? 'TLSv1.2',
        ...(maxVersion && { maxVersion: versionOf(maxVersion) }),
      });
      contexts.set(id, context);
    }
    return context;
  }

  return {
    set(certificates, wanted, log) {
      // What is not used any more goes with its context.
      contexts = new Map([...contexts].filter(([id]) => certificates.some(({ cert }) => id.startsWith(cert))));
      held = certificates.flatMap((certificate): Held[] => {
        try {
          return [{ names: namesOf(certificate), certificate }];
        } catch (error) {
          log.error(`Unable to parse certificate ${shortened(certificate.cert)}`, { error: (error as Error).message });
          return [];
        }
      });
      chosen = undefined;
      if (!wanted) return;
      try {
        namesOf(wanted);
        chosen = wanted;
      } catch (error) {
        log.error('Error while creating certificate store', {
          error: `failed to load X509 key pair: ${(error as Error).message.replace(/^unable to generate TLS certificate: /, '')}`,
          tlsStoreName: 'default',
        });
      }
    },
    find(asked, options) {
      const name = asked.toLowerCase().trim();
      let best: { name: string; certificate: Certificate } | undefined;
      for (const { names, certificate } of held)
        for (const one of names)
          if (matches(name, one) && (!best || one >= best.name)) best = { name: one, certificate };
      return best && contextOf(best.certificate, options);
    },
    async fallback(options) {
      if (chosen) return contextOf(chosen, options);
      generated ??= generate();
      return contextOf(await generated, options);
    },
  };
}

/** A certificate for `*.a` is for `b.a`, for neither `a` nor `c.b.a`. */
function matches(name: string, certificate: string): boolean {
  if (name === certificate) return true;
  const at = name.indexOf('.');
  return at > 0 && certificate === `*${name.slice(at)}`;
}

function versionOf(name: string): SecureVersion | undefined {
  const versions: Record<string, SecureVersion> = {
    VersionTLS10: 'TLSv1',
    VersionTLS11: 'TLSv1.1',
    VersionTLS12: 'TLSv1.2',
    VersionTLS13: 'TLSv1.3',
  };
  return versions[name];
}

/** The names of a certificate whose key fits. Throws what Go's tls.X509KeyPair says of others. */
export function namesOf({ cert, key }: Certificate): string[] {
  const failed = (text: string): Error => new Error(`unable to generate TLS certificate: tls: ${text}`);
  if (!/-----BEGIN CERTIFICATE-----/.test(cert))
    throw failed(
      /-----BEGIN/.test(cert)
        ? 'failed to find certificate PEM data in certificate input, but did find a private key; PEM inputs may have been switched'
        : 'failed to find any PEM data in certificate input',
    );
  if (!/-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----/.test(key))
    throw failed(
      /-----BEGIN CERTIFICATE/.test(key)
        ? 'found a certificate rather than a key in the PEM for the private key'
        : 'failed to find any PEM data in key input',
    );
  let leaf: X509Certificate;
  try {
    leaf = new X509Certificate(cert);
  } catch {
    throw new Error('unable to generate TLS certificate: x509: malformed certificate');
  }
  let fits: boolean;
  try {
    fits = leaf.checkPrivateKey(createPrivateKey(key));
  } catch {
    throw failed('failed to parse private key');
  }
  if (!fits) throw failed('private key does not match public key');
  const common = /^CN=(.*)$/m.exec(leaf.subject)?.[1];
  const others = [...(leaf.subjectAltName ?? '').matchAll(/(?:DNS|IP Address):([^,\s]+)/g)].map((match) => match[1]!);
  return [...new Set([...(common ? [common] : []), ...others])].map((name) => name.toLowerCase());
}

function shortened(cert: string): string {
  const header = '-----BEGIN CERTIFICATE-----\n';
  return cert.startsWith(header) && cert.length > header.length + 50
    ? cert.slice(header.length, header.length + 50)
    : cert;
}
