import type { Call } from './call.ts';
import { checksOf, type Probe } from './health.ts';
import type { Services } from './services.ts';

/** Upper bounds in seconds, as the real server's histogram has them. */
const buckets = [0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60];

interface Histogram {
  counts: number[];
  sum: number;
  count: number;
}

/** Counts of the requests of one server, in the text format of Prometheus. */
export class Metrics {
  readonly #requests = new Map<string, number>();
  readonly #durations = new Map<string, Histogram>();
  readonly #inflight = { readOnly: 0, mutating: 0 };

  /** Call the answer's end with its status code. */
  begin(method: string): (call: Call | undefined, code: number, seconds: number) => void {
    const kind = method === 'GET' || method === 'HEAD' ? 'readOnly' : 'mutating';
    this.#inflight[kind]++;
    return (call, code, seconds) => {
      this.#inflight[kind]--;
      if (call) this.#record(call, code, seconds);
    };
  }

  #record(call: Call, code: number, seconds: number): void {
    const { info } = call;
    const verb = verbOf(call);
    const scope = scopeOf(call);
    const where = `group="${info.group}",resource="${info.resource}",scope="${scope}",subresource="${info.subresource}",verb="${verb}",version="${info.version}"`;
    const dryRun = call.query.has('dryRun') ? 'All' : '';
    const key = `code="${code}",component="apiserver",dry_run="${dryRun}",${where}`;
    this.#requests.set(key, (this.#requests.get(key) ?? 0) + 1);
    if (verb === 'WATCH') return;
    const timed = `component="apiserver",dry_run="${dryRun}",${where}`;
    let histogram = this.#durations.get(timed);
    if (!histogram) {
      histogram = { counts: buckets.map(() => 0), sum: 0, count: 0 };
      this.#durations.set(timed, histogram);
    }
    histogram.count++;
    histogram.sum += seconds;
    const at = buckets.findIndex((bound) => seconds <= bound);
    if (at >= 0) histogram.counts[at] = (histogram.counts[at] ?? 0) + 1;
  }

  /** https://kubernetes.io/docs/reference/instrumentation/metrics/ */
  text(services: Services): string {
    const families = [
      family(
        'apiserver_current_inflight_requests',
        'gauge',
        'Maximal number of currently used inflight request limit of this apiserver per request kind in last second.',
        [
          [`request_kind="mutating"`, this.#inflight.mutating],
          [`request_kind="readOnly"`, this.#inflight.readOnly],
        ],
      ),
      family(
        'apiserver_longrunning_requests',
        'gauge',
        'Gauge of all active long-running apiserver requests broken out by verb, group, version, resource, scope and component. Not all requests are tracked this way.',
        watches(services),
      ),
      this.#histograms(),
      family(
        'apiserver_request_total',
        'counter',
        'Counter of apiserver requests broken out for each verb, dry run value, group, version, resource, scope, component, and HTTP response code.',
        [...this.#requests],
      ),
      family(
        'apiserver_storage_objects',
        'gauge',
        '[DEPRECATED, consider using apiserver_resource_objects instead] Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.',
        stored(services),
      ),
      family(
        'apiserver_resource_objects',
        'gauge',
        'Number of stored objects at the time of last check split by kind. In case of a fetching error, the value will be -1.',
        stored(services),
      ),
      health(),
      ...processFamilies(services),
    ];
    return families.join('');
  }

  #histograms(): string {
    const name = 'apiserver_request_duration_seconds';
    const lines = [
      `# HELP ${name} [STABLE] Response latency distribution in seconds for each verb, dry run value, group, version, resource, subresource, scope and component.`,
      `# TYPE ${name} histogram`,
    ];
    for (const [labels, { counts, sum, count }] of this.#durations) {
      let total = 0;
      for (const [index, bound] of buckets.entries()) {
        total += counts[index] ?? 0;
        lines.push(`${name}_bucket{${labels},le="${bound}"} ${total}`);
      }
      lines.push(
        `${name}_bucket{${labels},le="+Inf"} ${count}`,
        `${name}_sum{${labels}} ${sum}`,
        `${name}_count{${labels}} ${count}`,
      );
    }
    return `${lines.join('\n')}\n`;
  }
}

const verbs: Record<string, string> = { create: 'POST', update: 'PUT', deletecollection: 'DELETECOLLECTION' };

function verbOf({ info, method, contentType }: Call): string {
  if (!info.isResource) return method;
  if (info.verb === 'patch' && contentType === 'application/apply-patch+yaml') return 'APPLY';
  return verbs[info.verb] ?? info.verb.toUpperCase();
}

function scopeOf({ info }: Call): string {
  if (!info.isResource) return '';
  if (info.name !== '' || info.verb === 'create') return 'resource';
  return info.namespace === '' ? 'cluster' : 'namespace';
}

type Sample = [labels: string, value: number];

function family(name: string, type: string, help: string, samples: Sample[]): string {
  const stable = help.startsWith('[') ? '' : '[STABLE] ';
  const lines = samples.map(([labels, value]) => `${name}${labels && `{${labels}}`} ${value}\n`);
  return `# HELP ${name} ${stable}${help}\n# TYPE ${name} ${type}\n${lines.join('')}`;
}

const split = (collection: string): [string, string] => collection.split('/', 2) as [string, string];

function stored({ store }: Services): Sample[] {
  return [...store.collections()].map(([name, collection]) => {
    const [group, resource] = split(name);
    return [`group="${group}",resource="${resource}"`, collection.size()];
  });
}

function watches({ store }: Services): Sample[] {
  return [...store.collections()]
    .filter(([, collection]) => collection.watchers.size > 0)
    .map(([name, collection]) => {
      const [group, resource] = split(name);
      return [
        `component="apiserver",group="${group}",resource="${resource}",scope="cluster",subresource="",verb="WATCH",version="v1"`,
        collection.watchers.size,
      ];
    });
}

function health(): string {
  const probes: Probe[] = ['healthz', 'livez', 'readyz'];
  const samples = probes.flatMap((probe) =>
    checksOf(probe).map((check): Sample => [`name="${check}",type="${probe}"`, 1]),
  );
  return family('kubernetes_healthcheck', 'gauge', 'This metric records the result of a single healthcheck.', samples);
}

function processFamilies({ serverVersion }: Services): string[] {
  const { rss, heapUsed } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  const [, major = '1', minor = '35'] = /^v(\d+)\.(\d+)/.exec(serverVersion) ?? [];
  const plain = (name: string, type: string, help: string, value: number): string =>
    family(name, type, `[ALPHA] ${help}`, [['', value]]).replace('[ALPHA] ', '');
  return [
    family(
      'kubernetes_build_info',
      'gauge',
      "[ALPHA] A metric with a constant '1' value labeled by major, minor, git version, git commit, git tree state, build date, Go version, and compiler from which Kubernetes was built, and platform on which it is running.",
      [
        [
          `git_version="${serverVersion}",major="${major}",minor="${minor}",platform="linux/${process.arch === 'arm64' ? 'arm64' : 'amd64'}"`,
          1,
        ],
      ],
    ),
    plain(
      'process_cpu_seconds_total',
      'counter',
      'Total user and system CPU time spent in seconds.',
      (user + system) / 1e6,
    ),
    plain('process_heap_bytes', 'gauge', 'JavaScript heap in use, in bytes.', heapUsed),
    plain('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', rss),
    plain(
      'process_start_time_seconds',
      'gauge',
      'Start time of the process since unix epoch in seconds.',
      Math.round(Date.now() / 1000 - process.uptime()),
    ),
  ];
}
