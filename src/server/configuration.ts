import { userInfo } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { UserError } from './user-error.ts';

/** How one start was asked for: flags, each with a twin in the environment. */
export interface Configuration {
  /** 0 is any free port. */
  port: number;
  host: string;
  home: string;
  open: boolean;
  /** A real cluster instead of the embedded one. */
  real?: { kubeconfig: string; context?: string };
  /** The embedded cluster's name. */
  name: string;
  learner: string;
  /** Of the hosts of Ingresses. */
  domain: string;
  /** Where those hosts answer: `HTTP,HTTPS`, `high` or `low`; undefined where the cluster chooses. */
  ingressPorts: string | undefined;
}

const FLAGS = {
  port: { type: 'string' },
  host: { type: 'string' },
  home: { type: 'string' },
  open: { type: 'boolean' },
  context: { type: 'string' },
  kubeconfig: { type: 'string' },
  name: { type: 'string' },
  learner: { type: 'string' },
  domain: { type: 'string' },
  'ingress-ports': { type: 'string' },
  workshop: { type: 'boolean' },
  join: { type: 'string' },
} as const;

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '::1']);
/** Names a namespace must not take from the cluster or from Atelier. */
const RESERVED = /^(default|kube-.*|atelier-.*|local-path-storage)$/;
const DNS_LABEL = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
const LABEL = /^[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?$/;

/** Reads flags and environment once. Throws {@link UserError} with the remedy. */
export function parseConfiguration(args: string[], env: NodeJS.ProcessEnv, root: string): Configuration {
  const flags = readFlags(args);
  if (flags.workshop || flags.join || env.ATELIER_WORKSHOP) {
    throw new UserError(
      'workshops (--workshop, --join) are not built yet: start without the flag for one learner on this machine.',
      2,
    );
  }
  const here = env.ATELIER_CALLED_FROM ?? process.cwd();
  const host = flags.host ?? (env.HOST || '127.0.0.1');
  if (!LOOPBACK.has(host)) {
    throw new UserError(`--host ${host} would let others in: one learner's Atelier listens on 127.0.0.1 alone.`, 2);
  }
  const context = flags.context ?? (env.ATELIER_CONTEXT || undefined);
  // KUBECONFIG alone asks for nothing: many have it set for all they do.
  const kubeconfig = flags.kubeconfig ?? (env.ATELIER_KUBECONFIG || undefined);
  const learner = learnerOf(flags.learner ?? (env.ATELIER_LEARNER || undefined));
  const wantsReal = context !== undefined || kubeconfig !== undefined;
  return {
    port: portOf(flags.port ?? (env.PORT || '4321')),
    // As a name it may mean ::1 alone, and the printed link says 127.0.0.1.
    host: host === 'localhost' ? '127.0.0.1' : host,
    home: homeOf(flags.home ?? env.ATELIER_HOME, here, root),
    open: flags.open ?? env.ATELIER_OPEN !== '0',
    ...(wantsReal && {
      real: { kubeconfig: kubeconfigOf(kubeconfig ?? env.KUBECONFIG, here, env), ...(context && { context }) },
    }),
    name: labelOf('--name', flags.name ?? (env.ATELIER_NAME || 'main')),
    learner,
    domain: domainOf(flags.domain ?? (env.ATELIER_DOMAIN || `${learner}.localhost`)),
    ingressPorts: ingressPortsOf(flags['ingress-ports'] ?? (env.ATELIER_INGRESS_PORTS || undefined)),
  };
}

/** The home as `--home` and ATELIER_HOME name it, from where the person stands. */
export function homeOf(wanted: string | undefined, here: string, root: string): string {
  return wanted ? path.resolve(here, wanted) : path.join(root, '.atelier');
}

function readFlags(args: string[]) {
  try {
    return parseArgs({ args, options: FLAGS, allowNegative: true, strict: true }).values;
  } catch (error) {
    const known = Object.keys(FLAGS)
      .map((name) => `--${name}`)
      .join(', ');
    throw new UserError(`${(error as Error).message.split(/\.\s/)[0]}: the flags are ${known}.`, 2);
  }
}

/** Throws {@link UserError} unless the text is a port, 0 included. */
export function portOf(text: string): number {
  const port = Number(text);
  if (/^\d+$/.test(text) && port <= 65_535) return port;
  throw new UserError(`--port ${text} is no port: give a number from 0 (any free one) to 65535.`, 2);
}

/** Throws {@link UserError} unless the value can name a namespace or a cluster. */
export function labelOf(flag: string, value: string): string {
  if (LABEL.test(value)) return value;
  throw new UserError(`${flag} ${value} is no name: use lower-case letters, digits and "-", at most 32.`, 2);
}

/** Throws {@link UserError} unless hosts can be below it. */
export function domainOf(value: string): string {
  const domain = value.toLowerCase().replace(/\.$/, '');
  const isDomain = domain.length <= 170 && domain.split('.').every((part) => DNS_LABEL.test(part));
  if (isDomain && domain !== 'localhost' && !/(^|\.)\d+$/.test(domain)) return domain;
  throw new UserError(`--domain ${value} is no domain for hosts: give one such as learner.localhost.`, 2);
}

/** Throws {@link UserError} unless it is a pair of ports, or a word for one. Nothing of Atelier listens on 8080. */
export function ingressPortsOf(value: string | undefined): string | undefined {
  if (value === undefined || value === 'high' || value === 'low') return value;
  const ports = /^\d{1,5},\d{1,5}$/.test(value) ? value.split(',').map(Number) : [];
  const good = (port: number) => port >= 1 && port <= 65_535 && port !== 8080;
  if (ports.length === 2 && ports[0] !== ports[1] && ports.every(good)) return value;
  throw new UserError(
    `--ingress-ports ${value} is no pair of ports: give two of 1 to 65535 without 8080, as 8880,8443, or high, or low.`,
    2,
  );
}

function learnerOf(wanted: string | undefined): string {
  if (wanted !== undefined) {
    const name = labelOf('--learner', wanted);
    if (RESERVED.test(name))
      throw new UserError(`--learner ${name} is a name of the cluster's own: choose another.`, 2);
    return name;
  }
  const name = userInfo()
    .username.toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '');
  return LABEL.test(name) && !RESERVED.test(name) && name !== 'root' ? name : 'learner';
}

function kubeconfigOf(wanted: string | undefined, here: string, env: NodeJS.ProcessEnv): string {
  // KUBECONFIG may list several files; the first is the one kubectl writes to.
  const first = wanted?.split(path.delimiter)[0];
  return first ? path.resolve(here, first) : path.join(env.HOME ?? '', '.kube', 'config');
}
