/** The flags of the controller that matter here. https://cert-manager.io/docs/cli/controller/ */
export interface Options {
  verbosity: number;
  clusterResourceNamespace: string;
  leaderElect: boolean;
  leaderElectionNamespace: string;
  /** Milliseconds as Go's durations. */
  leaseDuration: string;
  renewDeadline: string;
  retryPeriod: string;
  solverImage: string;
  solverLabels: Record<string, string>;
  defaultIssuerName: string;
  defaultIssuerKind: string;
  defaultIssuerGroup: string;
  autoAnnotations: string[];
  enableOwnerRef: boolean;
  maxConcurrentChallenges: number;
  minimumBackOff: string;
  controllers: string[];
  metricsPort: number;
  healthzPort: number;
}

const strings = {
  v: '0',
  'cluster-resource-namespace': 'kube-system',
  'leader-elect': 'true',
  'leader-election-namespace': 'kube-system',
  'leader-election-lease-duration': '1m0s',
  'leader-election-renew-deadline': '40s',
  'leader-election-retry-period': '15s',
  'acme-http01-solver-image': 'quay.io/jetstack/cert-manager-acmesolver:v1.21.2',
  'acme-http01-solver-extra-labels': '',
  'default-issuer-name': '',
  'default-issuer-kind': 'Issuer',
  'default-issuer-group': 'cert-manager.io',
  'auto-certificate-annotations': 'kubernetes.io/tls-acme',
  'enable-certificate-owner-ref': 'false',
  'max-concurrent-challenges': '60',
  'certificate-request-minimum-backoff-duration': '1h0m0s',
  controllers: '*',
  'metrics-listen-address': '0.0.0.0:9402',
  'internal-healthz-listen-address': '0.0.0.0:9403',
};

/** Flags that exist and change nothing here. */
const accepted =
  /^(feature-gates|config|dns01-.*|acme-http01-solver-.*|logging-format|log-.*|vmodule|kube-api-.*|kubeconfig|namespace|profiler-address|enable-profiling|issuer-ambient-credentials|cluster-issuer-ambient-credentials|enable-gateway-api.*|copied-annotation-prefixes|number-of-concurrent-workers|metrics-.*|renew-before-expiry-duration|extra-certificate-annotations|certificate-request-maximum-backoff-duration|healthz-leader-election-.*|master|pem-.*)$/;

/** Flags that need no value. */
const switches =
  /^(leader-elect|enable-.*|dns01-recursive-nameservers-only|.*ambient-credentials|acme-http01-solver-run-as-non-root)$/;

/** Reads arguments as pflag does; a text is what is wrong with them. */
export function readOptions(args: string[]): Options | string {
  const given = new Map<string, string>(Object.entries(strings));
  for (let at = 0; at < args.length; at += 1) {
    const argument = args[at] as string;
    const [, name = '', value] = /^--?([\w-]+)(?:=([\s\S]*))?$/.exec(argument) ?? [];
    if (name === '') continue;
    if (!(name in strings) && !accepted.test(name)) return `unknown flag: --${name}`;
    if (value !== undefined) given.set(name, value);
    else if (switches.test(name)) given.set(name, 'true');
    else {
      at += 1;
      if (args[at] === undefined) return `flag needs an argument: --${name}`;
      given.set(name, args[at] as string);
    }
  }
  const text = (name: keyof typeof strings): string => given.get(name) ?? '';
  for (const name of ['v', 'max-concurrent-challenges'] as const)
    if (!/^\d+$/.test(text(name)))
      return `invalid argument "${text(name)}" for "${name === 'v' ? '-v, --v' : `--${name}`}" flag: strconv.ParseInt: parsing "${text(name)}": invalid syntax`;
  const list = (name: keyof typeof strings): string[] => text(name).split(',').filter(Boolean);
  const port = (name: keyof typeof strings): number => Number(/:(\d+)$/.exec(text(name))?.[1] ?? 0);
  return {
    verbosity: Number(text('v')),
    clusterResourceNamespace: text('cluster-resource-namespace'),
    leaderElect: text('leader-elect') !== 'false',
    leaderElectionNamespace: text('leader-election-namespace'),
    leaseDuration: text('leader-election-lease-duration'),
    renewDeadline: text('leader-election-renew-deadline'),
    retryPeriod: text('leader-election-retry-period'),
    solverImage: text('acme-http01-solver-image'),
    solverLabels: Object.fromEntries(
      list('acme-http01-solver-extra-labels').map((pair) => pair.split(/=(.*)/s, 2) as [string, string]),
    ),
    defaultIssuerName: text('default-issuer-name'),
    defaultIssuerKind: text('default-issuer-kind'),
    defaultIssuerGroup: text('default-issuer-group'),
    autoAnnotations: list('auto-certificate-annotations'),
    enableOwnerRef: text('enable-certificate-owner-ref') === 'true',
    maxConcurrentChallenges: Number(text('max-concurrent-challenges')),
    minimumBackOff: text('certificate-request-minimum-backoff-duration'),
    controllers: list('controllers'),
    metricsPort: port('metrics-listen-address'),
    healthzPort: port('internal-healthz-listen-address'),
  };
}
