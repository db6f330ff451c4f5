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
  lessons: async () => (await import('./commands/lessons.ts')).lessons,
  parity: async () => (await import('./commands/parity.ts')).parity,
};

const [name = 'start', ...args] = process.argv.slice(2);
const command = COMMANDS[name];
if (!command) {
  process.stderr.write(`atelier: there is no command ${name}: use ${Object.keys(COMMANDS).join(', ')}.\n`);
  process.exit(2);
}
try {
  await (await command())(args);
} catch (error) {
  // Told by name, as this file loads nothing that every command does not need.
  const { message, stack, exitCode = 1 } = error as Error & { exitCode?: number };
  process.stderr.write(`atelier: ${(error as Error).name === 'UserError' ? message : stack}\n`);
  process.exit(exitCode);
}
