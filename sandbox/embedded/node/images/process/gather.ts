import type { ContainerProcess, Input } from '../image.ts';

/** What is really kept, in bytes; of an input that is longer only the length counts: it has no end, or no room. */
const MOST = 256 << 20;

/** All of an input, held in the process's memory meanwhile: `tail /dev/zero` ends as it does on a real node. */
export async function gather(process: ContainerProcess, input: Input): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let data = await input.read(process.killed); data; data = await input.read(process.killed)) {
    size += data.length;
    process.hold(size);
    if (size <= MOST) chunks.push(data);
    await process.breathe();
  }
  process.hold(0);
  return Buffer.concat(chunks);
}
