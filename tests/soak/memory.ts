import { existsSync, mkdirSync, readFileSync, rmSync, watch } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';

/** Megabytes of one process. */
export interface Memory {
  /** What is in use on the heap after garbage collection. */
  heap: number;
  /** Buffers and what else is outside of it. */
  external: number;
  resident: number;
}

const MEGABYTE = 1024 * 1024;

/** Asks processes what they use; they carry the probe. */
export class MemoryGauge {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
    mkdirSync(directory, { recursive: true });
  }

  /** For the processes that are to be asked. */
  get environment(): NodeJS.ProcessEnv {
    const probe = pathToFileURL(path.join(import.meta.dirname, 'memory-probe.ts')).href;
    return { NODE_OPTIONS: `--import=${probe}`, ATELIER_SOAK_MEMORY: this.#directory };
  }

  /** Collects garbage there first. */
  async of(pid: number): Promise<Memory> {
    const file = path.join(this.#directory, `${pid}.json`);
    rmSync(file, { force: true });
    await new Promise<void>((resolve) => {
      const watcher = watch(this.#directory, (_event, name) => {
        // What was removed above is told of as well.
        if (name !== path.basename(file) || !existsSync(file)) return;
        watcher.close();
        resolve();
      });
      process.kill(pid, 'SIGUSR2');
    });
    const { heapUsed, external, rss } = JSON.parse(readFileSync(file, 'utf8')) as NodeJS.MemoryUsage;
    return { heap: heapUsed / MEGABYTE, external: external / MEGABYTE, resident: rss / MEGABYTE };
  }
}
