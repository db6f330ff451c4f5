import { createPrivateKey, X509Certificate } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificatePlan, IssuedPair } from './issue.ts';

/** What the workshop's own public authority, which is simulated, signs with. PEM texts. */
export interface WorkshopAuthority {
  /** What containers, the learner's shell and checks trust; harmless beyond the names it is limited to. */
  root: string;
}

export interface AuthorityOptions {
  /** Atelier's home. */
  home: string;
  /** A cluster's domain; those of all clusters the home ever had stay in. */
  domain?: string | undefined;
  now: Date;
}

/** Names below which the workshop's certificates hold: one's own machine, and what only a cluster resolves. */
const always = ['localhost', 'svc', 'cluster.local', 'internal'];

const service = 'acme.atelier-internet.svc';

interface Planned {
  /** The files `NAME.crt` and `NAME.key`. */
  name: string;
  subject: string;
  issuer?: string;
  names?: string[];
  days: number;
}

const plans: Planned[] = [
  { name: 'root', subject: 'CN=Atelier Workshop CA (simulated), O=Atelier', days: 3650 },
  {
    name: 'intermediate',
    subject: 'CN=Atelier Workshop E1 (simulated), O=Atelier',
    issuer: 'root',
    days: 1095,
  },
  {
    name: 'staging-root',
    subject: 'CN=(STAGING) Atelier Pretend Root (simulated), O=(STAGING) Atelier',
    days: 3650,
  },
  {
    name: 'staging-intermediate',
    subject: 'CN=(STAGING) Atelier Pretend E1 (simulated), O=(STAGING) Atelier',
    issuer: 'staging-root',
    days: 1095,
  },
  {
    name: 'acme',
    subject: 'CN=Atelier ACME (simulated)',
    issuer: 'intermediate',
    names: [`${service}.cluster.local`, service],
    days: 397,
  },
];

/**
 * Opens the authority of a home in `workshop-ca/`, made at its first start, each certificate anew when a third of its
 * time is left: roots with their old key, so that whoever trusts them goes on. Rejects when the folder cannot be written.
 */
export async function openWorkshopAuthority({ home, domain, now }: AuthorityOptions): Promise<WorkshopAuthority> {
  const directory = join(home, 'workshop-ca');
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const permitted = [...always, ...domainsWith(directory, domain)];
  const pairs = new Map<string, IssuedPair>();
  for (const plan of plans) {
    const issuer = plan.issuer === undefined ? undefined : pairs.get(plan.issuer);
    const kept = read(directory, plan.name);
    const isGood = kept && holds(kept, { plan, issuer, permitted, now });
    pairs.set(plan.name, isGood ? kept : await make(directory, plan, { issuer, permitted, now, kept }));
  }
  return { root: pairs.get('root')!.cert };
}

/** The domains beyond `localhost` that were asked for so far, this one among them. */
function domainsWith(directory: string, domain: string | undefined): string[] {
  const file = join(directory, 'domains');
  const known = existsSync(file) ? readFileSync(file, 'utf8').split('\n').filter(Boolean) : [];
  if (!domain || isBelow(domain, [...always, ...known])) return known;
  const all = [...known, domain];
  write(file, `${all.join('\n')}\n`);
  return all;
}

const isBelow = (name: string, domains: string[]): boolean =>
  domains.some((domain) => name === domain || name.endsWith(`.${domain}`));

function read(directory: string, name: string): IssuedPair | undefined {
  const [cert, key] = ['crt', 'key'].map((kind) => join(directory, `${name}.${kind}`)) as [string, string];
  if (!existsSync(cert) || !existsSync(key)) return undefined;
  return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') };
}

interface Circumstances {
  issuer: IssuedPair | undefined;
  permitted: string[];
  now: Date;
}

/** Whether a certificate still serves: whole, its issuer's, for the right names, and not in its last third. */
function holds(pair: IssuedPair, { plan, issuer, permitted, now }: Circumstances & { plan: Planned }): boolean {
  try {
    const certificate = new X509Certificate(pair.cert);
    if (!certificate.checkPrivateKey(createPrivateKey(pair.key))) return false;
    const parent = issuer ? new X509Certificate(issuer.cert) : certificate;
    if (!certificate.checkIssued(parent) || !certificate.verify(parent.publicKey)) return false;
    const [from, to] = [certificate.validFromDate.getTime(), certificate.validToDate.getTime()];
    if (now.getTime() > to - (to - from) / 3) return false;
    if (plan.names) return plan.names.every((name) => certificate.checkHost(name));
    return permitted.every((name) => certificate.raw.includes(encodedName(name)));
  } catch {
    return false;
  }
}

/** A short DNS name as certificates have it, so that the library that issues is not loaded to look. */
const encodedName = (name: string): Buffer => Buffer.from([0x82, name.length, ...Buffer.from(name)]);

async function make(
  directory: string,
  plan: Planned,
  { issuer, permitted, now, kept }: Circumstances & { kept: IssuedPair | undefined },
): Promise<IssuedPair> {
  // Large, and needed once a year.
  const { issue } = await import('./issue.ts');
  const wanted: CertificatePlan = {
    subject: plan.subject,
    now,
    days: plan.days,
    ...(issuer && { issuer }),
    ...(plan.names ? { names: plan.names } : { permitted }),
  };
  // A key that is damaged is given up.
  const pair = await issue({ ...wanted, key: plan.issuer ? undefined : kept?.key }).catch(() => issue(wanted));
  const full = plan.names && issuer ? { ...pair, cert: pair.cert + issuer.cert } : pair;
  write(join(directory, `${plan.name}.key`), full.key);
  write(join(directory, `${plan.name}.crt`), full.cert);
  return full;
}

/** Whole or not at all, whenever this process is killed. */
function write(file: string, text: string): void {
  writeFileSync(`${file}.new`, text, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}
