import { createHash } from 'node:crypto';
import { exportJWK, generateKeyPair, type JWK } from 'jose';
import type { ContainerProcess } from '../image.ts';
import { AcmeClient, AcmeRefusal } from './acme-client.ts';
import { CertbotError, type Display } from './display.ts';
import type { Lineages } from './lineage.ts';
import type { CertbotOptions } from './options.ts';

/** Where accounts of a server are kept: its address, as folders. */
const folderOf = (server: string): string => {
  const { host, pathname } = new URL(server);
  return `${host}${pathname.replace(/\/$/, '')}`;
};

/** A client for the account certbot has with the server; undefined where it has none yet. */
export function keptAccount(
  process: ContainerProcess,
  lineages: Lineages,
  { server }: CertbotOptions,
): { client: AcmeClient; id: string } | undefined {
  const [id] = lineages.list('accounts', folderOf(server));
  if (id === undefined) return undefined;
  const read = (name: string) => lineages.read(lineages.path('accounts', folderOf(server), id, name));
  const [key, account] = [read('private_key.json'), read('regr.json')];
  if (key === undefined || account === undefined) return undefined;
  const client = new AcmeClient(process, { server, key: JSON.parse(key) as JWK, account: JSON.parse(account).uri });
  return { client, id };
}

/** The account, registered where there is none: asks for an address, and for agreement, unless it was told. */
export async function openAccount(
  process: ContainerProcess,
  lineages: Lineages,
  options: CertbotOptions,
  display: Display,
): Promise<{ client: AcmeClient; id: string }> {
  const kept = keptAccount(process, lineages, options);
  if (kept) return kept;
  const { flags, server } = options;
  const nobody = flags.has('register-unsafely-without-email');
  let email = options.email ?? (nobody ? '' : await askEmail(display, ''));
  const { privateKey, publicKey } = await generateKeyPair('ES256', { extractable: true });
  const key = await exportJWK(privateKey);
  const client = new AcmeClient(process, { server, key });
  const { meta } = await client.directory();
  if (meta?.termsOfService && !flags.has('agree-tos')) {
    const question = `Please read the Terms of Service at:\n${meta.termsOfService}\nYou must agree in order to register with the ACME server. Do you agree?`;
    const agreed = await display.yesNo(
      question,
      `Missing command line flag or config entry for this setting:\n${question}\n\n(You can set this with the --agree-tos flag)`,
    );
    if (!agreed) throw new CertbotError(unable('Registration cannot proceed without accepting Terms of Service.'));
  }
  for (;;) {
    try {
      await client.register(email ? [`mailto:${email}`] : []);
      break;
    } catch (error) {
      if (!(error instanceof AcmeRefusal)) throw error;
      if (error.type !== 'invalidContact' || flags.has('non-interactive'))
        throw new CertbotError(unable(`Error returned by the ACME server: ${error.message}`));
      email = await askEmail(display, 'The server reported a problem with your email address. ');
    }
  }
  const id = createHash('md5')
    .update(JSON.stringify(await exportJWK(publicKey)))
    .digest('hex');
  const keep = (name: string, value: unknown, mode: number) =>
    lineages.write(lineages.path('accounts', folderOf(server), id, name), JSON.stringify(value), mode);
  keep('private_key.json', key, 0o400);
  keep('regr.json', { body: {}, uri: client.account }, 0o644);
  const created = `${process.container.clock.now().toISOString().slice(0, 19)}Z`;
  keep('meta.json', { creation_dt: created, creation_host: process.container.pod.hostname }, 0o644);
  if (email && !flags.has('no-eff-email') && !flags.has('eff-email') && !flags.has('non-interactive')) {
    // Asked as the real one asks; nothing is sent to anybody.
    await display.yesNo(
      "Would you be willing, once your first certificate is successfully issued, to share your email address with the Electronic Frontier Foundation, a founding partner of the Let's Encrypt project and the non-profit organization that develops Certbot? We'd like to send you email about our work encrypting the web, EFF news, campaigns, and ways to support digital freedom.",
      '',
    );
  }
  await display.notify('Account registered.');
  return { client, id };
}

const unable = (why: string): string => `Unable to register an account with ACME server. ${why}`;

async function askEmail(display: Display, prefix: string): Promise<string> {
  let before = prefix;
  for (;;) {
    const email = await display.input(`${before}Enter email address or hit Enter to skip.\n`);
    if (email === undefined) throw new CertbotError(unable('Error getting email address.'));
    if (email === '' || /^[^\s@]+@[^\s@]+\.[^\s@]+$/.test(email)) return email;
    before = 'There is a problem with your email address. ';
  }
}
