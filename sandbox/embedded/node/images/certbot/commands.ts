import { X509Certificate } from 'node:crypto';
import type { ContainerProcess } from '../image.ts';
import { keptAccount, openAccount } from './account.ts';
import { AcmeRefusal } from './acme-client.ts';
import { CertbotError, type Display } from './display.ts';
import type { Lineage, Lineages, RenewalSettings } from './lineage.ts';
import { checkManual } from './manual.ts';
import type { CertbotOptions } from './options.ts';

/** What each command has at hand. */
export interface Certbot {
  process: ContainerProcess;
  options: CertbotOptions;
  display: Display;
  lineages: Lineages;
}

const FRAME = '- '.repeat(40).trimEnd();
const DAY = 86_400_000;

const dateOf = (pem: string): string => new X509Certificate(pem).validToDate.toISOString().slice(0, 10);

function summary(names: string[]): string {
  const [first = '', second, ...rest] = names;
  if (second === undefined) return first;
  return rest.length === 0 ? `${first} and ${second}` : `${first} and ${names.length - 1} more`;
}

/** Whether a third of its time, or less, is left. */
function isDue({ process }: Certbot, { certificate }: Lineage): boolean {
  const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
  return process.container.clock.calendar().getTime() > to - (to - from) / 3;
}

/** `certbot certonly`. */
export async function certonly(certbot: Certbot): Promise<number> {
  const { process, options, display, lineages } = certbot;
  const { flags } = options;
  if (!flags.has('manual')) {
    throw new CertbotError(
      flags.has('standalone') || flags.has('webroot')
        ? 'Only --manual is simulated by Atelier: there is no web server in this container that the authority could reach.'
        : `Missing command line flag or config entry for this setting:\nHow would you like to authenticate with the ACME CA? (Atelier simulates --manual.)`,
    );
  }
  checkManual(process, options);
  const { client, id } = await openAccount(process, lineages, options, display);
  const before = await existing(certbot);
  if (before === 'keep') {
    await display.framed('Certificate not yet due for renewal; no action taken.');
    return 0;
  }
  if (options.domains.length === 0 && before) options.domains = before.names;
  if (options.domains.length === 0) {
    const typed = await display.input(
      'Please enter the domain name(s) you would like on your certificate (comma and/or space separated)',
    );
    options.domains = (typed ?? '').split(/[\s,]+/).filter(Boolean);
  }
  if (options.domains.length === 0)
    throw new CertbotError(
      'Please specify --domains, --ip-address, or --installer that will help in domain names autodiscovery, or --cert-name for an existing certificate name.',
    );
  const isTrial = flags.has('dry-run');
  const doing = before
    ? isTrial
      ? 'Simulating renewal of an existing certificate'
      : 'Renewing an existing certificate'
    : isTrial
      ? 'Simulating a certificate request'
      : 'Requesting a certificate';
  await display.notify(`${doing} for ${summary(options.domains)}`);
  const { obtain } = await import('./obtain.ts');
  const material = await obtain(process, client, options, display);
  if (isTrial) {
    await display.notify('The dry run was successful.');
    return 0;
  }
  const name = before?.name ?? options.certName ?? lineages.free(options.domains[0]!);
  lineages.save(name, material, settingsOf(options, id));
  const live = lineages.path('live', name);
  await display.notify(
    `\nSuccessfully received certificate.\nCertificate is saved at: ${live}/fullchain.pem\nKey is saved at:         ${live}/privkey.pem\nThis certificate expires on ${dateOf(material.cert)}.\nThese files will be updated when the certificate renews.`,
  );
  await display.heading('NEXT STEPS:');
  await display.notify(
    options.authHook
      ? '- The certificate will need to be renewed before it expires. Certbot can automatically renew the certificate in the background, but you may need to take steps to enable that functionality. See https://certbot.org/renewal-setup for instructions.'
      : "- This certificate will not be renewed automatically. Autorenewal of --manual certificates requires the use of an authentication hook script (--manual-auth-hook) but one was not provided. To renew this certificate, repeat this same certbot command before the certificate's expiry date.",
  );
  await display.framed(
    "If you like Certbot, please consider supporting our work by:\n * Donating to ISRG / Let's Encrypt:   https://letsencrypt.org/donate\n * Donating to EFF:                    https://eff.org/donate-le",
  );
  return 0;
}

