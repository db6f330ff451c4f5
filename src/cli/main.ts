import { enableCompileCache } from 'node:module';
import path from 'node:path';
import { ROOT } from './project.ts';

// Stripped and compiled sources are kept, so that the second start does not compile again.
enableCompileCache(path.join(ROOT, 'node_modules/.cache/atelier'));

type Command = (args: string[]) => Promise<void>;

/** One file a command; loaded when called, so that none pays for the others. */
const COMMANDS: Record<string, () => Promise<Command>> = {
  start: async () => (await import('./commands/start.ts')).start,
  build: async () => (await import('./commands/build.ts')).build,
  dev: async () => (await import('./commands/build.ts')).dev,
  preview: async () => (await import('./commands/start.ts')).start,
  cluster: async () => (await import('./commands/cluster.ts')).cluster,
  test: async () => (await import('./commands/test.ts')).test,
  verify: async () => (await import('./commands/test.ts')).verify,
  bench: async () => (await import('./commands/bench.ts')).bench,
  soak: async () => (await import('./commands/soak.ts')).soak,
  lessons: async () => (await import('./commands/lessons.ts')).lessons,
  parity: async () => (await import('./commands/parity.ts')).parity,
  facts: async () => (await import('./commands/facts.ts')).facts,
};

const [name = 'start', ...args] = process.argv.slice(2);
const command = COMMANDS[name];
if (!command) {
  process.stderr.write(`atelier: there is no command ${name}: use ${Object.keys(COMMANDS).join(', ')}.\n`);
  process.exit(2);
}
if (process.channel) {
  // Whoever started this is gone: end as if asked to.
  process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'));
  process.channel.unref();
}
try {
  await (await command())(args);
} catch (error) {
  // A signal ended it, and that is what was asked for.
  if ((error as Error).name === 'AbortError') process.exit(0);
  // Told by name, as this file loads nothing that every command does not need.
  const { name: kind, message, stack, code, exitCode = 1 } = error as Error & { exitCode?: number; code?: unknown };
  // A refusal of a cluster has a number there.
  const misused = typeof code === 'string' && code.startsWith('ERR_PARSE_ARGS');
  const text = misused
    ? `${message.split(/\.\s/)[0]}: README.md tells what ${name} takes.`
    : kind === 'UserError'
      ? message
      : stack;
  process.stderr.write(`atelier: ${text}\n`);
  process.exit(misused ? 2 : exitCode);
}
