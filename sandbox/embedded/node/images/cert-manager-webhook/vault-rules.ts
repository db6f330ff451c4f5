import type { Loose } from '../../../../../kubernetes/object.ts';
import { holdsCertificates } from './ca-bundle.ts';
import { forbidden, invalid, required } from './field-errors.ts';

const climbs = (path = ''): boolean => path.split('/').includes('..');
const climbing = "must not contain '..' path segments";

/** What is wrong with an issuer that signs by Vault. */
export function vaultFaults(vault: Loose, path: string): string[] {
  const faults: string[] = [];
  if (!vault.server) faults.push(required(`${path}.server`));
  if (!vault.path) faults.push(required(`${path}.path`));
  else if (climbs(vault.path)) faults.push(invalid(`${path}.path`, vault.path, climbing));
  if (vault.caBundle && !holdsCertificates(vault.caBundle))
    faults.push(invalid(`${path}.caBundle`, '<snip>', "cert bundle didn't contain any valid certificates"));
  if (vault.caBundle && vault.caBundleSecretRef)
    faults.push(
      invalid(`${path}.caBundle`, '<snip>', 'specified caBundle and caBundleSecretRef cannot be used together'),
      invalid(
        `${path}.caBundleSecretRef`,
        vault.caBundleSecretRef.name,
        'specified caBundleSecretRef and caBundle cannot be used together',
      ),
    );
  const { clientCertSecretRef: cert, clientKeySecretRef: key } = vault;
  if (cert && !key)
    faults.push(
      invalid(
        `${path}.clientKeySecretRef`,
        '<snip>',
        'clientKeySecretRef must be provided when defining the clientCertSecretRef',
      ),
    );
  if (key && !cert)
    faults.push(
      invalid(
        `${path}.clientCertSecretRef`,
        '<snip>',
        'clientCertSecretRef must be provided when defining the clientKeySecretRef',
      ),
    );
  return [...faults, ...loginFaults(vault.auth ?? {}, `${path}.auth`)];
}

function loginFaults({ tokenSecretRef, appRole, clientCertificate, kubernetes, aws }: Loose, path: string): string[] {
  const faults: string[] = [];
  if (appRole) {
    if (!appRole.roleId) faults.push(required(`${path}.appRole.roleId`));
    if (!appRole.secretRef?.name) faults.push(required(`${path}.appRole.secretRef.name`));
    if (climbs(appRole.path)) faults.push(invalid(`${path}.appRole.path`, appRole.path, climbing));
  }
  if (climbs(clientCertificate?.mountPath))
    faults.push(invalid(`${path}.clientCertificate.path`, clientCertificate.mountPath, climbing));
  if (kubernetes) {
    const own = `${path}.kubernetes`;
    if (!kubernetes.role) faults.push(required(`${own}.role`));
    if (climbs(kubernetes.mountPath)) faults.push(invalid(`${own}.path`, kubernetes.mountPath, climbing));
    const account = kubernetes.serviceAccountRef;
    if (account && !account.name) faults.push(required(`${own}.serviceAccountRef.name`));
    const why = 'please supply one of: secretRef, serviceAccountRef';
    if (!kubernetes.secretRef?.name && !account) faults.push(required(own, why));
    if (kubernetes.secretRef?.name && account) faults.push(forbidden(own, why));
  }
  if (aws) {
    if (!aws.role) faults.push(required(`${path}.aws.role`));
    if (climbs(aws.mountPath)) faults.push(invalid(`${path}.aws.mountPath`, aws.mountPath, climbing));
    if (aws.serviceAccountRef && !aws.serviceAccountRef.name)
      faults.push(required(`${path}.aws.serviceAccountRef.name`));
    if (aws.serviceAccountRef && !aws.iamRoleArn)
      faults.push(required(`${path}.aws.iamRoleArn`, 'iamRoleArn is required when using serviceAccountRef for IRSA'));
  }
  if (!tokenSecretRef && !appRole && !clientCertificate && !kubernetes && !aws)
    faults.push(required(path, 'please supply one of: appRole, kubernetes, tokenSecretRef, clientCertificate, aws'));
  return faults;
}

/** What is wrong with an issuer that signs by CyberArk's (once Venafi's) certificate manager. */
export function venafiFaults({ zone, tpp, cloud, ngts }: Loose, path: string): string[] {
  const faults: string[] = zone ? [] : [required(`${path}.zone`)];
  if (tpp && !tpp.url) faults.push(required(`${path}.tpp.url`));
  if (tpp?.caBundle && tpp.caBundleSecretRef)
    faults.push(
      forbidden(`${path}.tpp`, 'may not specify more than one of caBundle/caBundleSecretRef as TPP CA Bundle'),
    );
  if (ngts && !ngts.tsgID) faults.push(required(`${path}.ngts.tsgID`));
  if (ngts && !ngts.credentialsRef?.name) faults.push(required(`${path}.ngts.credentialsRef.name`));
  const set = [tpp, cloud, ngts].filter(Boolean).length;
  const why = 'please supply one of: tpp, cloud, ngts';
  if (set === 0) faults.push(required(path, why));
  if (set > 1) faults.push(forbidden(path, why));
  return faults;
}
