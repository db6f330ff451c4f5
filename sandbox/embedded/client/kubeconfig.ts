import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { Loose } from '../../../kubernetes/object.ts';

/** Where a cluster is, and who asks. PEM texts, not paths. */
export interface Credentials {
  server: string;
  ca?: string;
  cert?: string;
  key?: string;
  token?: string;
}

/** Reads the current context of a kubeconfig file. Throws when the file or what it names is missing. */
export function readKubeconfig(path: string): Credentials {
  return parseKubeconfig(readFileSync(path, 'utf8'), dirname(path));
}

/** Paths in the text are relative to `directory`. https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/ */
export function parseKubeconfig(text: string, directory = '.'): Credentials {
  const config = parse(text) as Loose;
  const named = (list: Loose[] | undefined, name: string, what: string): Loose => {
    const entry = list?.find((candidate) => candidate.name === name);
    if (!entry) throw new Error(`kubeconfig: no ${what} named "${name}"`);
    return entry[what];
  };
  const context = named(config.contexts, config['current-context'], 'context');
  const cluster = named(config.clusters, context.cluster, 'cluster');
  const user = named(config.users, context.user, 'user') ?? {};
  const pem = (data: string | undefined, file: string | undefined): string | undefined => {
    if (data) return Buffer.from(data, 'base64').toString('utf8');
    return file ? readFileSync(resolve(directory, file), 'utf8') : undefined;
  };
  const credentials: Credentials = { server: cluster.server };
  const ca = pem(cluster['certificate-authority-data'], cluster['certificate-authority']);
  const cert = pem(user['client-certificate-data'], user['client-certificate']);
  const key = pem(user['client-key-data'], user['client-key']);
  const token = user.token ?? pem(undefined, user.tokenFile)?.trim();
  if (ca) credentials.ca = ca;
  if (cert) credentials.cert = cert;
  if (key) credentials.key = key;
  if (token) credentials.token = token;
  return credentials;
}
