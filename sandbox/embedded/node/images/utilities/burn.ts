import { applet, parseOptions } from '../applets/options.ts';
import type { ContainerProcess } from '../image.ts';

/** Milliseconds of one core taken at a time. */
const SLICE = 50;

/** Uses `cores` cores for `seconds`, or until the process is killed; what the limit does not give is waited for. */
export async function useCpu(
  process: ContainerProcess,
  cores: number,
  seconds = Number.POSITIVE_INFINITY,
): Promise<void> {
  const { clock } = process.container;
  const end = clock.monotonic() + seconds * 1000;
  const workers = Array.from({ length: Math.ceil(cores) }, async (_, at) => {
    const share = Math.min(1, cores - at);
    while (clock.monotonic() < end) {
      await process.compute(SLICE * share);
      if (share < 1) await process.sleep(SLICE * (1 - share));
    }
  });
  await Promise.all(workers);
}

/** `burn`, `burn -c 0.5 -t 60`: ours, to use CPU without a program that does. */
export const burn = applet(async (call) => {
  const { values } = parseOptions(call.args, 'c:t:', { long: { cpu: 'c', time: 't' } });
  await useCpu(call.process, Number(values.get('c') ?? 1), values.has('t') ? Number(values.get('t')) : undefined);
  return 0;
});
