import type { WriteStream } from 'node:tty';

const WIDTH = 20;

/** How far a start is: a bar on a terminal, plain lines elsewhere. */
export interface Progress {
  /** What is being done now. */
  say(line: string): void;
  /** One of the steps is done. */
  advance(): void;
  /** Takes the bar away. */
  end(): void;
}

export function showProgress(stream: Pick<WriteStream, 'write' | 'isTTY'>, steps: number): Progress {
  if (!stream.isTTY) {
    return { say: (line) => void stream.write(`${line}\n`), advance: () => undefined, end: () => undefined };
  }
  let done = 0;
  let line = '';
  const draw = () => {
    const filled = Math.round((WIDTH * done) / steps);
    stream.write(`\r\x1b[K[${'█'.repeat(filled)}${'░'.repeat(WIDTH - filled)}] ${line}`);
  };
  draw();
  return {
    say(text) {
      line = text;
      draw();
    },
    advance() {
      done = Math.min(steps, done + 1);
      draw();
    },
    end: () => void stream.write('\r\x1b[K'),
  };
}
