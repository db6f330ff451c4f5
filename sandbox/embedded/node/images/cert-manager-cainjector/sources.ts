import type { KubeObject } from '../../../../../kubernetes/object.ts';
import { ApiError, type Client } from '../../../client/client.ts';
import type { Logger } from '../in-cluster/klog.ts';

const secrets = { group: '', version: 'v1', resource: 'secrets' };
export const certificates = { group: 'cert-manager.io', version: 'v1', resource: 'certificates' };

const FROM_SECRET = 'cert-manager.io/inject-ca-from-secret';
const FROM_CERTIFICATE = 'cert-manager.io/inject-ca-from';
const FROM_API_SERVER = 'cert-manager.io/inject-apiserver-ca';
const DIRECTLY = 'cert-manager.io/allow-direct-injection';
const OWNER = 'cert-manager.io/certificate-name';

interface SourceOptions {
  client: Client;
  log: Logger;
  /** PEM of the CA that the API server itself is verified by. */
  apiServerCa: string;
}

/** Which Secret or Certificate an object wants its CA from: `NAMESPACE/NAME`. */
export const wantedSecret = (object: KubeObject): string | undefined => object.metadata.annotations?.[FROM_SECRET];
export const wantedCertificate = (object: KubeObject): string | undefined =>
  object.metadata.annotations?.[FROM_CERTIFICATE];
export const certificateOf = (secret: KubeObject): string | undefined => secret.metadata.annotations?.[OWNER];

export const wantsCa = (object: KubeObject): boolean =>
  [FROM_SECRET, FROM_CERTIFICATE, FROM_API_SERVER].some((key) => object.metadata.annotations?.[key] !== undefined);

/** The CA an object asks for, base64; undefined, and said in the log, where there is none. Rejects when the API refuses. */
export async function readCa(object: KubeObject, options: SourceOptions): Promise<string | undefined> {
  const secret = wantedSecret(object);
  if (secret !== undefined) return fromSecret(secret, options);
  const certificate = wantedCertificate(object);
  if (certificate !== undefined) return fromCertificate(certificate, options);
  if (object.metadata.annotations?.[FROM_API_SERVER] === 'true')
    return Buffer.from(options.apiServerCa).toString('base64');
  return undefined;
}

/** `{"name":"…","namespace":"…"}`, as the log prints one. */
const named = (namespace: string, name: string) => ({ name, namespace });

function split(text: string): [namespace: string, name: string] {
  const at = text.indexOf('/');
  return at === -1 ? ['', text] : [text.slice(0, at), text.slice(at + 1)];
}

async function fromSecret(reference: string, { client, log }: SourceOptions): Promise<string | undefined> {
  const [namespace, name] = split(reference);
  const told = log.with({ secret: named(namespace, name) });
  if (!namespace) {
    told.error('sources.go:209', 'invalid annotation', 'invalid secret source: missing namespace/ prefix');
    return undefined;
  }
  const secret = await found(client.get(secrets, name, namespace), (why) =>
    told.error('sources.go:230', why, 'unable to fetch associated secret'),
  );
  if (!secret) return undefined;
  if (secret.metadata.annotations?.[DIRECTLY] !== 'true') {
    told.info('sources.go:207', 'Secret resource does not allow direct injection - refusing to inject CA');
    return undefined;
  }
  return caOf(secret, () => told.error('sources.go:245', 'invalid CA source', 'secret contains no CA data'));
}

async function fromCertificate(reference: string, { client, log }: SourceOptions): Promise<string | undefined> {
  const [namespace, name] = split(reference);
  let told = log.with({ certificate: named(namespace, name) });
  if (!namespace) {
    told.error('sources.go:93', 'invalid annotation', 'invalid certificate name: needs a namespace/ prefix');
    return undefined;
  }
  const certificate = await found(client.get(certificates, name, namespace), (why) =>
    told.error('sources.go:115', why, 'unable to fetch associated certificate'),
  );
  if (!certificate) return undefined;
  told = told.with({ secret: named(namespace, certificate.spec.secretName) });
  const secret = await found(client.get(secrets, certificate.spec.secretName, namespace), (why) =>
    told.error('sources.go:125', why, 'unable to fetch associated secret'),
  );
  if (!secret) return undefined;
  if (certificateOf(secret) !== name) {
    told.info('sources.go:137', `refusing to target secret: ${OWNER} annotation does not match`, {
      annotationValue: certificateOf(secret) === undefined ? null : named(namespace, certificateOf(secret)!),
      expected: named(namespace, name),
    });
    return undefined;
  }
  return caOf(secret, () => told.error('sources.go:149', 'invalid CA source', 'certificate has no CA data'));
}

function caOf(secret: KubeObject, missing: () => void): string | undefined {
  const ca: string | undefined = secret.data?.['ca.crt'];
  if (!ca) missing();
  return ca || undefined;
}

/** What is not there yet is told by a watch when it comes; everything else is tried again. */
async function found(asked: Promise<KubeObject>, tell: (why: string) => void): Promise<KubeObject | undefined> {
  try {
    return await asked;
  } catch (error) {
    tell((error as Error).message);
    if (error instanceof ApiError && error.code === 404) return undefined;
    throw error;
  }
}
