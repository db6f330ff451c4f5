import type { ContainerProcess } from '../image.ts';

const FRAME = `${'- '.repeat(40).trimEnd()}`;

/** What certbot says without a traceback: one of its own errors. */
export class CertbotError extends Error {}

/** The person before certbot, or nobody. */
export interface Display {
  /** A line for whoever called. */
  notify(text: string): Promise<void>;
  /** Between two lines of dashes; waits for Enter where told to. */
  framed(text: string, wait?: boolean): Promise<void>;
  /** In red, on standard error. */
  complain(text: string): Promise<void>;
  /** On standard error, as it is. */
  remark(text: string): Promise<void>;
  /** @param missing what is said where nobody can be asked */
  yesNo(question: string, missing: string, labels?: [string, string]): Promise<boolean>;
  menu(question: string, choices: string[]): Promise<number | undefined>;
  input(question: string): Promise<string | undefined>;
  heading(text: string): Promise<void>;
}

/** @param quiet nothing but errors */
export function openDisplay(process: ContainerProcess, options: { quiet: boolean; asks: boolean }): Display {
  const terminal = process.tty !== undefined;
  const write = (text: string) => (options.quiet ? Promise.resolve() : process.stdout.write(text));
  const ask = async (prompt: string): Promise<string> => {
    await process.stdout.write(prompt);
    return readLine(process);
  };
  return {
    notify: (text) => write(`${text}\n`),
    async framed(text, wait = false) {
      const body = `\n${FRAME}\n${text}\n${FRAME}\n`;
      if (!wait) return write(body);
      await process.stdout.write(body);
      await ask('Press Enter to Continue');
    },
    complain: (text) => process.stderr.write(terminal ? `\x1b[31m${text}\x1b[0m\n` : `${text}\n`),
    remark: (text) => process.stderr.write(`${text}\n`),
    heading: (text) => write(terminal ? `\x1b[1m\n${text}\n\x1b[0m` : `${text}\n`),
    async yesNo(question, missing, [yes, no] = ['Yes', 'No']) {
      if (!options.asks) throw new CertbotError(missing);
      await process.stdout.write(`\n${FRAME}\n${wrapped(question)}\n${FRAME}\n`);
      for (;;) {
        const answer = (await ask(`${marked(yes)}/${marked(no)}: `)).toLowerCase();
        if (answer.startsWith(yes[0]!.toLowerCase())) return true;
        if (answer.startsWith(no[0]!.toLowerCase())) return false;
      }
    },
    async menu(question, choices) {
      // Nobody there keeps what there is.
      if (!options.asks) return 0;
      const rows = choices.map((choice, index) => `${index + 1}: ${choice}`).join('\n');
      await process.stdout.write(`\n${question}\n${FRAME}\n${rows}\n${FRAME}\n`);
      for (;;) {
        const answer = await ask(
          `Select the appropriate number [1-${choices.length}] then [enter] (press 'c' to cancel): `,
        );
        if (/^c/i.test(answer)) return undefined;
        const chosen = Number(answer);
        if (Number.isInteger(chosen) && chosen >= 1 && chosen <= choices.length) return chosen - 1;
        await process.stdout.write('\n** Error - Invalid selection **\n');
      }
    },
    async input(question) {
      if (!options.asks) return '';
      const answer = await ask(`${wrapped(question)} (Enter 'c' to cancel): `);
      return /^c(?:ancel)?$/i.test(answer) ? undefined : answer;
    },
  };
}

/** `(Y)es`: the letter that answers. */
const marked = (label: string): string => `(${label[0]})${label.slice(1)}`;

/** Lines of at most 80 letters, as certbot wraps what it asks. */
function wrapped(text: string): string {
  const wrapLine = (line: string): string[] => {
    const lines = [''];
    for (const word of line.split(' ')) {
      const last = lines.at(-1)!;
      if (last !== '' && `${last} ${word}`.length > 80) lines.push(word);
      else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
    }
    return lines;
  };
  return text.split('\n').flatMap(wrapLine).join('\n');
}

/** One line of what is typed; throws as Python does where nothing comes any more. */
async function readLine(process: ContainerProcess): Promise<string> {
  const { stdin, killed } = process;
  const parts: Uint8Array[] = [];
  for (;;) {
    const data = await process.idle(stdin.read(killed));
    if (!data) {
      if (parts.length > 0) return Buffer.concat(parts).toString();
      throw Object.assign(new Error('EOFError'), { python: 'EOFError' });
    }
    const at = data.indexOf(10);
    if (at < 0) {
      parts.push(data);
      continue;
    }
    stdin.unread(data.subarray(at + 1));
    parts.push(data.subarray(0, at));
    return Buffer.concat(parts).toString().replace(/\r$/, '');
  }
}
