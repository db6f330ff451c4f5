import { parseSignal, SIGNAL_NUMBERS } from '../../process/signals.ts';
import type { Interpreter } from '../interpreter.ts';
import type { Job } from '../state.ts';
import type { Builtin } from './index.ts';

function jobOf(shell: Interpreter, word: string): Job | undefined {
  const { jobs } = shell.state;
  if (word === '%' || word === '%%' || word === '%+') return jobs.at(-1);
  if (word.startsWith('%')) return jobs.find((job) => String(job.id) === word.slice(1));
  return jobs.find((job) => String(job.pid) === word);
}

const wait: Builtin = async (shell, args) => {
  const { state } = shell;
  if (args.length === 0) {
    while (state.jobs.length > 0) {
      const code = await shell.waitFor(Promise.all(state.jobs.map((job) => job.child.exit)).then(() => -1));
      if (code !== -1) return code;
      state.jobs = [];
    }
    return 0;
  }
  let status = 0;
  for (const word of args) {
    const job = jobOf(shell, word);
    status = job ? await shell.waitFor(job.child.exit) : 127;
    if (job?.status !== undefined) state.jobs = state.jobs.filter((other) => other !== job);
  }
  return status;
};

const kill: Builtin = async (shell, args) => {
  let words = args;
  let signal = parseSignal('TERM');
  if (words[0] === '-l') {
    await shell.output.write(
      `${Object.entries(SIGNAL_NUMBERS)
        .map(([name, number]) => `${String(number).padStart(2)}) ${name.slice(3)}`)
        .join('\n')}\n`,
    );
    return 0;
  }
  const option = words[0];
  if (option?.startsWith('-') && option !== '--') {
    const name = option === '-s' ? (words[1] ?? '') : option.slice(1);
    words = words.slice(option === '-s' ? 2 : 1);
    signal = name === '0' ? undefined : parseSignal(name);
    if (!signal && name !== '0') {
      await shell.complain(`kill: bad signal name '${name}'`);
      return 1;
    }
  }
  if (words[0] === '--') words = words.slice(1);
  let status = 0;
  for (const word of words) {
    const job = word.startsWith('%') ? jobOf(shell, word) : undefined;
    if (!job && word.startsWith('%')) {
      await shell.complain(`kill: ${word}: no such job`);
      return 2;
    }
    if (!job && !/^-?\d+$/.test(word)) {
      await shell.complain(`kill: invalid number '${word}'`);
      status = 1;
      continue;
    }
    const pid = job?.pid ?? Number(word);
    const rows = shell.process.container.processes();
    const targets = pid === -1 ? rows.filter((row) => row.pid !== 1).map((row) => row.pid) : [Math.abs(pid)];
    if (!targets.every((target) => rows.some((row) => row.pid === target))) {
      await shell.complain(`can't kill pid ${word}: No such process`);
      status = 1;
    } else if (signal) for (const target of targets) shell.process.container.signal(target, signal);
  }
  return status;
};

export const jobBuiltins: Record<string, Builtin> = {
  wait,
  kill,
  jobs: async (shell) => {
    for (const job of shell.state.jobs) {
      const state = job.status === undefined ? 'Running' : job.status === 0 ? 'Done' : `Done(${job.status})`;
      await shell.output.write(
        `[${job.id}]${job === shell.state.jobs.at(-1) ? '+' : ' '}  ${state.padEnd(24)}${job.text}\n`,
      );
    }
    shell.state.jobs = shell.state.jobs.filter((job) => job.status === undefined);
    return 0;
  },
  fg: async (shell, [word = '%%']) => {
    const job = jobOf(shell, word);
    if (!job) {
      await shell.complain(`fg: no current job`);
      return 2;
    }
    await shell.output.write(`${job.text}\n`);
    const { tty } = shell.process;
    if (tty) tty.foreground = job.pid;
    const code = await shell.waitFor(job.child.exit);
    if (tty) tty.foreground = shell.process.group;
    shell.state.jobs = shell.state.jobs.filter((other) => other !== job);
    return code;
  },
  bg: async () => 0,
};
