import { X509Certificate } from 'node:crypto';
import type { ContainerProcess } from '../image.ts';
import type { CertbotOptions } from './options.ts';

const KINDS = ['cert', 'chain', 'fullchain', 'privkey'] as const;

/** PEM texts. */
export type Material = Record<(typeof KINDS)[number], string>;

/** How a certificate is renewed: `renewal/NAME.conf`. */
export interface RenewalSettings {
  account: string;
  server: string;
  challenges: string;
  authHook?: string | undefined;
  cleanupHook?: string | undefined;
  keyType: string;
}

/** One certificate and all that came before it, in the folders certbot keeps. */
export interface Lineage {
  name: string;
  conf: string;
  /** Folder of the links. */
  live: string;
  certificate: X509Certificate;
  names: string[];
  keyType: string;
  settings: RenewalSettings;
}

const ABOUT = (prefix: string): string => `This directory contains your keys and certificates.

\`${prefix}privkey.pem\`  : the private key for your certificate.
\`${prefix}fullchain.pem\`: the certificate file used in most server software.
\`${prefix}chain.pem\`    : what lies between your certificate and the authority.
\`${prefix}cert.pem\`     : your certificate alone, which breaks many servers.

Do not move or rename these files: certbot expects them here.
(Simulated by Atelier.)
`;

/** certbot's folder below /etc. */
export class Lineages {
  readonly #process: ContainerProcess;
  readonly #root: string;

  constructor(process: ContainerProcess, { configDir }: CertbotOptions) {
    this.#process = process;
    this.#root = configDir.startsWith('/') ? configDir : `${process.cwd === '/' ? '' : process.cwd}/${configDir}`;
  }

  path(...parts: string[]): string {
    return [this.#root, ...parts].join('/');
  }

  read(path: string): string | undefined {
    try {
      return Buffer.from(this.#process.fs.read(path)).toString();
    } catch {
      return undefined;
    }
  }

  write(path: string, text: string, mode = 0o644): void {
    this.#process.fs.makeDirectory(path.slice(0, path.lastIndexOf('/')), { recursive: true });
    this.#process.fs.write(path, text, { mode });
  }

  remove(path: string): void {
    try {
      this.#process.fs.remove(path, { recursive: true });
    } catch {}
  }

  list(...parts: string[]): string[] {
    try {
      return this.#process.fs.list(this.path(...parts)).sort();
    } catch {
      return [];
    }
  }

  /** The folders that each command lays out. */
  prepare(): void {
    const { fs } = this.#process;
    for (const folder of ['renewal', 'renewal-hooks/pre', 'renewal-hooks/deploy', 'renewal-hooks/post'])
      fs.makeDirectory(this.path(folder), { recursive: true });
    for (const folder of ['accounts', 'live', 'archive'])
      if (this.list(folder).length === 0) fs.makeDirectory(this.path(folder), { recursive: true, mode: 0o700 });
  }

  all(): Lineage[] {
    return this.list('renewal')
      .filter((file) => file.endsWith('.conf'))
      .flatMap((file) => this.get(file.slice(0, -5)) ?? []);
  }

  /** Undefined where there is none, or it is broken. */
  get(name: string): Lineage | undefined {
    const conf = this.path('renewal', `${name}.conf`);
    const text = this.read(conf);
    const live = this.path('live', name);
    const cert = this.read(`${live}/cert.pem`);
    if (text === undefined || cert === undefined) return undefined;
    const value = (key: string) => new RegExp(`^${key} = (.*)$`, 'm').exec(text)?.[1];
    try {
      const certificate = new X509Certificate(cert);
      return {
        name,
        conf,
        live,
        certificate,
        names: (certificate.subjectAltName ?? '').split(', ').map((one) => one.replace(/^DNS:/, '')),
        keyType: certificate.publicKey.asymmetricKeyType === 'rsa' ? 'RSA' : 'ECDSA',
        settings: {
          account: value('account') ?? '',
          server: value('server') ?? '',
          challenges: value('pref_challs')?.replace(/,$/, '') ?? '',
          authHook: value('manual_auth_hook'),
          cleanupHook: value('manual_cleanup_hook'),
          keyType: value('key_type') ?? 'ecdsa',
        },
      };
    } catch {
      return undefined;
    }
  }

  /** A name nobody has yet: `learner.localhost`, then `learner.localhost-0001`. */
  free(domain: string): string {
    const base = domain.replace(/^\*\./, '');
    const taken = (name: string) => this.read(this.path('renewal', `${name}.conf`)) !== undefined;
    if (!taken(base)) return base;
    for (let number = 1; ; number += 1) {
      const name = `${base}-${String(number).padStart(4, '0')}`;
      if (!taken(name)) return name;
    }
  }

  /** Keeps the next version, and has the links lead to it. */
  save(name: string, material: Material, settings: RenewalSettings): void {
    const { fs } = this.#process;
    const archive = this.path('archive', name);
    const live = this.path('live', name);
    const versions = this.list('archive', name).flatMap((file) => /^cert(\d+)\.pem$/.exec(file)?.[1] ?? []);
    const version = Math.max(0, ...versions.map(Number)) + 1;
    if (this.read(this.path('live', 'README')) === undefined)
      this.write(this.path('live', 'README'), ABOUT('[cert name]/'));
    fs.makeDirectory(live, { recursive: true });
    if (version === 1) this.write(`${live}/README`, ABOUT(''));
    for (const kind of KINDS) {
      this.write(`${archive}/${kind}${version}.pem`, material[kind], kind === 'privkey' ? 0o600 : 0o644);
      this.remove(`${live}/${kind}.pem`);
      fs.link(`../../archive/${name}/${kind}${version}.pem`, `${live}/${kind}.pem`, { symbolic: true });
    }
    const lines = [
      'version = 5.8.0',
      `archive_dir = ${archive}`,
      ...(['cert', 'privkey', 'chain', 'fullchain'] as const).map((kind) => `${kind} = ${live}/${kind}.pem`),
      '[renewalparams]',
      `account = ${settings.account}`,
      ...(settings.challenges ? [`pref_challs = ${settings.challenges},`] : []),
      `server = ${settings.server}`,
      'authenticator = manual',
      ...(settings.authHook ? [`manual_auth_hook = ${settings.authHook}`] : []),
      ...(settings.cleanupHook ? [`manual_cleanup_hook = ${settings.cleanupHook}`] : []),
      `key_type = ${settings.keyType}`,
    ];
    this.write(this.path('renewal', `${name}.conf`), `${lines.join('\n')}\n`);
  }

  delete(name: string): void {
    for (const path of [
      ['renewal', `${name}.conf`],
      ['live', name],
      ['archive', name],
    ])
      this.remove(this.path(...path));
  }
}
