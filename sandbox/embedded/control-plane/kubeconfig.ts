import { chmodSync, renameSync, writeFileSync } from 'node:fs';
import type { KeyPair } from './pki.ts';

export interface KubeconfigOptions {
  cluster: string;
  server: string;
  ca: string;
  user: string;
  pair: KeyPair;
  /** The name on the server's certificate, where its address is not. */
  serverName?: string;
}

/** One context, credentials inside; readable by its owner alone. A reader sees the old file or the new one. */
export function writeKubeconfig(path: string, options: KubeconfigOptions): void {
  const { cluster, server, ca, user, pair, serverName } = options;
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  const context = `${user}@${cluster}`;
  const text = `apiVersion: v1
kind: Config
clusters:
- name: ${cluster}
  cluster:
    server: ${server}
    certificate-authority-data: ${base64(ca)}${serverName ? `\n    tls-server-name: ${serverName}` : ''}
users:
- name: ${user}
  user:
    client-certificate-data: ${base64(pair.cert)}
    client-key-data: ${base64(pair.key)}
contexts:
- name: ${context}
  context:
    cluster: ${cluster}
    user: ${user}
current-context: ${context}
`;
  writeFileSync(`${path}.new`, text, { mode: 0o600 });
  chmodSync(`${path}.new`, 0o600);
  renameSync(`${path}.new`, path);
}
