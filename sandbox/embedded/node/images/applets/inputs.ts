import { FileError, fileErrorText } from '../file-system.ts';
import type { Input } from '../image.ts';
import { openInput } from '../process/open.ts';
import { readLines } from '../process/streams.ts';
import type { AppletCall } from './options.ts';

/** Opens one file for reading, `-` is stdin; undefined after a message when it cannot be. */
export async function openFile(call: AppletCall, name: string, text = "can't open '%'"): Promise<Input | undefined> {
  if (name === '-') return call.process.stdin;
  try {
    return openInput(call.process, name);
  } catch (error) {
    if (!(error instanceof FileError)) throw error;
    const why = fileErrorText(error);
    await call.complain(error.code === 'EISDIR' ? `read error: ${why}` : `${text.replace('%', name)}: ${why}`);
    return undefined;
  }
}

/** Commands whose message is the name and the reason alone. */
const SHORT = new Set(['cut', 'head', 'sort', 'uniq', 'wc', 'paste', 'nl', 'rev']);

/** Runs `take` on every file named, stdin where none is; 1 when one could not be opened. */
export async function eachInput(
  call: AppletCall,
  names: string[],
  take: (input: Input, name: string) => Promise<void>,
): Promise<number> {
  let status = 0;
  for (const name of names.length > 0 ? names : ['-']) {
    const input = await openFile(call, name, SHORT.has(call.name) ? '%' : "can't open '%'");
    if (input) await take(input, name);
    else status = 1;
  }
  return status;
}

/** All lines of all files. */
export async function allLines(call: AppletCall, names: string[]): Promise<{ lines: string[]; status: number }> {
  const lines: string[] = [];
  const status = await eachInput(call, names, async (input) => {
    for await (const { text } of readLines(input)) lines.push(text);
  });
  return { lines, status };
}

/** Collects small writes into bigger ones. */
export class Printer {
  private block = '';
  private readonly call: AppletCall;

  constructor(call: AppletCall) {
    this.call = call;
  }

  async line(text: string, ended = true): Promise<void> {
    this.block += ended ? `${text}\n` : text;
    if (this.block.length > 4096 || this.call.process.tty) await this.flush();
  }

  async flush(): Promise<void> {
    const { block } = this;
    this.block = '';
    if (block !== '') await this.call.print(block);
  }
}
