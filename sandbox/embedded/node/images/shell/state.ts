import type { StartedProcess } from '../image.ts';
import type { Command } from './syntax.ts';

interface Variable {
  value: string | undefined;
  exported: boolean;
  readOnly: boolean;
}

export interface Job {
  id: number;
  pid: number;
  text: string;
  child: StartedProcess;
  status: number | undefined;
}

export class ReadOnlyVariable extends Error {}

/** What a shell remembers; a subshell starts with a copy. */
export class ShellState {
  name: string;
  positional: string[];
  status = 0;
  /** `$$`: of the shell itself, in its subshells, too. */
  pid: number;
  lastBackground = '';
  readonly functions: Map<string, Command>;
  readonly options: Set<string>;
  readonly traps: Map<string, string>;
  readonly aliases: Map<string, string>;
  jobs: Job[] = [];
  line = 1;
  /** Whether errors name the line: in script files, not after -c nor at a prompt. */
  isFile = false;
  private readonly variables: Map<string, Variable>;
  private readonly locals: Map<string, Variable | undefined>[] = [];

  constructor(name: string, positional: string[], pid: number, from?: ShellState) {
    this.name = name;
    this.positional = positional;
    this.pid = pid;
    this.functions = new Map(from?.functions);
    this.options = new Set(from?.options);
    this.aliases = new Map(from?.aliases);
    this.traps = new Map();
    this.variables = new Map([...(from?.variables ?? [])].map(([key, variable]) => [key, { ...variable }]));
  }

  fork(): ShellState {
    const twin = new ShellState(this.name, [...this.positional], this.pid, this);
    twin.status = this.status;
    twin.lastBackground = this.lastBackground;
    twin.isFile = this.isFile;
    twin.line = this.line;
    // Ignored signals stay ignored in children; other traps are reset.
    for (const [signal, action] of this.traps) if (action === '') twin.traps.set(signal, action);
    return twin;
  }

  get(name: string): string | undefined {
    return this.variables.get(name)?.value;
  }

  set(name: string, value: string): void {
    const known = this.variables.get(name);
    if (known?.readOnly) throw new ReadOnlyVariable(`${name}: is read only`);
    if (known) known.value = value;
    else this.variables.set(name, { value, exported: this.options.has('a'), readOnly: false });
  }

  unset(name: string): void {
    if (this.variables.get(name)?.readOnly) throw new ReadOnlyVariable(`${name}: is read only`);
    this.variables.delete(name);
  }

  mark(name: string, how: 'exported' | 'readOnly', value = true): void {
    const known = this.variables.get(name);
    if (known) known[how] = value;
    else this.variables.set(name, { value: undefined, exported: false, readOnly: false, [how]: value });
  }

  isMarked(name: string, how: 'exported' | 'readOnly'): boolean {
    return this.variables.get(name)?.[how] ?? false;
  }

  names(): string[] {
    return [...this.variables.keys()].sort();
  }

  /** The environment children get. */
  environment(): Record<string, string> {
    const env: Record<string, string> = {};
    for (const [name, variable] of this.variables)
      if (variable.exported && variable.value !== undefined) env[name] = variable.value;
    return env;
  }

  enterFunction(): void {
    this.locals.push(new Map());
  }

  /** Restores what `local` hid. */
  leaveFunction(): void {
    for (const [name, before] of this.locals.pop() ?? []) {
      if (before) this.variables.set(name, before);
      else this.variables.delete(name);
    }
  }

  get inFunction(): boolean {
    return this.locals.length > 0;
  }

  local(name: string): void {
    const frame = this.locals.at(-1);
    const before = this.variables.get(name);
    if (!frame || frame.has(name)) return;
    frame.set(name, before);
    this.variables.set(name, { value: before?.value, exported: before?.exported ?? false, readOnly: false });
  }

  /** Assigns for the time of one command; the returned function takes it back. */
  overlay(assignments: [string, string][]): () => void {
    const before = assignments.map(([name]) => [name, this.variables.get(name)] as const);
    for (const [name, value] of assignments) this.variables.set(name, { value, exported: true, readOnly: false });
    return () => {
      for (const [name, variable] of before) {
        if (variable) this.variables.set(name, variable);
        else this.variables.delete(name);
      }
    };
  }
}