const settingsOf = ({ server, challenges, authHook, cleanupHook, keyType }: CertbotOptions, account: string) =>
  ({ account, server, challenges: challenges.join(', '), authHook, cleanupHook, keyType }) satisfies RenewalSettings;

/** The certificate this request is about, where there is one already: to be renewed, or kept. */
async function existing(certbot: Certbot): Promise<Lineage | 'keep' | undefined> {
  const { options, display, lineages } = certbot;
  const { domains, certName, flags } = options;
  if (certName) {
    const named = lineages.get(certName);
    if (!named) {
      if (domains.length > 0) return undefined;
      throw new CertbotError(
        `No certificate with name ${certName} found. Use -d to specify domains, or run certbot certificates to see possible certificate names.`,
      );
    }
    if (domains.length > 0 && setOf(domains) !== setOf(named.names)) return named;
    return flags.has('force-renewal') || isDue(certbot, named) ? named : identical(certbot, named);
  }
  const all = lineages.all();
  const same = all.find(({ names }) => setOf(names) === setOf(domains));
  if (same && domains.length > 0) {
    if (flags.has('force-renewal')) return same;
    if (isDue(certbot, same)) {
      await display.remark('Certificate is due for renewal, auto-renewing...');
      return same;
    }
    return identical(certbot, same);
  }
  const part = all.find(({ names }) => names.every((name) => domains.includes(name)));
  if (!part) return undefined;
  const question = `You have an existing certificate that contains a portion of the domains you requested (ref: ${part.conf})\n\nIt contains these names: ${part.names.join(', ')}\n\nYou requested these names for the new certificate: ${domains.join(', ')}.\n\nDo you want to expand and replace this existing certificate with the new certificate?`;
  if (flags.has('expand') || flags.has('force-renewal')) return part;
  const missing = `Missing command line flag or config entry for this setting:\n${question}\n\n(You can set this with the --expand flag)`;
  if (await display.yesNo(question, missing, ['Expand', 'Cancel'])) return part;
  await display.notify(
    `To obtain a new certificate that contains these names without replacing your existing certificate for ${part.names.join(', ')}, you must use the --duplicate option.\n\nFor example:\n\ncertbot --duplicate ${options.words.join(' ')}`,
  );
  throw new CertbotError('User chose to cancel the operation and may reinvoke the client.');
}

const setOf = (names: string[]): string => [...names].sort().join();

async function identical({ display, options }: Certbot, lineage: Lineage): Promise<Lineage | 'keep'> {
  await display.remark('Certificate not yet due for renewal');
  if (options.flags.has('keep')) return 'keep';
  const chosen = await display.menu(
    `You have an existing certificate that has exactly the same domains or certificate name you requested and isn't close to expiry.\n(ref: ${lineage.conf})\n\nWhat would you like to do?`,
    ['Keep the existing certificate for now', 'Renew & replace the certificate (may be subject to CA rate limits)'],
  );
  if (chosen === undefined) throw new CertbotError('Operation canceled. You may re-run the client.');
  return chosen === 0 ? 'keep' : lineage;
}

