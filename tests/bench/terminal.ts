import { type Figure, percentile } from './figures.ts';
import { type Part, pause, type Workplace } from './part.ts';
import { type Measured, startNode } from './processes.ts';
import { PROMPT } from './shell.ts';
import { connectBare, connectOurs, reads, type TerminalClient } from './terminal-client.ts';

const KEYS = 250;
/** Milliseconds between two keys: no frame is delayed by the one before. */
const KEY_PAUSE = 8;
/** Keys after which the line is cleared, before it wraps. */
const LINE = 40;
const IDLE_SESSIONS = 200;
const PATIENCE = 10_000;
/** Milliseconds after which the bare server's Ctrl-C is given up; it would take minutes. */
const BARE_PATIENCE = 4000;
const SLOW_READER = 4 * 1024 * 1024;
/** Milliseconds of flood before Ctrl-C, and with a reader that has stalled. */
const FLOOD = 2000;
const BULK_LINES = 500_000;

interface Side {
  server: Measured;
  connect(viewer: string): Promise<TerminalClient>;
}

/** A terminal whose shell answers. */
async function readyTerminal(side: Side, viewer: string): Promise<TerminalClient> {
  const terminal = await side.connect(viewer);
  const said = reads(terminal, 'ready', PATIENCE);
  // Quoted, so that the echo of the command is not taken for its output.
  terminal.type(`PS1='${PROMPT}'; echo rea''dy\r`);
  await said;
  await pause(KEY_PAUSE);
  return terminal;
}

/** Milliseconds from a key to its echo, on both by turns: what else the machine does meets them alike. */
async function echoes(terminals: TerminalClient[]): Promise<number[][]> {
  const times: number[][] = terminals.map(() => []);
  for (let key = 1; key <= KEYS; key++) {
    for (const [index, terminal] of terminals.entries()) {
      const clearing = key % LINE === 0;
      const seen = reads(terminal, clearing ? '\x1b[K' : 'x', PATIENCE);
      terminal.type(clearing ? '\x15' : 'x');
      const took = await seen;
      if (!clearing) times[index]?.push(took);
      await pause(KEY_PAUSE);
    }
  }
  return times;
}

async function echo(ours: Side, bare: Side, where: string): Promise<Figure[]> {
  const terminals = [await readyTerminal(ours, 'typist'), await readyTerminal(bare, 'typist')];
  const [our = [], their = []] = await echoes(terminals);
  for (const terminal of terminals) terminal.close();
  const budgets: Record<string, number | undefined> = { p50: 1.25, p95: 1.4 };
  return Object.entries({ p50: 0.5, p95: 0.95, p99: 0.99 }).map(([name, share]): Figure => {
    const most = budgets[name];
    return {
      name: `keystroke echo ${name}, ${where}`,
      value: percentile(our, share),
      unit: 'ms',
      anchor: { name: 'bare ws + node-pty', value: percentile(their, share) },
      ...(most && { budget: { of: 'ratio', most } }),
    };
  });
}

async function idleSessions(side: Side): Promise<{ end(): void; kilobytes: number }> {
  const before = side.server.ownMemory();
  const terminals: TerminalClient[] = [];
  for (let index = 0; index < IDLE_SESSIONS; index++) terminals.push(await side.connect(`idle-${index}`));
  await readyTerminal(side, 'last').then((last) => last.close());
  return {
    kilobytes: ((side.server.ownMemory() - before) * 1024) / IDLE_SESSIONS,
    end() {
      for (const terminal of terminals) terminal.close();
    },
  };
}

/** Milliseconds from Ctrl-C under `yes` to the prompt, read at 4 MB/s. */
async function interrupt(side: Side, patience: number): Promise<number> {
  const terminal = await readyTerminal(side, 'interrupter');
  terminal.pace(SLOW_READER);
  terminal.type('yes\r');
  await pause(FLOOD);
  const prompt = reads(terminal, PROMPT, patience);
  terminal.type('\x03');
  return prompt.catch(() => patience).finally(() => terminal.close());
}

/** Megabytes by which the server grows while a reader has stopped and the shell has not. */
async function growth(side: Side): Promise<number> {
  const terminal = await readyTerminal(side, 'sleeper');
  terminal.type('yes\r');
  // What a flood costs that is read is not meant.
  await pause(FLOOD / 2);
  const before = side.server.ownMemory();
  terminal.stall();
  await pause(FLOOD);
  const grown = side.server.ownMemory() - before;
  terminal.close();
  return grown;
}

/** Megabytes a second of `seq`; rejects when a byte is missing or too many. */
async function bulk(side: Side): Promise<number> {
  const terminal = await readyTerminal(side, 'bulk');
  const chunks: Buffer[] = [];
  terminal.onOutput((data) => chunks.push(data));
  const ended = reads(terminal, 'end of it', 20_000);
  terminal.type(`seq 1 ${BULK_LINES}; echo end "of it"\r`);
  const took = await ended;
  terminal.close();
  const expected = `${Array.from({ length: BULK_LINES }, (_, index) => index + 1).join('\r\n')}\r\nend of it`;
  if (!Buffer.concat(chunks).toString('latin1').includes(expected)) throw new Error('bulk output is not exact');
  return expected.length / 1024 / 1024 / (took / 1000);
}

async function run(workplace: Workplace): Promise<Figure[]> {
  const start = async (file: string, connect: (port: string, viewer: string) => Promise<TerminalClient>) => {
    const server = await startNode(file, [], /^port (\d+)$/);
    workplace.atEnd(() => server.end());
    return { server, connect: (viewer: string) => connect(server.said, viewer) };
  };
  const ours: Side = await start('tests/bench/our-terminal.ts', connectOurs);
  const bare: Side = await start('tests/bench/bare-terminal.ts', connectBare);
  const name = 'bare ws + node-pty';
  const alone = await echo(ours, bare, '1 session');
  const our = await idleSessions(ours);
  const their = await idleSessions(bare);
  const crowded = await echo(ours, bare, `${IDLE_SESSIONS} idle sessions`);
  our.end();
  their.end();
  const ourBulk = await bulk(ours);
  const bareBulk = await bulk(bare);
  const ourInterrupt = await interrupt(ours, PATIENCE);
  const bareInterrupt = await interrupt(bare, BARE_PATIENCE);
  const ourGrowth = await growth(ours);
  const bareGrowth = await growth(bare);
  return [
    ...alone,
    ...crowded,
    {
      name: 'server memory of a session',
      value: our.kilobytes,
      unit: 'kB',
      anchor: { name, value: their.kilobytes },
      budget: { of: 'figure', most: 40 },
    },
    {
      name: 'bulk output, exact to the byte',
      value: ourBulk,
      unit: 'MB/s',
      anchor: { name, value: bareBulk },
      budget: { of: 'ratio', least: 0.6 },
    },
    {
      name: 'Ctrl-C under yes, read at 4 MB/s',
      value: ourInterrupt,
      unit: 'ms',
      anchor: { name: `${name}${bareInterrupt === BARE_PATIENCE ? ', given up' : ''}`, value: bareInterrupt },
      budget: { of: 'figure', most: 100 },
    },
    {
      name: `growth of the server, reader stalled for ${FLOOD / 1000} s`,
      value: ourGrowth,
      unit: 'MB',
      anchor: { name, value: bareGrowth },
      budget: { of: 'figure', most: 2 },
    },
  ];
}

export const terminal: Part = { name: 'terminal', patience: 90, run };
