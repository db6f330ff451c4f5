import type { KubeObject } from '../../../../../../kubernetes/object.ts';
import type { Certificate } from '../dynamic.ts';

/** The certificate in a Secret of type kubernetes.io/tls. Throws what Traefik says of a Secret that has none. */
export function certificateOf(secret: KubeObject | undefined, name: string): Certificate {
  if (!secret) throw new Error(`secret ${name} does not exist`);
  const entries = ['tls.crt', 'tls.key'] as const;
  const missing = entries.filter((entry) => secret.data?.[entry] === undefined);
  if (missing.length > 0)
    throw new Error(`secret ${name} is missing the following TLS data entries: ${missing.join(', ')}`);
  const [cert, key] = entries.map((entry) => Buffer.from(secret.data[entry], 'base64').toString()) as [string, string];
  const empty = entries.filter((_, index) => ![cert, key][index]);
  if (empty.length > 0)
    throw new Error(`secret ${name} contains the following empty TLS data entries: ${empty.join(', ')}`);
  return { cert, key };
}
