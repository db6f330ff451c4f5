import type { ContainerProcess, Output, StartedProcess } from '../image.ts';
import { openInput, openOutput } from '../process/open.ts';
import { Pipe, readLines } from '../process/streams.ts';

type Lines = AsyncGenerator<{ text: string; ended: boolean }>;

/** Files and commands that `print >`, `print |` and `getline <` opened; each stays open, under its text, until `close`. */
export class Redirections {
  private readonly process: ContainerProcess;
  private readonly outputs = new Map<string, { output: Output; child?: StartedProcess; pipe?: Pipe }>();
  private readonly inputs = new Map<string, Lines>();

  constructor(process: ContainerProcess) {
    this.process = process;
  }

  /** Where `> name`, `>> name` or `| name` writes to. */
  output(name: string, operator: string): Output {
    const known = this.outputs.get(name);
    if (known) return known.output;
    if (operator === '|') {
      const pipe = new Pipe();
      const child = this.process.spawn({ argv: ['sh', '-c', name], stdin: pipe });
      this.outputs.set(name, { output: pipe, child, pipe });
      return pipe;
    }
    const output = openOutput(this.process, name, operator === '>>');
    this.outputs.set(name, { output });
    return output;
  }

  /** The lines of a file or of what a command prints; undefined for a file that cannot be read. */
  input(name: string, command: boolean): Lines | undefined {
    const known = this.inputs.get(name);
    if (known) return known;
    const lines = this.open(name, command);
    if (lines) this.inputs.set(name, lines);
    return lines;
  }

  private open(name: string, command: boolean): Lines | undefined {
    if (!command) {
      try {
        return readLines(openInput(this.process, name));
      } catch {
        return undefined;
      }
    }
    const pipe = new Pipe();
    this.process.spawn({ argv: ['sh', '-c', name], stdout: pipe });
    return readLines(pipe, this.process.killed);
  }

  /** The status of the command behind `name`; 0 for a file, -1 for what was not open for writing. */
  async close(name: string): Promise<number> {
    this.inputs.delete(name);
    const open = this.outputs.get(name);
    if (!open) return -1;
    this.outputs.delete(name);
    open.pipe?.end();
    return (await open.child?.exit) ?? 0;
  }

  async closeAll(): Promise<void> {
    for (const name of this.outputs.keys()) await this.close(name);
  }
}
