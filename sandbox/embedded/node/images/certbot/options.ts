/** What certbot was called with. https://eff-certbot.readthedocs.io/en/stable/using.html#certbot-command-line-options */
export interface CertbotOptions {
  verb: string;
  domains: string[];
  server: string;
  email: string | undefined;
  certName: string | undefined;
  certPath: string | undefined;
  challenges: ('dns-01' | 'http-01')[];
  authHook: string | undefined;
  cleanupHook: string | undefined;
  deployHook: string | undefined;
  keyType: 'ecdsa' | 'rsa';
  configDir: string;
  logsDir: string;
  reason: number | undefined;
  flags: Set<Flag>;
  /** As it was called, for advice on how to call it. */
  words: string[];
}

type Flag =
  | 'agree-tos'
  | 'register-unsafely-without-email'
  | 'non-interactive'
  | 'manual'
  | 'standalone'
  | 'webroot'
  | 'dry-run'
  | 'staging'
  | 'force-renewal'
  | 'keep'
  | 'expand'
  | 'quiet'
  | 'eff-email'
  | 'no-eff-email'
  | 'version'
  | 'help'
  | 'delete-after-revoke'
  | 'ignored';

const VERBS = [
  'run',
  'certonly',
  'renew',
  'certificates',
  'revoke',
  'delete',
  'register',
  'unregister',
  'show_account',
  'update_account',
  'plugins',
];

const FLAGS: Record<string, Flag> = {
  '--agree-tos': 'agree-tos',
  '--register-unsafely-without-email': 'register-unsafely-without-email',
  '--non-interactive': 'non-interactive',
  '--noninteractive': 'non-interactive',
  '-n': 'non-interactive',
  '--manual': 'manual',
  '--standalone': 'standalone',
  '--webroot': 'webroot',
  '--dry-run': 'dry-run',
  '--staging': 'staging',
  '--test-cert': 'staging',
  '--force-renewal': 'force-renewal',
  '--force-renew': 'force-renewal',
  '--renew-by-default': 'force-renewal',
  '--keep-until-expiring': 'keep',
  '--keep': 'keep',
  '--reinstall': 'keep',
  '--expand': 'expand',
  '--quiet': 'quiet',
  '-q': 'quiet',
  '--eff-email': 'eff-email',
  '--no-eff-email': 'no-eff-email',
  '--version': 'version',
  '--help': 'help',
  '-h': 'help',
  '--delete-after-revoke': 'delete-after-revoke',
  '-v': 'ignored',
  '-vv': 'ignored',
  '--verbose': 'ignored',
  '--text': 'ignored',
  '--debug-challenges': 'ignored',
  '--manual-public-ip-logging-ok': 'ignored',
  '--no-delete-after-revoke': 'ignored',
  '--no-random-sleep-on-renew': 'ignored',
};

/** Options with a value, by their shorter names. */
const VALUES: Record<string, string> = {
  '-d': 'domains',
  '--domain': 'domains',
  '--domains': 'domains',
  '--server': 'server',
  '-m': 'email',
  '--email': 'email',
  '--cert-name': 'cert-name',
  '--cert-path': 'cert-path',
  '-a': 'authenticator',
  '--authenticator': 'authenticator',
  '--preferred-challenges': 'challenges',
  '--manual-auth-hook': 'auth-hook',
  '--manual-cleanup-hook': 'cleanup-hook',
  '--deploy-hook': 'deploy-hook',
  '--key-type': 'key-type',
  '--config-dir': 'config-dir',
  '--work-dir': 'work-dir',
  '--logs-dir': 'logs-dir',
  '--reason': 'reason',
  '--rsa-key-size': 'ignored',
  '--elliptic-curve': 'ignored',
  '--issuance-timeout': 'ignored',
};

const REASONS: Record<string, number> = {
  unspecified: 0,
  keycompromise: 1,
  affiliationchanged: 3,
  superseded: 4,
  cessationofoperation: 5,
};

