import { createPublicKey, type KeyObject } from 'node:crypto';
import type { KubeObject } from '../../../../../../kubernetes/object.ts';
import type { Manager } from '../manager.ts';
import { dataOf, key, quote, unbase64 } from '../objects.ts';
import { type Certificate, readCertificate, readCertificates, sign, templateOf } from '../pki/certificate.ts';
import { bundleOf } from '../pki/chain.ts';
import { decodeKey, InvalidData } from '../pki/keys.ts';
import { isEmpty, readRequest } from '../pki/request.ts';
import type { Sign } from './issuer-loop.ts';

/** The pair of a CA issuer's Secret. Throws InvalidData. */
function authorityOf(secret: KubeObject): { chain: Certificate[]; privateKey: KeyObject } {
  const where = `secret '${secret.metadata.namespace}/${secret.metadata.name}'`;
  const [keyBytes, pem, ca] = ['tls.key', 'tls.crt', 'ca.crt'].map((name) => dataOf(secret, name));
  if (!keyBytes) throw new InvalidData(`no private key data for "tls.key" in ${where}`);
  const privateKey = decodeKey(keyBytes);
  if (!pem) throw new InvalidData(`no certificate data for "tls.crt" in ${where}`);
  const chain = readCertificates(pem);
  return { chain: ca ? [...chain, readCertificate(ca)] : chain, privateKey };
}

/** Signs with the key pair of a Secret. https://cert-manager.io/docs/configuration/ca/ */
export function createAuthority(manager: Manager): Sign {
  return async ({ request, issuer, report, log }) => {
    const { secretName, crlDistributionPoints, ocspServers, issuingCertificateURLs } = issuer.spec.ca;
    const namespace = manager.namespaceFor(issuer);
    const secret = manager.secret(namespace, secretName);
    if (!secret) {
      const message = `Referenced secret ${namespace}/${secretName} not found`;
      const error = `secrets ${quote(secretName)} not found`;
      log.error('ca.go:81', error, message);
      return { status: report.pending('SecretMissing', message, error) };
    }
    let authority: { chain: Certificate[]; privateKey: KeyObject };
    try {
      authority = authorityOf(secret);
    } catch (error) {
      const message = `Failed to parse signing CA keypair from secret ${namespace}/${secretName}`;
      const why = (error as Error).message;
      log.error('ca.go:90', why, message);
      return { status: report.pending('SecretInvalidData', message, why) };
    }
    try {
      const template = await templateOf(readRequest(unbase64(request.spec.request)), request.spec);
      const { chain, privateKey } = authority;
      const leaf = await sign(
        { ...template, crl: crlDistributionPoints, ocsp: ocspServers, issuers: issuingCertificateURLs },
        privateKey,
        chain[0],
        manager.clock.now(),
      );
      const bundle = bundleOf([...chain, readCertificate(leaf)]);
      return { issued: { certificate: bundle.chain, ca: bundle.ca } };
    } catch (error) {
      const why = (error as Error).message;
      const message =
        error instanceof InvalidData ? 'Error signing certificate' : 'Error generating certificate template';
      log.error('ca.go:104', why, message);
      return { status: report.failed('SigningError', message, why) };
    }
  };
}

const emptyName =
  'Certificate will be issued with an empty Issuer DN, which contravenes RFC 5280 and could break some strict clients';

/** Signs with the request's own key. https://cert-manager.io/docs/configuration/selfsigned/ */
export function createSelfSigned(manager: Manager): Sign {
  return async ({ request, issuer, report, recorder, log }) => {
    const { namespace = '', annotations } = request.metadata;
    const name = annotations?.[key.privateKey];
    const fail = (source: string, reason: string, message: string, error: string) => {
      log.error(source, error, message);
      return { status: report.failed(reason, message, error) };
    };
    if (!name)
      return fail(
        'selfsigned.go:121',
        'MissingAnnotation',
        `Annotation ${quote(key.privateKey)} missing or reference empty`,
        'secret name missing',
      );
    const secret = manager.secret(namespace, name);
    if (!secret) {
      const [message, error] = [`Referenced secret ${namespace}/${name} not found`, `secrets ${quote(name)} not found`];
      log.error('selfsigned.go:131', error, message);
      return { status: report.pending('MissingSecret', message, error) };
    }
    let privateKey: KeyObject;
    try {
      const bytes = dataOf(secret, 'tls.key');
      if (!bytes) throw new InvalidData(`no data for "tls.key" in secret '${namespace}/${name}'`);
      privateKey = decodeKey(bytes);
    } catch (error) {
      const message = `Failed to get key ${quote(name)} referenced in annotation ${quote(key.privateKey)}`;
      const why = (error as Error).message;
      log.error('selfsigned.go:141', why, message);
      return { status: report.pending('ErrorParsingKey', message, why) };
    }
    try {
      const template = await templateOf(readRequest(unbase64(request.spec.request)), request.spec);
      if (isEmpty(template.request.subject)) void recorder.event(request, 'Warning', 'BadConfig', emptyName);
      if (!template.request.publicKey.equals(createPublicKey(privateKey)))
        return fail(
          'selfsigned.go:188',
          'ErrorKeyMatch',
          'Error generating certificate template',
          'CSR not signed by referenced private key',
        );
      const crl = issuer.spec.selfSigned.crlDistributionPoints;
      const certificate = await sign({ ...template, crl }, privateKey, undefined, manager.clock.now());
      return { issued: { certificate, ca: certificate } };
    } catch (error) {
      return fail(
        'selfsigned.go:160',
        'ErrorGenerating',
        'Error generating certificate template',
        (error as Error).message,
      );
    }
  };
}
