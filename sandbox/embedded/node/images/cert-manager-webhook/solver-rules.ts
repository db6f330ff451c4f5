import type { Loose } from '../../../../../kubernetes/object.ts';
import { forbidden, invalid, notSupported, required } from './field-errors.ts';

const algorithms = ['HMACMD5', 'HMACSHA1', 'HMACSHA256', 'HMACSHA512'];

export function secretKeyFaults(ref: Loose, path: string): string[] {
  return [
    ...(ref?.name ? [] : [required(`${path}.name`, 'secret name is required')]),
    ...(ref?.key ? [] : [required(`${path}.key`, 'secret key is required')]),
  ];
}

/** In the order in which they are looked at; `free` are those that may stand beside others. */
const providers: { name: string; free?: true; rules: (own: Loose, path: string) => string[] }[] = [
  {
    name: 'akamai',
    free: true,
    rules: (own, path) => [
      ...secretKeyFaults(own.accessTokenSecretRef, `${path}.accessToken`),
      ...secretKeyFaults(own.clientSecretSecretRef, `${path}.clientSecret`),
      ...secretKeyFaults(own.clientTokenSecretRef, `${path}.clientToken`),
      ...(own.serviceConsumerDomain ? [] : [required(`${path}.serviceConsumerDomain`)]),
    ],
  },
  { name: 'azureDNS', rules: azureFaults },
  {
    name: 'cloudDNS',
    rules: (own, path) => [
      ...(own.serviceAccountSecretRef
        ? secretKeyFaults(own.serviceAccountSecretRef, `${path}.serviceAccountSecretRef`)
        : []),
      ...(own.project ? [] : [required(`${path}.project`)]),
    ],
  },
  { name: 'cloudflare', rules: cloudflareFaults },
  {
    name: 'route53',
    rules: (own, path) => [
      ...(own.accessKeyID && own.accessKeyIDSecretRef
        ? [required(path, 'accessKeyID and accessKeyIDSecretRef cannot both be specified')]
        : []),
      ...(own.accessKeyIDSecretRef ? secretKeyFaults(own.accessKeyIDSecretRef, `${path}.accessKeyIDSecretRef`) : []),
    ],
  },
  {
    name: 'acmeDNS',
    free: true,
    rules: (own, path) => [
      ...secretKeyFaults(own.accountSecretRef, `${path}.accountSecretRef`),
      ...(own.host ? [] : [required(`${path}.host`)]),
    ],
  },
  { name: 'digitalocean', rules: (own, path) => secretKeyFaults(own.tokenSecretRef, `${path}.tokenSecretRef`) },
  { name: 'rfc2136', rules: updateFaults },
  {
    name: 'webhook',
    rules: (own, path) => (own.solverName ? [] : [required(`${path}.solverName`, 'solver name must be specified')]),
  },
];

/** What is wrong with how a name is proved by DNS. */
export function dnsFaults(dns: Loose, path: string): string[] {
  const faults: string[] = [];
  let count = 0;
  for (const { name, free, rules } of providers) {
    const own = dns[name];
    if (!own) continue;
    if (count > 0 && !free) {
      faults.push(forbidden(`${path}.${name}`, 'may not specify more than one provider type'));
      continue;
    }
    count += 1;
    faults.push(...rules(own, `${path}.${name}`));
  }
  if (count === 0) faults.push(required(path, 'no DNS01 provider configured'));
  return faults;
}

function azureFaults(own: Loose, path: string): string[] {
  const faults: string[] = [];
  const { clientID, tenantID, clientSecretSecretRef: secret, managedIdentity: identity } = own;
  if (clientID || tenantID || secret) {
    if (!clientID) faults.push(required(`${path}.clientID`));
    faults.push(
      ...(secret
        ? secretKeyFaults(secret, `${path}.clientSecretSecretRef`)
        : [required(`${path}.clientSecretSecretRef`)]),
    );
    if (!tenantID) faults.push(required(`${path}.tenantID`));
    if (identity)
      faults.push(
        forbidden(
          `${path}.managedIdentity`,
          'managed identity cannot be used at the same time as clientID, clientSecretSecretRef or tenantID',
        ),
      );
  } else if (identity) {
    const at = `${path}.managedIdentity`;
    if (identity.clientID && identity.resourceID)
      faults.push(forbidden(at, 'managedIdentityClientID and managedIdentityResourceID cannot both be specified'));
    if (identity.tenantID && identity.resourceID)
      faults.push(forbidden(at, 'managedIdentityTenantID and managedIdentityResourceID cannot both be specified'));
    if (identity.tenantID && !identity.clientID)
      faults.push(required(at, 'managedIdentityClientID is required when using managedIdentityTenantID'));
  }
  if (!own.subscriptionID) faults.push(required(`${path}.subscriptionID`));
  if (!own.resourceGroupName) faults.push(required(`${path}.resourceGroupName`));
  return faults;
}

function cloudflareFaults({ apiKeySecretRef: key, apiTokenSecretRef: token, email }: Loose, path: string): string[] {
  return [
    ...(key ? secretKeyFaults(key, `${path}.apiKeySecretRef`) : []),
    ...(token ? secretKeyFaults(token, `${path}.apiTokenSecretRef`) : []),
    ...(key && token ? [forbidden(path, 'apiKeySecretRef and apiTokenSecretRef cannot both be specified')] : []),
    ...(key || token ? [] : [required(path, 'apiKeySecretRef or apiTokenSecretRef is required')]),
    ...(key && !email ? [required(`${path}.email`)] : []),
  ];
}

function updateFaults({ nameserver, tsigAlgorithm, tsigKeyName, tsigSecretSecretRef }: Loose, path: string): string[] {
  const faults: string[] = [];
  if (!nameserver) faults.push(required(`${path}.nameserver`));
  else if (!/^(\[[0-9a-fA-F:]+\]|[^\s:[\]]+)(:\d+)?$/.test(nameserver))
    faults.push(
      invalid(
        `${path}.nameserver`,
        nameserver,
        'nameserver must be set in the form host:port where host is an IPv4 address, an enclosed IPv6 address or a hostname and port is an optional port number.',
      ),
    );
  if (tsigAlgorithm && !algorithms.includes(tsigAlgorithm.toUpperCase()))
    faults.push(notSupported(`${path}.tsigAlgorithm`, '', algorithms));
  const secret = secretKeyFaults(tsigSecretSecretRef, `${path}.tsigSecretSecretRef`);
  if (tsigKeyName) faults.push(...secret);
  if (secret.length === 0 && !tsigKeyName) faults.push(required(`${path}.tsigKeyName`));
  return faults;
}
