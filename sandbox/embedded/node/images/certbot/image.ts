import { curl } from '../applets/http.ts';
import { applets, installed } from '../applets/index.ts';
import type { ContainerProcess, Image, Program } from '../image.ts';
import { openssl } from '../openssl/command.ts';
import { createShell } from '../shell/shell.ts';
import type { Certbot } from './commands.ts';
import { CertbotError, openDisplay } from './display.ts';
import { type CertbotOptions, readOptions, USAGE } from './options.ts';

const HELP = `
  certbot [SUBCOMMAND] [options] [-d DOMAIN] [-d DOMAIN] ...

Simulated by Atelier: certificates are really asked for, by the ACME protocol.

    certonly        Obtain or renew a certificate, but do not install it
    renew           Renew all previously obtained certificates that are near expiry
    certificates    Display information about certificates you have from Certbot
    revoke          Revoke a certificate (supply --cert-name or --cert-path)
    delete          Delete a certificate (supply --cert-name)
    register        Create an ACME account
    unregister      Deactivate an ACME account
    show_account    Display account details

   -d DOMAINS                    Comma-separated list of domains to obtain a certificate for
  --manual                       Obtain certificates interactively, or using shell script hooks
  --preferred-challenges CHALL   dns or http; a wildcard needs dns
  --manual-auth-hook COMMAND     Command that puts the challenge in its place
  --server URL                   Directory of the ACME server
   -m EMAIL                      Email address for important account notifications
  --agree-tos                    Agree to the ACME server's Subscriber Agreement
   -n                            Run non-interactively
  --dry-run                      Test "renew" or "certonly" without saving any certificates to disk
  --version                      print the version number
`;

const certbot: Program = async (process) => {
  const words = process.argv.slice(1);
  let options: CertbotOptions;
  try {
    options = readOptions(words);
  } catch (error) {
    await process.stderr.write(`${USAGE}certbot: error: ${(error as Error).message}\n`);
    return 2;
  }
  const { flags } = options;
  if (flags.has('version')) {
    await process.stdout.write('certbot 5.8.0\n');
    return 0;
  }
  const quiet = flags.has('quiet');
  const display = openDisplay(process, { quiet, asks: !flags.has('non-interactive') });
  if (flags.has('help')) {
    await display.framed(HELP);
    return 0;
  }
  const log = `${options.logsDir}/letsencrypt.log`;
  if (!quiet) await display.remark(`Saving debug log to ${log}`);
  const interrupted = new Promise<number>((resolve) => {
    process.onSignal('SIGINT', () => {
      void display.complain('Exiting due to user request.').then(() => resolve(1));
    });
  });
  return Promise.race([interrupted, run(process, options, display, log)]);
};

async function run(
  process: ContainerProcess,
  options: CertbotOptions,
  display: Certbot['display'],
  log: string,
): Promise<number> {
  try {
    // Large, with what makes keys and requests.
    const { Lineages } = await import('./lineage.ts');
    const commands = await import('./commands.ts');
    const lineages = new Lineages(process, options);
    const called: Certbot = { process, options, display, lineages };
    lineages.prepare();
    lineages.write(log, `${process.container.clock.now().toISOString()} certbot ${options.words.join(' ')}\n`, 0o600);
    switch (options.verb) {
      case 'certonly':
        return await commands.certonly(called);
      case 'certificates':
        return await commands.certificates(called);
      case 'renew':
        return await commands.renew(called);
      case 'revoke':
        return await commands.revoke(called);
      case 'delete':
        return await commands.remove(called);
      case 'register':
      case 'unregister':
      case 'show_account':
        return await commands.account(called);
      case 'run':
        throw new CertbotError(
          'Certbot doesn\'t know how to automatically configure the web server on this system. However, it can still get a certificate for you. Please run "certbot certonly" to do so. You\'ll need to manually configure your web server to use the resulting certificate.',
        );
      default:
        throw new CertbotError(`certbot ${options.verb} is not simulated by Atelier.`);
    }
  } catch (error) {
    if (process.killed.aborted) throw error;
    const { python, message } = error as { python?: string; message: string };
    if (error instanceof CertbotError) await display.complain(message);
    else {
      await display.complain('An unexpected error occurred:');
      await display.complain(python ?? message);
    }
    await display.remark(
      `Ask for help or search for solutions at https://community.letsencrypt.org. See the logfile ${log} or re-run Certbot with -v for more details.`,
    );
    return 1;
  }
}

const shell = createShell();

/** https://eff-certbot.readthedocs.io, run by hand: asks an ACME server over the pod's network, keeps what it gets in /etc/letsencrypt. */
export const certbotImage: Image = {
  match: /^certbot\/certbot$/,
  tags: /^(?:latest|nightly|v\d+\.\d+\.\d+|(?:amd64|arm64v8)-latest)$/,
  names: ['certbot/certbot'],
  load: { memory: 40 << 20 },
  config: {
    entrypoint: ['certbot'],
    cmd: [],
    env: {},
    workingDir: '/opt/certbot',
    user: 0,
    exposedPorts: [80, 443],
  },
  programs: {
    ...installed('/usr/bin', { ...applets, curl, openssl }),
    ...installed('/bin', { sh: shell, ash: shell }),
    '/usr/local/bin/certbot': certbot,
  },
  files: {
    '/etc/alpine-release': '3.22.1\n',
    '/etc/letsencrypt': { directory: true },
    '/var/lib/letsencrypt': { directory: true },
    '/var/log/letsencrypt': { directory: true, mode: 0o700 },
  },
};
