import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

// Loaded into both processes of a cluster under soak: at SIGUSR2 each tells what is left after garbage collection.
const directory = process.env.ATELIER_SOAK_MEMORY;
if (directory) {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  process.on('SIGUSR2', () => {
    collect();
    collect();
    const { heapUsed, external, rss } = process.memoryUsage();
    const file = path.join(directory, `${process.pid}.json`);
    writeFileSync(`${file}.part`, JSON.stringify({ heapUsed, external, rss }));
    renameSync(`${file}.part`, file);
  });
}
