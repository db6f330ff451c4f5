import type { Loose } from '../../../../../kubernetes/object.ts';

interface Family {
  name: string;
  help: string;
  type: 'counter' | 'gauge';
  lines: string[];
}

/** What `/metrics/resource` says of a summary, in Prometheus' format. https://kubernetes.io/docs/reference/instrumentation/node-metrics/ */
export function resourceMetrics({ node, pods }: Loose): string {
  const family = (name: string, type: Family['type'], help: string): Family => ({ name, type, help, lines: [] });
  const cpu = (what: string, name: string) =>
    family(`${name}_cpu_usage_seconds_total`, 'counter', `Cumulative cpu time consumed by the ${what} in core-seconds`);
  const memory = (what: string, name: string) =>
    family(`${name}_memory_working_set_bytes`, 'gauge', `Current working set of the ${what} in bytes`);
  const families = {
    containerCpu: cpu('container', 'container'),
    containerMemory: memory('container', 'container'),
    containerStart: family(
      'container_start_time_seconds',
      'gauge',
      'Start time of the container since unix epoch in seconds',
    ),
    nodeCpu: cpu('node', 'node'),
    nodeMemory: memory('node', 'node'),
    podCpu: cpu('pod', 'pod'),
    podMemory: memory('pod', 'pod'),
  };
  const add = ({ name, lines }: Family, labels: Record<string, string>, value: number, time: string): void => {
    const text = Object.entries(labels).map(([key, label]) => `${key}="${label}"`);
    lines.push(`${name}${text.length > 0 ? `{${text.join(',')}}` : ''} ${number(value)} ${Date.parse(time)}`);
  };
  const seconds = (use: Loose): number => use.cpu.usageCoreNanoSeconds / 1e9;
  add(families.nodeCpu, {}, seconds(node), node.cpu.time);
  add(families.nodeMemory, {}, node.memory.workingSetBytes, node.memory.time);
  for (const pod of pods) {
    const names = { namespace: pod.podRef.namespace, pod: pod.podRef.name };
    add(families.podCpu, names, seconds(pod), pod.cpu.time);
    add(families.podMemory, names, pod.memory.workingSetBytes, pod.memory.time);
    for (const container of pod.containers) {
      const labels = { container: container.name, ...names };
      const { time } = container.cpu;
      add(families.containerCpu, labels, seconds(container), time);
      add(families.containerMemory, labels, container.memory.workingSetBytes, time);
      add(families.containerStart, labels, Date.parse(container.startTime) / 1000, time);
    }
  }
  const failed = family(
    'resource_scrape_error',
    'gauge',
    '1 if there was an error while getting container metrics, 0 otherwise',
  );
  failed.lines.push('resource_scrape_error 0');
  return [...Object.values(families), failed]
    .filter(({ lines }) => lines.length > 0)
    .map(
      ({ name, help, type, lines }) => `# HELP ${name} [STABLE] ${help}\n# TYPE ${name} ${type}\n${lines.join('\n')}\n`,
    )
    .join('');
}

/** As Go prints a float: whole numbers from a million on as powers of ten. */
function number(value: number): string {
  if (value < 1e6) return String(value);
  const [digits = '', power = '0'] = value.toExponential().split('e');
  return `${digits}e${power.startsWith('-') ? '-' : '+'}${power.replace(/^[+-]/, '').padStart(2, '0')}`;
}