/** `certbot certificates`. */
export async function certificates({ process, options, display, lineages }: Certbot): Promise<number> {
  const all = lineages.all().filter(({ name, names }) => {
    if (options.certName && options.certName !== name) return false;
    return options.domains.every((domain) => names.includes(domain));
  });
  const now = process.container.clock.now().getTime();
  const rows = all.map(({ name, names, certificate, keyType, live, settings }) => {
    const left = certificate.validToDate.getTime() - now;
    const reasons = [...(/staging/.test(settings.server) ? ['TEST_CERT'] : []), ...(left <= 0 ? ['EXPIRED'] : [])];
    const days = Math.floor(left / DAY);
    const valid = days === 1 ? '1 day' : days < 1 ? `${Math.floor(left / 3_600_000)} hour(s)` : `${days} days`;
    const status = reasons.length > 0 ? `INVALID: ${reasons.join(', ')}` : `VALID: ${valid}`;
    const expiry = `${certificate.validToDate.toISOString().slice(0, 19).replace('T', ' ')}+00:00`;
    return [
      `  Certificate Name: ${name}`,
      `    Serial Number: ${certificate.serialNumber.toLowerCase().replace(/^0+/, '')}`,
      `    Key Type: ${keyType}`,
      `    Identifiers: ${names.join(' ')}`,
      `    Expiry Date: ${expiry} (${status})`,
      `    Certificate Path: ${live}/fullchain.pem`,
      `    Private Key Path: ${live}/privkey.pem`,
    ].join('\n');
  });
  const isPart = options.certName !== undefined || options.domains.length > 0;
  const title = isPart ? 'Found the following matching certs:' : 'Found the following certs:';
  await display.framed(lineages.all().length === 0 ? 'No certificates found.' : [title, ...rows].join('\n'));
  return 0;
}

/** `certbot renew`: whatever is due, or everything when forced. */
export async function renew(certbot: Certbot): Promise<number> {
  const { process, options, display, lineages } = certbot;
  const wanted = lineages.all().filter(({ name }) => !options.certName || options.certName === name);
  if (options.certName && wanted.length === 0)
    throw new CertbotError(
      `No certificate found with name ${options.certName} (expected ${lineages.path('renewal', `${options.certName}.conf`)}).`,
    );
  const done: { skipped: string[]; renewed: string[]; failed: string[] } = { skipped: [], renewed: [], failed: [] };
  for (const lineage of wanted) {
    await display.notify(`\n${FRAME}\nProcessing ${lineage.conf}\n${FRAME}`);
    const path = `${lineage.live}/fullchain.pem`;
    if (!options.flags.has('force-renewal') && !options.flags.has('dry-run') && !isDue(certbot, lineage)) {
      await display.remark('Certificate not yet due for renewal');
      done.skipped.push(`${path} expires on ${lineage.certificate.validToDate.toISOString().slice(0, 10)}`);
      continue;
    }
    try {
      await again(certbot, lineage);
      done.renewed.push(path);
    } catch (error) {
      if (process.killed.aborted) throw error;
      const said = (error as { python?: string }).python ?? (error as Error).message;
      await display.complain(`Failed to renew certificate ${lineage.name} with error: ${said}`);
      done.failed.push(path);
    }
  }
  return tell(certbot, done);
}

/** The same certificate anew, as it was asked for. */
async function again({ process, options, display, lineages }: Certbot, lineage: Lineage): Promise<void> {
  const { settings, names, name } = lineage;
  const trial = options.flags.has('dry-run');
  const asked: CertbotOptions = {
    ...options,
    domains: names,
    server: options.words.some((word) => word.startsWith('--server')) ? options.server : settings.server,
    challenges: settings.challenges.includes('dns') ? ['dns-01'] : ['http-01'],
    authHook: options.authHook ?? settings.authHook,
    cleanupHook: options.cleanupHook ?? settings.cleanupHook,
    keyType: settings.keyType === 'rsa' ? 'rsa' : 'ecdsa',
    // Nobody is asked anything while certificates are renewed.
    flags: new Set([...options.flags, 'non-interactive', 'agree-tos', 'register-unsafely-without-email']),
  };
  checkManual(process, asked);
  const { client, id } = await openAccount(process, lineages, asked, display);
  await display.notify(
    `${trial ? 'Simulating renewal of' : 'Renewing'} an existing certificate for ${summary(asked.domains)}`,
  );
  const { obtain } = await import('./obtain.ts');
  const material = await obtain(process, client, asked, display);
  if (!trial) lineages.save(name, material, settingsOf(asked, id));
}

