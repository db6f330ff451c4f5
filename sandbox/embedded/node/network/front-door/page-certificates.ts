import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { Clock } from '../../../clock.ts';

/** Certificates for hosts that nobody else answers for, so that a page about that can be read. */
export interface PageCertificates {
  /** Undefined where there is no authority to sign. */
  for(host: string): Promise<SecureContext | undefined>;
}

/** Days that a certificate holds, and milliseconds that it is used. */
const days = 7;
const useful = 86_400_000;
/** Hosts remembered. */
const most = 200;

/** Signs with the workshop's authority, whose folder this is. */
export function createPageCertificates(authority: string | undefined, clock: Clock): PageCertificates {
  const made = new Map<string, { context: Promise<SecureContext>; until: number }>();

  async function make(directory: string, host: string): Promise<SecureContext> {
    // Large, and seldom needed.
    const { issue } = await import('../../../workshop-ca/issue.ts');
    const read = (name: string) => readFileSync(join(directory, name), 'utf8');
    const issuer = { cert: read('intermediate.crt'), key: read('intermediate.key') };
    const subject = 'CN=Atelier front door (simulated)';
    const { cert, key } = await issue({ subject, issuer, names: [host], now: clock.now(), days });
    return createSecureContext({ cert: cert + issuer.cert, key });
  }

  return {
    async for(host) {
      if (!authority) return undefined;
      const known = made.get(host);
      if (known && known.until > clock.now().getTime()) return known.context;
      const context = make(authority, host);
      made.delete(host);
      made.set(host, { context, until: clock.now().getTime() + useful });
      if (made.size > most) made.delete(made.keys().next().value!);
      context.catch(() => made.delete(host));
      return context;
    },
  };
}
