/** Prometheus' text format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export function metricsText(clusterUp: boolean): string {
  const memory = process.memoryUsage();
  const figures: [name: string, help: string, value: number][] = [
    ['atelier_cluster_up', 'Whether the cluster answers.', clusterUp ? 1 : 0],
    ['process_resident_memory_bytes', 'Memory of the server process.', memory.rss],
    ['nodejs_heap_used_bytes', 'Heap in use by the server process.', memory.heapUsed],
    ['process_uptime_seconds', 'Seconds since the server process started.', process.uptime()],
  ];
  return figures
    .map(([name, help, value]) => `# HELP ${name} ${help}\n# TYPE ${name} gauge\n${name} ${value}\n`)
    .join('');
}
