import type { Loose } from '../../../../../../kubernetes/object.ts';
import { milliseconds } from '../configuration/options.ts';
import type { Certificate, Dynamic, ServersTransport } from '../dynamic.ts';
import type { Log } from '../log.ts';
import { certificateOf } from './certificate.ts';
import { type CrdWorld, idOf } from './crd.ts';
import { byName } from './ingress.ts';

/** TLSOptions and TLSStores. */
export function loadTls(world: CrdWorld, dynamic: Dynamic, certificates: Map<string, Certificate>, log: Log): void {
  const defaults: string[] = [];
  for (const { metadata, spec = {} } of world.tlsOptions.list().sort(byName)) {
    const { name = '', namespace = '' } = metadata;
    if (name === 'default') defaults.push(namespace);
    dynamic.tlsOptions.set(name === 'default' ? name : `${namespace}-${name}`, {
      ...(spec.minVersion && { minVersion: spec.minVersion }),
      ...(spec.maxVersion && { maxVersion: spec.maxVersion }),
      sniStrict: spec.sniStrict ?? false,
    });
  }
  if (defaults.length > 1) {
    dynamic.tlsOptions.delete('default');
    log.error(`Default TLS Options defined in multiple namespaces: [${defaults.join(' ')}]`);
  }
  const stores: string[] = [];
  for (const { metadata, spec = {} } of world.tlsStores.list().sort(byName)) {
    const { name = '', namespace = '' } = metadata;
    const about = log.with({ TLSStore: name, namespace });
    if (name === 'default') stores.push(namespace);
    const secretName = spec.defaultCertificate?.secretName;
    if (secretName) {
      const secret = world.secrets.get(secretName, namespace);
      if (!secret) {
        about.error(`Secret ${namespace}/${secretName} does not exist`);
        continue;
      }
      try {
        const certificate = certificateOf(secret, `${namespace}/${secretName}`);
        if (name === 'default') dynamic.defaultCertificate = certificate;
      } catch (error) {
        about.error('Could not get certificate blocks', { error: (error as Error).message });
        continue;
      }
    }
    try {
      for (const one of spec.certificates ?? []) {
        const key = `${namespace}/${one.secretName}`;
        if (!certificates.has(key))
          certificates.set(key, certificateOf(world.secrets.get(one.secretName, namespace), key));
      }
    } catch (error) {
      about.error('Failed to load certificates', { error: (error as Error).message });
    }
  }
  if (stores.length > 1) {
    delete dynamic.defaultCertificate;
    log.error(`Default TLS Stores defined in multiple namespaces: [${stores.join(' ')}]`);
  }
}

const text = (data: string | undefined): string => Buffer.from(data ?? '', 'base64').toString();

/** How servers are spoken to. */
export function loadTransports(world: CrdWorld, dynamic: Dynamic, log: Log): void {
  for (const object of world.transports.list().sort(byName)) {
    const { name = '', namespace = '' } = object.metadata;
    const { spec = {} } = object;
    const about = log.with({ serversTransportName: name, namespace });
    const rootCAs: string[] = [];
    if (spec.rootCAsSecrets?.length)
      about.warn('RootCAsSecrets option is deprecated, please use the RootCA option instead.');
    const authorities: Loose[] = [
      ...(spec.rootCAsSecrets ?? []).map((secret: string) => ({ secret })),
      ...(spec.rootCAs ?? []),
    ];
    for (const { secret, configMap } of authorities) {
      const found = secret ? world.secrets.get(secret, namespace) : world.configMaps.get(configMap, namespace);
      const data = secret ? text(found?.data?.['ca.crt'] ?? found?.data?.['tls.ca']) : found?.data?.['ca.crt'];
      if (data) rootCAs.push(data);
      else {
        const [what, label] = secret ? ['secret', 'Secret'] : ['configMap', 'ConfigMap'];
        const where = `${namespace}/${secret ?? configMap}`;
        about.error(`Error while loading CA ${label}`, {
          error: found
            ? `${what} '${where}' has no CA block: ${what} ${where} is missing the following CA data entries: ca.crt`
            : `${what} '${where}' not found`,
          [what]: secret ?? configMap,
        });
      }
    }
    let certificate: Certificate | undefined;
    for (const secret of spec.certificatesSecrets ?? []) {
      try {
        certificate ??= certificateOf(world.secrets.get(secret, namespace), `${namespace}/${secret}`);
      } catch (error) {
        about.error(`Error while loading certificates ${secret}`, { error: (error as Error).message });
      }
    }
    const wait = (value: number | string | undefined): number | undefined =>
      value === undefined ? undefined : milliseconds(String(value));
    const dialTimeout = wait(spec.forwardingTimeouts?.dialTimeout);
    const responseHeaderTimeout = wait(spec.forwardingTimeouts?.responseHeaderTimeout);
    const transport: ServersTransport = {
      ...(spec.insecureSkipVerify && { insecureSkipVerify: true }),
      ...(spec.serverName && { serverName: spec.serverName }),
      ...(rootCAs.length > 0 && { rootCAs }),
      ...(certificate && { certificate }),
      ...(dialTimeout !== undefined && { dialTimeout }),
      ...(responseHeaderTimeout !== undefined && { responseHeaderTimeout }),
    };
    dynamic.transports.set(idOf(object), transport);
  }
}
