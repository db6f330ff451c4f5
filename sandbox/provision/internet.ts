import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Connection } from './connection.ts';

/** The namespace of what stands for the internet, and says that it is simulated. */
export const INTERNET = 'atelier-internet';

export interface Internet {
  /** The folder of the workshop's own certificate authority. */
  authority: string;
  /** The learner's. */
  domain: string;
}

const PAIRS = ['intermediate', 'staging-intermediate', 'acme'];
const FILES = ['root.crt', 'staging-root.crt', ...PAIRS.flatMap((name) => [`${name}.crt`, `${name}.key`])];

/** Makes the ACME server, with what it signs with. The roots' keys stay on the machine. Rejects with what the cluster refused. */
export async function provisionInternet(owner: Connection, { authority, domain }: Internet): Promise<void> {
  const read = async (name: string): Promise<[string, string]> => {
    const variable = name.replace(/\W(\w)/g, (_, letter: string) => letter.toUpperCase());
    return [variable, (await readFile(path.join(authority, name))).toString('base64')];
  };
  const files = Object.fromEntries(await Promise.all(FILES.map(read)));
  const digest = createHash('sha256').update(JSON.stringify(files)).digest('hex').slice(0, 16);
  await owner.apply('acme', { ...files, namespace: INTERNET, domain, digest });
}