async function tell(
  { display, options }: Certbot,
  { skipped, renewed, failed }: { skipped: string[]; renewed: string[]; failed: string[] },
): Promise<number> {
  const noun = options.flags.has('dry-run') ? 'simulated renewal' : 'renewal';
  const rows = (paths: string[], what: string) => paths.map((path) => `  ${path} (${what})`).join('\n');
  await display.notify(`\n${FRAME}`);
  if (skipped.length > 0)
    await display.notify(`The following certificates are not due for renewal yet:\n${rows(skipped, 'skipped')}`);
  if (renewed.length === 0 && failed.length === 0) await display.notify(`No ${noun}s were attempted.`);
  else if (failed.length === 0)
    await display.notify(`Congratulations, all ${noun}s succeeded: \n${rows(renewed, 'success')}`);
  else if (renewed.length === 0) {
    await display.complain(`All ${noun}s failed. The following certificates could not be renewed:`);
    await display.complain(rows(failed, 'failure'));
  } else {
    await display.notify(`The following ${noun}s succeeded:\n${rows(renewed, 'success')}\n`);
    await display.complain(`The following ${noun}s failed:`);
    await display.complain(rows(failed, 'failure'));
  }
  await display.notify(FRAME);
  if (failed.length > 0) throw new CertbotError(`${failed.length} renew failure(s), 0 parse failure(s)`);
  return 0;
}

/** `certbot revoke --cert-name NAME`. */
export async function revoke({ process, options, display, lineages }: Certbot): Promise<number> {
  const { certName, certPath, reason = 0 } = options;
  if ((certName === undefined) === (certPath === undefined))
    throw new CertbotError('Error! Exactly one of --cert-path or --cert-name must be specified!');
  const named = certName === undefined ? undefined : lineages.get(certName);
  const path = certPath ?? `${lineages.path('live', certName!)}/cert.pem`;
  const pem = lineages.read(path);
  if (pem === undefined)
    throw new CertbotError(
      certName === undefined
        ? `Error while reading certificate from path ${path}`
        : `No certificate with name ${certName} found. Use -d to specify domains, or run certbot certificates to see possible certificate names.`,
    );
  const server = named?.settings.server ?? options.server;
  const account = keptAccount(process, lineages, { ...options, server });
  if (!account) throw new CertbotError('Account registration is needed to revoke a certificate.');
  await account.client.revoke(new X509Certificate(pem).raw, reason).catch((error: unknown) => {
    if (error instanceof AcmeRefusal) throw new CertbotError(error.message);
    throw error;
  });
  if (named && !options.words.includes('--no-delete-after-revoke')) {
    lineages.delete(named.name);
    await display.notify(`Deleted all files relating to certificate ${named.name}.`);
  }
  await display.notify(`Congratulations! You have successfully revoked the certificate that was located at ${path}.`);
  return 0;
}

/** `certbot delete --cert-name NAME`. */
export async function remove({ options, display, lineages }: Certbot): Promise<number> {
  const name = options.certName;
  if (name === undefined) throw new CertbotError('No existing certificates found.');
  const conf = lineages.path('renewal', `${name}.conf`);
  if (lineages.read(conf) === undefined)
    throw new CertbotError(`No certificate found with name ${name} (expected ${conf}).`);
  lineages.delete(name);
  await display.notify(`Deleted all files relating to certificate ${name}.`);
  return 0;
}

/** `certbot register`, `unregister`, `show_account`. */
export async function account({ process, options, display, lineages }: Certbot): Promise<number> {
  const kept = keptAccount(process, lineages, options);
  if (options.verb === 'register') {
    if (kept)
      throw new CertbotError(
        'There is an existing account; registration of a duplicate account with this command is currently unsupported.',
      );
    await openAccount(process, lineages, options, display);
    return 0;
  }
  if (!kept) throw new CertbotError(`Could not find an existing account for server ${options.server}.`);
  if (options.verb === 'unregister') {
    await kept.client.deactivate();
    const { host, pathname } = new URL(options.server);
    lineages.remove(lineages.path('accounts', `${host}${pathname}`, kept.id));
    await display.notify('Account deactivated.');
    return 0;
  }
  const { client } = kept;
  const thumbprint = (await client.keyAuthorization('')).slice(1);
  await display.notify(
    `Account details for server ${options.server}:\n  Account URL: ${client.account}\n  Account Thumbprint: ${thumbprint}`,
  );
  return 0;
}
