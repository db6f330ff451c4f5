import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Certificate and key as PEM texts. */
export interface KeyPair {
  cert: string;
  key: string;
}

/** All that proves who is who in one cluster; kept in its folder, so that kubeconfigs outlive a restart. */
export interface Pki {
  ca: KeyPair;
  /** The API server's, for its listeners. */
  server: KeyPair;
  /** What the API server shows a kubelet. */
  kubeletClient: KeyPair;
  /** What the API server shows the servers behind APIServices; `front-proxy`. */
  frontProxy: KeyPair;
  /** A kubelet's own listener. */
  kubeletServer: KeyPair;
  /** `system:masters`. */
  admin: KeyPair;
  /** `system:node:node-1`. */
  node: KeyPair;
  /** Signs ServiceAccount tokens: PKCS8 PEM, P-256. */
  serviceAccountKey: string;
}

const pairs = ['ca', 'server', 'kubelet-client', 'kubelet-server', 'admin', 'node', 'front-proxy'] as const;

/** Reads the PKI of a cluster, or makes it at its first start. Rejects when the folder cannot be written. */
export async function openPki(directory: string): Promise<Pki> {
  const file = (name: string): string => join(directory, name);
  if (!existsSync(file('complete'))) {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { issuePki } = await import('./pki-issue.ts');
    for (const [name, text] of Object.entries(await issuePki())) {
      writeFileSync(file(name), text, { mode: 0o600 });
      chmodSync(file(name), 0o600);
    }
    // Written last: a start that was killed half-way begins anew.
    writeFileSync(file('complete'), '');
  }
  const read = (name: string): string => readFileSync(file(name), 'utf8');
  // Folders of older clusters have none for the front proxy: there it is known by the other client's name.
  const kept = (name: string): string => (existsSync(file(`${name}.crt`)) ? name : 'kubelet-client');
  const [ca, server, kubeletClient, kubeletServer, admin, node, frontProxy] = pairs.map(kept).map((name) => ({
    cert: read(`${name}.crt`),
    key: read(`${name}.key`),
  })) as [KeyPair, KeyPair, KeyPair, KeyPair, KeyPair, KeyPair, KeyPair];
  return {
    ca,
    server,
    kubeletClient,
    kubeletServer,
    admin,
    node,
    frontProxy,
    serviceAccountKey: read('service-account.key'),
  };
}
