import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import type { Manager } from '../manager.ts';
import { base64, controllerReference, dataOf, key, secrets } from '../objects.ts';
import { type Certificate, readCertificate } from '../pki/certificate.ts';
import { subjectFields } from '../pki/request.ts';

const fieldManager = 'cert-manager-certificates-issuing';

/** What goes into the Secret of a Certificate. */
export interface SecretData {
  privateKey: string;
  certificate: string;
  ca?: string | undefined;
  certificateName?: string | undefined;
  issuerRef?: { name?: string; kind?: string; group?: string } | undefined;
}

const subjectKey: Record<string, string> = {
  organizations: 'subject-organizations',
  organizationalUnits: 'subject-organizationalunits',
  countries: 'subject-countries',
  provinces: 'subject-provinces',
  localities: 'subject-localities',
  postalCodes: 'subject-postalcodes',
  streetAddresses: 'subject-streetaddresses',
};

/** A line of comma-separated values, quoted where they must be. */
const csv = (values: string[]): string =>
  values.map((value) => (/[",\n\r]|^\s/.test(value) ? `"${value.replaceAll('"', '""')}"` : value)).join(',');

/** What a Secret's annotations say of the certificate in it. */
function detailsOf(certificate: Certificate): Record<string, string> {
  const details: Record<string, string> = { [key.commonName]: certificate.commonName };
  const serial = certificate.field('2.5.4.5').at(-1);
  if (serial) details['cert-manager.io/subject-serialnumber'] = serial;
  for (const [oid, field] of subjectFields) {
    const values = certificate.field(oid);
    if (values.length > 0) details[`cert-manager.io/${subjectKey[field]}`] = csv(values);
  }
  const { names } = certificate;
  if (names.email.length > 0) details['cert-manager.io/email-sans'] = csv(names.email);
  details['cert-manager.io/alt-names'] = csv(names.dns);
  details['cert-manager.io/ip-sans'] = csv(names.ip);
  details['cert-manager.io/uri-sans'] = csv(names.uri);
  return details;
}

/** The bytes of a PEM block. */
const derOf = (pem: string): string => pem.replace(/-----[^-]+-----|\s/g, '');

/** Applies the Secret as its Certificate wants it; other people's fields stay. */
export async function applySecret(manager: Manager, certificate: KubeObject, data: SecretData): Promise<void> {
  const { namespace = '' } = certificate.metadata;
  const { secretName, secretTemplate = {}, additionalOutputFormats = [], keystores } = certificate.spec;
  const existing = manager.secret(namespace, secretName);
  const issued = readCertificate(data.certificate);
  const values: Record<string, string> = {
    'tls.key': base64(data.privateKey),
    'tls.crt': base64(data.certificate),
    ...(data.ca && { 'ca.crt': base64(data.ca) }),
  };
  for (const { type } of additionalOutputFormats) {
    if (type === 'DER') values['key.der'] = derOf(data.privateKey);
    if (type === 'CombinedPEM') values['tls-combined.pem'] = base64(`${data.privateKey}\n${data.certificate}`);
  }
  if (keystores?.jks?.create || keystores?.pkcs12?.create) {
    const told = 'simulated by Atelier: key stores (JKS, PKCS#12) are not made; tls.crt and tls.key are';
    void manager.recorder('certificates-issuing').event(certificate, 'Warning', 'NotSimulated', told);
  }
  const { issuerRef, certificateName } = data;
  const annotations: Record<string, string> = {
    ...secretTemplate.annotations,
    ...detailsOf(issued),
    ...(certificateName && { [key.name]: certificateName }),
    ...((issuerRef?.name || issuerRef?.kind || issuerRef?.group) && {
      [key.issuerName]: issuerRef.name ?? '',
      [key.issuerKind]: issuerRef.kind ?? '',
      [key.issuerGroup]: issuerRef.group ?? '',
    }),
  };
  const owned = manager.options.enableOwnerRef;
  const body: Loose = {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: secretName,
      namespace,
      annotations,
      labels: { ...secretTemplate.labels, [key.ours]: 'true' },
      ...(owned && { ownerReferences: [controllerReference(certificate)] }),
    },
    data: values,
    type: existing?.type ?? 'kubernetes.io/tls',
  };
  try {
    const applied = await manager.client.patch(secrets, secretName, namespace, 'apply', body, {
      fieldManager,
      force: true,
    });
    manager.informer(secrets).observe(applied);
  } catch (error) {
    (error as Error).message = `failed to apply secret ${namespace}/${secretName}: ${(error as Error).message}`;
    throw error;
  }
}

/** Fields below a part of the metadata that cert-manager manages. */
function managed(secret: KubeObject, part: string): string[] {
  return (secret.metadata.managedFields ?? [])
    .filter((entry) => entry.manager === fieldManager)
    .flatMap((entry) => Object.keys(entry.fieldsV1?.['f:metadata']?.[part] ?? {}))
    .filter((name) => name.startsWith('f:'))
    .map((name) => name.slice(2));
}

const isOwn = (name: string): boolean => /^(controller\.)?cert-manager\.io\//.test(name);
const differs = (one: string[], other: string[]): boolean => new Set(one).symmetricDifference(new Set(other)).size > 0;

/** Why the Secret must be applied again although its certificate is good; undefined when it need not. */
export function whyApply(manager: Manager, certificate: KubeObject, secret: KubeObject): string | undefined {
  const details = detailsOf(readCertificate(dataOf(secret, 'tls.crt') ?? ''));
  const { annotations = {}, labels = {} } = secret.metadata;
  const label = labels[key.ours];
  if (label !== undefined && label !== 'true') return `wrong base label ${key.ours} value "${label}", expected "true"`;
  for (const [name, value] of Object.entries(details))
    if (annotations[name] !== undefined && annotations[name] !== value)
      return `Secret metadata ${annotations[name]} does not match certificate metadata ${value}`;
  const issuedBy: string[] = [key.name, key.issuerName, key.issuerKind, key.issuerGroup];
  const [ownLabels, ownAnnotations] = [managed(secret, 'f:labels'), managed(secret, 'f:annotations')];
  if (differs(ownLabels.filter(isOwn), [key.ours]))
    return 'Secret is missing these Managed Labels: [controller.cert-manager.io/fao]';
  const told = ownAnnotations.filter((name) => isOwn(name) && !issuedBy.includes(name));
  if (differs(told, Object.keys(details))) {
    const missing = Object.keys(details).filter((name) => !told.includes(name));
    return missing.length > 0
      ? `Secret is missing these Managed Annotations: [${missing.sort().join(' ')}]`
      : `Secret has these extra Annotations: [${told.filter((name) => !(name in details)).join(' ')}]`;
  }
  const template = certificate.spec.secretTemplate ?? {};
  for (const [kind, wanted, has, names] of [
    ['Annotations', template.annotations ?? {}, annotations, ownAnnotations],
    ['Labels', template.labels ?? {}, labels, ownLabels],
  ] as const) {
    for (const [name, value] of Object.entries(wanted))
      if (has[name] !== undefined && has[name] !== value)
        return `Certificate's SecretTemplate ${kind} missing or incorrect value on Secret`;
    const others = names.filter((name) => !isOwn(name));
    const missing = Object.keys(wanted).filter((name) => !others.includes(name));
    if (missing.length > 0) return `Secret is missing these Template ${kind}: [${missing.sort().join(' ')}]`;
    const extra = others.filter((name) => !(name in wanted));
    if (extra.length > 0) return `Secret has these extra ${kind}: [${extra.sort().join(' ')}]`;
  }
  const formats = (certificate.spec.additionalOutputFormats ?? []).map(({ type }: Loose) => type as string);
  for (const [type, name] of [
    ['DER', 'key.der'],
    ['CombinedPEM', 'tls-combined.pem'],
  ] as const)
    if (formats.includes(type) !== (secret.data?.[name] !== undefined))
      return "Certificate's AdditionalOutputFormats doesn't match Secret Data";
  const owner = (secret.metadata.ownerReferences ?? []).some(({ uid }) => uid === certificate.metadata.uid);
  const enabled = manager.options.enableOwnerRef;
  if (enabled !== owner)
    return `unexpected managed Secret Owner Reference field on Secret --enable-certificate-owner-ref=${enabled}`;
  return undefined;
}
