import { rename, rm, writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { Connection } from './connection.ts';

/** Seconds a token is asked for; it is renewed at half its life. */
const TOKEN_SECONDS = 3600;
/** Seconds between tries while the cluster does not answer. */
const RETRY_SECONDS = 5;

export interface Account {
  namespace: string;
  name: string;
  /** The file a kubeconfig names by `tokenFile`; clients read it anew, so renewal needs no new kubeconfig. */
  file: string;
}

/** Keeps a short-lived token in a file. `close` ends the renewals. Rejects when the first token cannot be had. */
export async function keepToken(connection: Connection, account: Account, onTrouble: (error: Error) => void) {
  let timer: NodeJS.Timeout | undefined;
  let closed = false;
  const renew = async (): Promise<void> => {
    const { token, expires } = await connection.token(account.namespace, account.name, TOKEN_SECONDS);
    await writePrivately(account.file, token);
    schedule((expires.getTime() - Date.now()) / 2);
  };
  const schedule = (milliseconds: number): void => {
    if (closed) return;
    timer = setTimeout(
      () =>
        renew().catch((error: Error) => {
          onTrouble(error);
          schedule(RETRY_SECONDS * 1000);
        }),
      Math.max(1000, milliseconds),
    );
    timer.unref();
  };
  await renew();
  return {
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

/** Whole or not at all, and readable by its owner alone. */
export async function writePrivately(file: string, content: string): Promise<void> {
  const partial = `${file}.part`;
  // Exclusive, so that a link of that name is never followed.
  await rm(partial, { force: true });
  await writeFile(partial, content, { mode: 0o600, flag: 'wx' });
  await rename(partial, file);
}

export interface KubeconfigUser {
  context: string;
  namespace: string;
  tokenFile: string;
}

/** A kubeconfig whose contexts differ by their user alone; the first one is current. */
export function kubeconfigOf(
  connection: Pick<Connection, 'server' | 'authority' | 'skipVerify'>,
  users: KubeconfigUser[],
  reader: 'kubectl' | 'client-node' = 'kubectl',
): string {
  const cluster: Record<string, unknown> = { server: connection.server };
  if (connection.authority) cluster['certificate-authority-data'] = connection.authority;
  if (connection.skipVerify) cluster['insecure-skip-tls-verify'] = true;
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'atelier', cluster }],
    users: users.map(({ context, tokenFile }) => ({
      name: context,
      // kubectl reads `tokenFile`; client-node knows the same only in the form of an auth provider, which kubectl would refuse.
      user: reader === 'kubectl' ? { tokenFile } : { 'auth-provider': { name: 'tokenFile', config: { tokenFile } } },
    })),
    contexts: users.map(({ context, namespace }) => ({
      name: context,
      context: { cluster: 'atelier', namespace, user: context },
    })),
    'current-context': users[0]?.context,
  });
}
