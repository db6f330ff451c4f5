import { FileError } from '../file-system.ts';
import type { ContainerProcess } from '../image.ts';
import { resolvePath } from '../process/open.ts';
import { applet } from './options.ts';

class TestError extends Error {}

const NUMERIC: Record<string, (a: bigint, b: bigint) => boolean> = {
  '-eq': (a, b) => a === b,
  '-ne': (a, b) => a !== b,
  '-lt': (a, b) => a < b,
  '-le': (a, b) => a <= b,
  '-gt': (a, b) => a > b,
  '-ge': (a, b) => a >= b,
};
const TEXT: Record<string, (a: string, b: string) => boolean> = {
  '=': (a, b) => a === b,
  '==': (a, b) => a === b,
  '!=': (a, b) => a !== b,
  '<': (a, b) => a < b,
  '>': (a, b) => a > b,
};
const UNARY = /^-[bcdefghknoprstuvwxzLOGS]$/;

function integer(text: string): bigint {
  if (!/^\s*[-+]?\d+\s*$/.test(text)) throw new TestError(`${text}: bad number`);
  return BigInt(text.trim().replace(/^\+/, ''));
}

function isTerminal(process: ContainerProcess, text: string): boolean {
  if (!process.tty) return false;
  const stream = [process.stdin, process.stdout, process.stderr][Number(text)] as { raw?: unknown } | undefined;
  return stream?.raw === undefined || stream.raw === process.tty;
}

function fileTest(process: ContainerProcess, operator: string, name: string): boolean {
  const path = name === '' ? '' : resolvePath(process, name);
  if (path === '') return false;
  try {
    if (operator === '-h' || operator === '-L') return process.fs.stat(path, { followLinks: false }).type === 'symlink';
    const stat = process.fs.stat(path);
    switch (operator) {
      case '-d':
        return stat.type === 'directory';
      case '-f':
        return stat.type === 'file';
      case '-c':
        return stat.type === 'device';
      case '-s':
        return stat.size > 0;
      case '-r':
      case '-w':
      case '-x':
        return process.fs.access(path, operator[1] as 'r' | 'w' | 'x');
      case '-u':
        return (stat.mode & 0o4000) !== 0;
      case '-g':
        return (stat.mode & 0o2000) !== 0;
      case '-k':
        return (stat.mode & 0o1000) !== 0;
      case '-O':
        return stat.uid === process.uid;
      case '-G':
        return stat.gid === process.gid;
      default:
        return operator === '-e';
    }
  } catch (error) {
    if (error instanceof FileError) return false;
    throw error;
  }
}

function evaluate(process: ContainerProcess, words: string[]): boolean {
  let at = 0;
  const unary = (operator: string, word: string): boolean => {
    if (operator === '-z') return word === '';
    if (operator === '-n') return word !== '';
    if (operator === '-t') return isTerminal(process, word);
    if (operator === '-v') return word in process.env;
    return fileTest(process, operator, word);
  };
  const primary = (): boolean => {
    const word = words[at];
    if (word === undefined) throw new TestError('argument expected');
    const operator = words[at + 1] ?? '';
    const right = words[at + 2];
    if (right !== undefined && (operator in NUMERIC || operator in TEXT || /^-(nt|ot|ef)$/.test(operator))) {
      at += 3;
      if (operator in NUMERIC) return NUMERIC[operator]!(integer(word), integer(right));
      if (operator in TEXT) return TEXT[operator]!(word, right);
      const [a, b] = [word, right].map((name) => modified(process, name));
      return operator === '-nt'
        ? a! > b!
        : operator === '-ot'
          ? a! < b!
          : resolvePath(process, word) === resolvePath(process, right);
    }
    if (word === '!') {
      at += 1;
      return !primary();
    }
    if (word === '(' && words.length > 1) {
      at += 1;
      const value = or();
      if (words[at] !== ')') throw new TestError('closing paren expected');
      at += 1;
      return value;
    }
    if (UNARY.test(word) && words[at + 1] !== undefined) {
      at += 2;
      return unary(word, words[at - 1] as string);
    }
    at += 1;
    return word !== '';
  };
  const and = (): boolean => {
    let value = primary();
    while (words[at] === '-a' || words[at] === '&&') {
      at += 1;
      value = primary() && value;
    }
    return value;
  };
  const or = (): boolean => {
    let value = and();
    while (words[at] === '-o' || words[at] === '||') {
      at += 1;
      value = and() || value;
    }
    return value;
  };
  if (words.length === 0) return false;
  const value = or();
  if (at < words.length) throw new TestError(`${words[at]}: unknown operand`);
  return value;
}

function modified(process: ContainerProcess, name: string): number {
  try {
    return process.fs.stat(resolvePath(process, name)).modified.getTime();
  } catch {
    // What does not exist is neither newer nor older.
    return Number.NaN;
  }
}

/** `test`, `[` and the simple forms of `[[`. */
export const test = applet(async ({ process, name, args, complain }) => {
  const words = [...args];
  const close = { '[': ']', '[[': ']]' }[name];
  if (close !== undefined && words.pop() !== close) {
    await complain(`missing ${close}`);
    return 2;
  }
  try {
    return evaluate(process, words) ? 0 : 1;
  } catch (error) {
    if (!(error instanceof TestError)) throw error;
    await process.stderr.write(`sh: ${error.message}\n`);
    return 2;
  }
});