const LETS_ENCRYPT = 'https://acme-v02.api.letsencrypt.org/directory';
const LETS_ENCRYPT_STAGING = 'https://acme-staging-v02.api.letsencrypt.org/directory';

export const USAGE = `usage: 
  certbot [SUBCOMMAND] [options] [-d DOMAIN] [-d DOMAIN] ...

Certbot can obtain and install HTTPS/TLS/SSL certificates.  By default,
it will attempt to use a webserver both for obtaining and installing the
certificate. 
`;

/** Reads a command line. Throws an Error whose message follows `certbot: error: `. */
export function readOptions(words: string[]): CertbotOptions {
  const flags = new Set<Flag>();
  const values = new Map<string, string[]>();
  const verbs: string[] = [];
  const unknown: string[] = [];
  for (let at = 0; at < words.length; at += 1) {
    const [name = '', attached] = splitWord(words[at]!);
    const flag = FLAGS[name];
    const value = VALUES[name];
    if (flag) flags.add(flag);
    else if (value) {
      const given = attached ?? words[++at];
      if (given === undefined || (attached === undefined && given.startsWith('-')))
        throw new Error(`argument ${name}: expected one argument`);
      values.set(value, [...(values.get(value) ?? []), given]);
    } else if (name.startsWith('-') || !VERBS.includes(name)) unknown.push(words[at]!);
    else verbs.push(name);
  }
  if (unknown.length > 0) throw new Error(`unrecognized arguments: ${unknown.join(' ')}`);
  const last = (name: string) => values.get(name)?.at(-1);
  const keyType = last('key-type') ?? 'ecdsa';
  if (keyType !== 'ecdsa' && keyType !== 'rsa')
    throw new Error(`argument --key-type: invalid choice: '${keyType}' (choose from 'rsa', 'ecdsa')`);
  if (last('authenticator') === 'manual') flags.add('manual');
  const isTest = flags.has('staging') || (flags.has('dry-run') && !last('server'));
  return {
    verb: verbs[0] ?? 'run',
    domains: [...new Set((values.get('domains') ?? []).flatMap((one) => one.split(',')).map(domainOf))],
    server: last('server') ?? (isTest ? LETS_ENCRYPT_STAGING : LETS_ENCRYPT),
    email: last('email'),
    certName: last('cert-name'),
    certPath: last('cert-path'),
    challenges: (last('challenges')?.split(',') ?? []).map(challengeOf),
    authHook: last('auth-hook'),
    cleanupHook: last('cleanup-hook'),
    deployHook: last('deploy-hook'),
    keyType,
    configDir: last('config-dir') ?? '/etc/letsencrypt',
    logsDir: last('logs-dir') ?? '/var/log/letsencrypt',
    reason: REASONS[last('reason')?.toLowerCase() ?? ''],
    flags,
    words,
  };
}

/** `--name=value` and `-dVALUE` as argparse takes them. */
function splitWord(word: string): [string, string?] {
  const long = /^(--[^=]+)=(.*)$/s.exec(word);
  if (long) return [long[1]!, long[2]!];
  const short = /^(-[dma])(.+)$/s.exec(word);
  return short ? [short[1]!, short[2]!] : [word];
}

function domainOf(text: string): string {
  const domain = text.trim().toLowerCase();
  if (!/^(?:\*\.)?[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?$/.test(domain))
    throw new Error(`argument -d/--domains/--domain: Requested domain ${text} is not a FQDN`);
  return domain.replace(/\.$/, '');
}

function challengeOf(text: string): 'dns-01' | 'http-01' {
  const name = text.trim();
  if (name === 'dns' || name === 'dns-01') return 'dns-01';
  if (name === 'http' || name === 'http-01') return 'http-01';
  throw new Error(`argument --preferred-challenges: Unrecognized challenges: ${name}`);
}
