import { expect, test } from 'vitest';
import { type Control, decodeControl, FROM_SERVER } from '../../../../src/gateway/frames.ts';
import { createTerminal, type Peer, RING_BYTES, type ShellProcess } from '../../../../src/gateway/terminal.ts';

const PROMPT = '\u001b]133;A\u0007$ \u001b]133;B\u0007';
const SIZE = { columns: 80, rows: 24 };

function fakeShell() {
  let emit: (data: Uint8Array) => void = () => {};
  const seen = { written: '', paused: 0, resumed: 0, sizes: [] as string[] };
  const shell: ShellProcess = {
    write: (data) => {
      seen.written += new TextDecoder().decode(data);
    },
    resize: (columns, rows) => void seen.sizes.push(`${columns}x${rows}`),
    pause: () => void seen.paused++,
    resume: () => void seen.resumed++,
    onData: (listener) => {
      emit = listener;
    },
    onExit: () => undefined,
    close: async () => undefined,
  };
  return { shell, seen, print: (text: string) => emit(new TextEncoder().encode(text)) };
}

function fakePeer() {
  const controls: Control[] = [];
  let output = '';
  let replay = '';
  let closed: string | undefined;
  const peer: Peer = {
    buffered: 0,
    close: (reason) => {
      closed = reason;
    },
    send(frame) {
      const text = new TextDecoder().decode(frame.subarray(1));
      if (frame[0] === FROM_SERVER.output) output += text;
      else if (frame[0] === FROM_SERVER.replay) replay += text;
      else controls.push(decodeControl(frame.subarray(1)));
    },
  };
  const hello = () => controls.find((control) => control.type === 'hello') as Extract<Control, { type: 'hello' }>;
  return { peer, controls, hello, output: () => output, replay: () => replay, closed: () => closed };
}

const quiet = { onCommand: () => undefined, onExit: () => undefined };

test('a tab that comes back gets exactly the bytes it missed', async () => {
  const { shell, print } = fakeShell();
  const terminal = createTerminal(shell, SIZE, quiet);
  const first = fakePeer();
  const attachment = await terminal.attach(first.peer, SIZE);
  print('one ');
  attachment.detach();
  print('two ');
  const second = fakePeer();
  await terminal.attach(second.peer, { ...SIZE, shell: first.hello().shell, offset: 4 });
  expect(second.hello()).toMatchObject({ reset: false, fresh: false, offset: 4 });
  expect(second.output()).toBe('two ');
  expect(second.replay()).toBe('');
});

test('a tab of another shell is told that this one is fresh, and sees all of it', async () => {
  const { shell, print } = fakeShell();
  const terminal = createTerminal(shell, SIZE, quiet);
  print('hello');
  const { peer, hello, replay } = fakePeer();
  await terminal.attach(peer, { ...SIZE, shell: 'of-a-server-that-was-killed', offset: 7 });
  expect(hello()).toMatchObject({ reset: true, fresh: true, offset: 5 });
  expect(replay()).toBe('hello');
});

test('after more output than the ring holds, the screen is drawn again and nothing is counted twice', async () => {
  const { shell, print } = fakeShell();
  const terminal = createTerminal(shell, SIZE, quiet);
  for (let line = 0; line < 20_000; line++) print(`line ${line} of a long log\r\n`);
  print('the end');
  const { peer, hello, replay, output } = fakePeer();
  await terminal.attach(peer, SIZE);
  expect(hello().reset).toBe(true);
  expect(replay()).toContain('line 19999 of a long log');
  expect(replay() + output()).toContain('the end');
  expect(hello().offset).toBeGreaterThan(RING_BYTES);
  terminal.close();
});

test('a reader that does not acknowledge pauses the shell; acknowledging lets it go on', async () => {
  const { shell, seen, print } = fakeShell();
  const terminal = createTerminal(shell, SIZE, quiet);
  const { peer } = fakePeer();
  const attachment = await terminal.attach(peer, SIZE);
  print('x'.repeat(200 * 1024));
  expect(seen.paused).toBe(0);
  print('x'.repeat(100 * 1024));
  expect(seen.paused).toBe(1);
  attachment.receive({ kind: 'acknowledge', offset: 200 * 1024 });
  expect(seen.resumed).toBe(0);
  attachment.receive({ kind: 'acknowledge', offset: 290 * 1024 });
  // The screen kept on the server has to catch up as well.
  await expect.poll(() => seen.resumed).toBe(1);
  terminal.close();
});

test('a second tab that lags is cut off, and never stops the first', async () => {
  const { shell, seen, print } = fakeShell();
  const terminal = createTerminal(shell, SIZE, quiet);
  const front = fakePeer();
  const lagging = fakePeer();
  const attachment = await terminal.attach(front.peer, SIZE);
  await terminal.attach(lagging.peer, SIZE);
  for (let sent = 0; sent < 2 * 1024 * 1024; sent += 128 * 1024) {
    print('x'.repeat(128 * 1024));
    attachment.receive({ kind: 'acknowledge', offset: sent + 128 * 1024 });
  }
  expect(lagging.closed()).toBe('lagging');
  expect(front.closed()).toBeUndefined();
  await expect.poll(() => seen.resumed).toBe(seen.paused);
  terminal.close();
});

test('a command is typed at the prompt and refused while another runs', async () => {
  const { shell, seen, print } = fakeShell();
  const commands: string[] = [];
  const terminal = createTerminal(shell, SIZE, { ...quiet, onCommand: ({ command }) => commands.push(command) });
  const { peer, controls } = fakePeer();
  const attachment = await terminal.attach(peer, SIZE);
  print(PROMPT);
  attachment.receive({ kind: 'run', command: 'vim notes' });
  expect(seen.written.endsWith('vim notes\r')).toBe(true);
  print('\u001b]133;C;vim notes\u0007');
  const before = seen.written;
  attachment.receive({ kind: 'run', command: 'rm -r work' });
  expect(seen.written).toBe(before);
  expect(controls.at(-1)).toEqual({ type: 'refused', command: 'rm -r work', running: 'vim notes' });
  print(`\u001b]133;D;0\u0007${PROMPT}`);
  expect(commands).toEqual(['vim notes']);
  attachment.receive({ kind: 'run', command: 'line 1\nline 2' });
  expect(seen.written.endsWith('\u001b[200~line 1\nline 2\u001b[201~\r')).toBe(true);
});

test('the first tab decides the size until another takes over', async () => {
  const { shell, seen } = fakeShell();
  const terminal = createTerminal(shell, SIZE, quiet);
  const one = fakePeer();
  const two = fakePeer();
  const first = await terminal.attach(one.peer, { columns: 100, rows: 30 });
  const second = await terminal.attach(two.peer, { columns: 60, rows: 20 });
  second.receive({ kind: 'resize', columns: 61, rows: 21 });
  expect(seen.sizes).toEqual(['100x30']);
  second.receive({ kind: 'take' });
  expect(seen.sizes).toEqual(['100x30', '61x21']);
  expect(one.controls.at(-1)).toEqual({ type: 'owner', owner: false, columns: 61, rows: 21 });
  second.detach();
  expect(seen.sizes.at(-1)).toBe('100x30');
  first.detach();
});
