import { dns1123Subdomain } from '../../../../../kubernetes/names.ts';
import type { Loose } from '../../../../../kubernetes/object.ts';
import { holdsCertificates } from './ca-bundle.ts';
import { forbidden, invalid, required } from './field-errors.ts';
import { readDuration } from './go-duration.ts';
import { dnsFaults, secretKeyFaults } from './solver-rules.ts';
import { vaultFaults, venafiFaults } from './vault-rules.ts';

interface Found {
  faults: string[];
  warnings: string[];
}

/** What is wrong with the spec of an Issuer or ClusterIssuer: exactly one kind, and that one right. */
export function issuerFaults(spec: Loose): Found {
  const found: Found = { faults: [], warnings: [] };
  const kinds: [string, (own: Loose, path: string) => string[]][] = [
    ['acme', (own, path) => acmeFaults(own, path, found.warnings)],
    ['ca', caFaults],
    ['selfSigned', () => []],
    ['vault', vaultFaults],
    ['venafi', venafiFaults],
  ];
  const set = kinds.filter(([kind]) => spec[kind] !== undefined && spec[kind] !== null);
  for (const [at, [kind, rules]] of set.entries()) {
    const path = `spec.${kind}`;
    if (at > 0) found.faults.push(forbidden(path, 'may not specify more than one issuer type'));
    else found.faults.push(...rules(spec[kind], path));
  }
  if (set.length === 0) found.faults.push(required('spec', 'at least one issuer must be configured'));
  return found;
}

/** Durations of solvers, which are read before any rule. */
export function readIssuerDurations(spec: Loose): void {
  for (const { waitInsteadOfSelfCheck } of spec?.acme?.solvers ?? [])
    if (waitInsteadOfSelfCheck !== undefined) readDuration(waitInsteadOfSelfCheck);
}

function acmeFaults(acme: Loose, path: string, warnings: string[]): string[] {
  const faults: string[] = [];
  if (acme.caBundle && acme.skipTLSVerify) {
    const why = 'caBundle and skipTLSVerify are mutually exclusive and cannot both be set';
    faults.push(invalid(`${path}.caBundle`, '', why), invalid(`${path}.skipTLSVerify`, true, why));
  }
  if (acme.caBundle && !holdsCertificates(acme.caBundle))
    faults.push(invalid(`${path}.caBundle`, '', "cert bundle didn't contain any valid certificates"));
  if (!acme.privateKeySecretRef?.name)
    faults.push(required(`${path}.privateKeySecretRef.name`, 'private key secret name is a required field'));
  if (!acme.server) faults.push(required(`${path}.server`, 'acme server URL is a required field'));
  const binding = acme.externalAccountBinding;
  if (binding) {
    const own = `${path}.externalAccountBinding`;
    if (!binding.keyID)
      faults.push(required(`${own}.keyID`, 'the keyID field is required when using externalAccountBinding'));
    faults.push(...secretKeyFaults(binding.keySecretRef, `${own}.keySecretRef`));
    if (binding.keyAlgorithm)
      warnings.push(
        "ACME issuer spec field 'externalAccount.keyAlgorithm' is deprecated. The value of this field will be ignored.",
      );
  }
  for (const [at, solver] of (acme.solvers ?? []).entries())
    faults.push(...solverFaults(solver, `${path}.solvers[${at}]`));
  return faults;
}

function solverFaults(solver: Loose, path: string): string[] {
  const faults: string[] = [];
  const { http01, dns01, waitInsteadOfSelfCheck } = solver ?? {};
  if (http01) faults.push(...httpFaults(http01, `${path}.http01`));
  if (dns01 && http01) faults.push(forbidden(path, 'may not specify more than one solver type in a single solver'));
  else if (dns01) faults.push(...dnsFaults(dns01, `${path}.dns01`));
  if (!http01 && !dns01) faults.push(required(path, 'no solver type configured'));
  const wait = waitInsteadOfSelfCheck === undefined ? 0 : readDuration(waitInsteadOfSelfCheck);
  if (wait < 0)
    faults.push(invalid(`${path}.waitInsteadOfSelfCheck`, wait, 'waitInsteadOfSelfCheck must not be negative'));
  return faults;
}

function httpFaults({ ingress, gatewayHTTPRoute }: Loose, path: string): string[] {
  const faults: string[] = [];
  if (ingress) {
    const own = `${path}.ingress`;
    const { class: old, ingressClassName, name, serviceType } = ingress;
    if ([old !== undefined, ingressClassName !== undefined, Boolean(name)].filter(Boolean).length > 1)
      faults.push(forbidden(own, "only one of 'ingressClassName', 'name' or 'class' should be specified"));
    const wrong = ingressClassName === undefined ? [] : dns1123Subdomain(ingressClassName);
    if (wrong.length > 0)
      faults.push(
        invalid(`${own}.ingressClassName`, ingressClassName, `must be a valid IngressClass name: ${wrong.join(', ')}`),
      );
    faults.push(...serviceTypeFaults(serviceType, own));
  }
  if (gatewayHTTPRoute) faults.push(...serviceTypeFaults(gatewayHTTPRoute.serviceType, `${path}.gateway`));
  if (!ingress && !gatewayHTTPRoute) faults.push(required(path, 'no HTTP01 solver type configured'));
  if (ingress && gatewayHTTPRoute) faults.push(required(path, 'only 1 HTTP01 solver type may be configured'));
  return faults;
}

const serviceTypeFaults = (type: string | undefined, path: string): string[] =>
  !type || type === 'ClusterIP' || type === 'NodePort'
    ? []
    : [invalid(`${path}.serviceType`, type, 'must be empty, "ClusterIP" or "NodePort"')];

function caFaults(ca: Loose, path: string): string[] {
  const faults: string[] = ca.secretName ? [] : [required(`${path}.secretName`)];
  for (const [at, url] of (ca.ocspServers ?? []).entries())
    if (url === '')
      faults.push(
        invalid(`${path}.ocspServer[${at}]`, url, 'must be a valid URL, e.g., http://ocsp.int-x3.letsencrypt.org'),
      );
  for (const [at, url] of (ca.issuingCertificateURLs ?? []).entries())
    if (url === '') faults.push(invalid(`${path}.issuingCertificateURLs[${at}]`, url, 'must be a valid URL'));
  return faults;
}
