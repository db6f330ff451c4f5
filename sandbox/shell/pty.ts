import { accessSync, constants } from 'node:fs';
import path from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { IPty } from 'node-pty';

/** Milliseconds a shell gets to end by itself. */
const PATIENCE = 1000;

/** A shell behind a pseudo-terminal; bytes in, bytes out. */
export interface Shell {
  readonly pid: number;
  write(data: Uint8Array): void;
  resize(columns: number, rows: number): void;
  /** Stops reading from the shell, so that what it prints waits in the kernel and the program behind it stops. */
  pause(): void;
  resume(): void;
  onData(listener: (data: Uint8Array) => void): void;
  onExit(listener: (code: number) => void): void;
  /** Hangs up, as closing a terminal window does; resolves when the shell has written its history and is gone, or will not go. */
  close(): Promise<void>;
}

export interface ShellOptions {
  columns: number;
  rows: number;
  /** The whole environment: nothing of the machine owner's is added. */
  environment: Record<string, string>;
  directory: string;
  /** The file bash reads instead of the owner's dotfiles. */
  startFile: string;
}

/** The bash of the machine. Throws one sentence where there is none. */
export function findBash(searchPath: string): string {
  const bash = searchPath
    .split(path.delimiter)
    .map((folder) => path.join(folder, 'bash'))
    .find((file) => {
      try {
        accessSync(file, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
  if (!bash) throw new Error('bash is not on PATH: the terminal needs it; install bash and start again.');
  return bash;
}

/** Opens bash in a PTY of its own session. Throws when the machine has no PTY left or no bash. */
export async function openShell(options: ShellOptions): Promise<Shell> {
  const { spawn } = await import('node-pty');
  const bash = findBash(process.env.PATH ?? '');
  const pty = spawn(bash, ['--noprofile', '--rcfile', options.startFile, '-i'], {
    name: 'xterm-256color',
    cols: options.columns,
    rows: options.rows,
    cwd: options.directory,
    env: options.environment,
    encoding: null,
  }) as IPty;
  let alive = true;
  const gone = new Promise<void>((resolve) => {
    pty.onExit(() => {
      alive = false;
      resolve();
    });
  });
  return {
    pid: pty.pid,
    write: (data) => {
      // node-pty takes bytes as well as strings; its types know strings alone.
      if (alive) pty.write(Buffer.from(data.buffer, data.byteOffset, data.byteLength) as unknown as string);
    },
    resize: (columns, rows) => {
      if (alive) pty.resize(columns, rows);
    },
    pause: () => pty.pause(),
    resume: () => pty.resume(),
    // With encoding null node-pty hands out Buffers, whatever its types say.
    onData: (listener) => void pty.onData((data) => listener(data as unknown as Buffer)),
    onExit: (listener) => void pty.onExit(({ exitCode, signal }) => listener(signal ? 128 + signal : exitCode)),
    async close() {
      if (!alive) return;
      pty.kill('SIGHUP');
      const patience = new AbortController();
      await Promise.race([gone, setTimeout(PATIENCE, undefined, { signal: patience.signal })]);
      patience.abort();
    },
  };
}
