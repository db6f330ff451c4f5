import { applet, parseOptions, UsageError } from '../applets/options.ts';
import { debianFiles, debianPrograms } from '../busybox/image.ts';
import { answer, listenHttp, send } from '../http/server.ts';
import type { Image, Program, StartedProcess } from '../image.ts';
import { useCpu } from '../utilities/burn.ts';
import { forever, sizeOf, takeMemory } from '../utilities/memory.ts';

const bare = { env: {}, workingDir: '/', user: 0, exposedPorts: [] };

function seconds(text: string | undefined): number | undefined {
  const match = /^(\d+)([smhd]?)$/.exec(text ?? '');
  return match ? Number(match[1]) * ({ m: 60, h: 3600, d: 86_400 }[match[2] ?? ''] ?? 1) : undefined;
}

/** stress(1): `stress --vm 1 --vm-bytes 150M --vm-hang 1`. https://kubernetes.io/docs/tasks/configure-pod-container/assign-memory-resource/ */
const stress = applet(async (call) => {
  const { process } = call;
  const { values, flags } = parseOptions(call.args, 'c:i:m:d:t:B:H:kvqn', {
    long: {
      ...{ cpu: 'c', io: 'i', vm: 'm', hdd: 'd', timeout: 't', verbose: 'v', quiet: 'q', 'dry-run': 'n' },
      ...{ 'vm-bytes': 'B', 'vm-hang': 'H', 'vm-keep': 'k' },
    },
  });
  const number = (letter: string) => Number(values.get(letter) ?? 0);
  const [cpus, ios, vms, hdds] = [number('c'), number('i'), number('m'), number('d')];
  const bytes = sizeOf(values.get('B') ?? '256M');
  if (bytes === undefined) throw new UsageError(`FAIL: [${process.pid}] (244) incorrect size: ${values.get('B')}`);
  if (cpus + ios + vms + hdds === 0) throw new UsageError('nothing to do: --cpu, --io, --vm or --hdd', 0);
  const say = (text: string) => (flags.has('q') ? undefined : call.print(`stress: info: [${process.pid}] ${text}\n`));
  await say(`dispatching hogs: ${cpus} cpu, ${ios} io, ${vms} vm, ${hdds} hdd`);
  const hog = (run: Program): StartedProcess => process.spawn({ argv: process.argv, run });
  const hogs = [
    ...Array.from({ length: cpus + ios + hdds }, () => hog((child) => useCpu(child, 1).then(() => 0))),
    ...Array.from({ length: vms }, () =>
      hog(async (child) => {
        await takeMemory(child, bytes);
        return values.has('H') || flags.has('k') ? forever() : useCpu(child, 1).then(() => 0);
      }),
    ),
  ];
  const limit = seconds(values.get('t'));
  const ended = Promise.race(hogs.map(({ exit }) => exit));
  const code = await (limit === undefined ? ended : Promise.race([ended, process.sleep(limit * 1000).then(() => 0)]));
  for (const one of hogs) one.signal('SIGKILL');
  await (code === 0
    ? say(`successful run completed in ${limit ?? 0}s`)
    : process.stderr.write(`stress: FAIL: [${process.pid}] (415) <-- worker got signal ${code - 128}\n`));
  return code === 0 ? 0 : 1;
});

/** `stress -cpus 2 -mem-total 150Mi`: Go's flags. https://kubernetes.io/docs/tasks/configure-pod-container/assign-cpu-resource/ */
const goStress: Program = async (process) => {
  const options = new Map<string, string>();
  for (let at = 1; at < process.argv.length; at += 1) {
    const [name = '', value] = (process.argv[at] ?? '').replace(/^--?/, '').split('=');
    options.set(name, value ?? (/^(cpus|mem)/.test(name) ? (process.argv[++at] ?? '') : 'true'));
  }
  const [cpus, total] = [Number(options.get('cpus') ?? 0), options.get('mem-total') ?? '0'];
  const [chunk, pause] = [options.get('mem-alloc-size') ?? '4Ki', options.get('mem-alloc-sleep') ?? '1ms'];
  const stamp = process.container.clock.now().toISOString();
  const log = (line: number, text: string) =>
    process.stderr.write(
      `I${stamp.slice(5, 7)}${stamp.slice(8, 10)} ${stamp.slice(11, 23)}000       ${process.pid} main.go:${line}] ${text}\n`,
    );
  await log(26, `Allocating "${total}" memory, in "${chunk}" chunks, with a ${pause} sleep between allocations`);
  const burning = Array.from({ length: cpus }, async () => {
    await log(39, 'Spawning a thread to consume CPU');
    await useCpu(process, 1);
  });
  const [bytes, step] = [sizeOf(total) ?? 0, Math.max(1 << 20, sizeOf(chunk) ?? 0)];
  const wait = Math.max(1, Number.parseFloat(pause) * (pause.endsWith('ms') ? 1 : 1000));
  for (let held = 0; held < bytes; ) {
    held = Math.min(held + step, bytes);
    process.hold(held);
    await process.sleep(wait);
  }
  await log(29, `Allocated "${total}" memory`);
  await Promise.all(burning);
  return forever();
};

const files = debianFiles;

export const stressImages: Image[] = [
  {
    match: /^(?:polinux\/stress|progrium\/stress|alexeiled\/stress-ng)$/,
    tags: /^[\w.-]+$/,
    names: ['polinux/stress', 'progrium/stress'],
    config: { ...bare, entrypoint: [], cmd: ['stress'] },
    programs: { ...debianPrograms, '/usr/bin/stress': stress },
    files,
  },
  {
    match: /^vish\/stress$/,
    tags: /^[\w.-]+$/,
    names: ['vish/stress'],
    config: { ...bare, entrypoint: ['/stress', '-logtostderr'], cmd: [] },
    programs: { '/stress': goStress },
  },
  {
    // https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale-walkthrough/: a page that adds up square roots.
    match: /^(?:registry\.k8s\.io|k8s\.gcr\.io)\/hpa-example$/,
    tags: /^[\w.-]+$/,
    names: ['registry.k8s.io/hpa-example'],
    load: { request: 40, memory: 12 << 20 },
    config: { ...bare, entrypoint: ['apache2-foreground'], cmd: [], exposedPorts: [80] },
    programs: {
      ...debianPrograms,
      '/usr/local/bin/apache2-foreground': async (process) => {
        await listenHttp(process, 80, (_, response) =>
          send(
            response,
            answer(200, 'OK!', { server: 'Apache/2.4.10 (Debian)', 'content-type': 'text/html; charset=UTF-8' }),
          ),
        );
        return new Promise<number>((resolve) => process.onSignal('SIGTERM', () => resolve(0)));
      },
    },
    files,
  },
];
