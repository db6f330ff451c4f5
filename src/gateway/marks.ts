/** What the shell's marks (OSC 133) tell: whether it stands at its prompt, and what each command printed. */
export interface Marks {
  readonly busy: boolean;
  /** The command that runs, or '' at the prompt. */
  readonly command: string;
  push(data: Uint8Array): void;
}

export interface FinishedCommand {
  command: string;
  /** The end of what it printed, escape sequences included. */
  output: string;
  exitCode: number;
}

export interface MarkListener {
  onState(busy: boolean, command: string): void;
  onCommand(finished: FinishedCommand): void;
}

/** Bytes of a command's output that are kept for hints, in memory only. */
const KEPT_BYTES = 64 * 1024;
/** A mark longer than this is not one of ours. */
const LONGEST_MARK = 4096;
const ESCAPE = 0x1b;
const BELL = 0x07;
const PREFIX = new TextEncoder().encode('\u001b]133;');

export function readMarks(listener: MarkListener): Marks {
  let busy = true;
  let command = '';
  let output: Uint8Array[] = [];
  let kept = 0;
  // The beginning of a mark whose end has not come yet.
  let partial: Uint8Array = new Uint8Array();

  function keep(data: Uint8Array): void {
    if (!busy || command === '' || data.length === 0) return;
    output.push(data.slice(-KEPT_BYTES));
    kept += Math.min(data.length, KEPT_BYTES);
    while (output.length > 1 && kept - (output[0]?.length ?? 0) >= KEPT_BYTES) kept -= output.shift()?.length ?? 0;
  }

  function mark(text: string): void {
    const [kind] = text;
    const rest = text.slice(2);
    if (kind === 'C') {
      busy = true;
      command = rest;
      output = [];
      kept = 0;
      listener.onState(true, command);
    } else if (kind === 'D' && rest !== '' && command !== '') {
      listener.onCommand({ command, output: new TextDecoder().decode(concatenate(output)), exitCode: Number(rest) });
    } else if (kind === 'B') {
      busy = false;
      command = '';
      output = [];
      kept = 0;
      listener.onState(false, '');
    }
  }

  return {
    get busy() {
      return busy;
    },
    get command() {
      return command;
    },
    push(incoming) {
      let data = partial.length > 0 ? concatenate([partial, incoming]) : incoming;
      partial = new Uint8Array();
      for (;;) {
        const at = data.indexOf(ESCAPE);
        if (at < 0) return keep(data);
        keep(data.subarray(0, at));
        data = data.subarray(at);
        const same = commonPrefix(data);
        if (same < PREFIX.length && same < data.length) {
          keep(data.subarray(0, 1));
          data = data.subarray(1);
          continue;
        }
        const end = same < PREFIX.length ? -1 : data.indexOf(BELL);
        if (end < 0) {
          if (data.length <= LONGEST_MARK) {
            partial = data.slice();
            return;
          }
          keep(data.subarray(0, 1));
          data = data.subarray(1);
          continue;
        }
        mark(new TextDecoder().decode(data.subarray(PREFIX.length, end)));
        data = data.subarray(end + 1);
      }
    },
  };
}

/** How many first bytes of `data` are those of a mark. */
function commonPrefix(data: Uint8Array): number {
  let index = 0;
  while (index < PREFIX.length && index < data.length && data[index] === PREFIX[index]) index++;
  return index;
}

function concatenate(parts: Uint8Array[]): Uint8Array {
  return Buffer.concat(parts);
}
