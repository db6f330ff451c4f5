import type { Control } from '../../gateway/frames.ts';
import { type Connection, connectTerminal } from './connection.ts';
import { confirmPaste, showOffer } from './dialogs.ts';
import { createScreen } from './screen.ts';
import type { TerminalWords } from './words.ts';

export interface SessionOptions {
  name: string;
  words: TerminalWords;
  /** Runs the command in the other terminal, when this one is busy. */
  runElsewhere(command: string): { name: string; act(): void };
  onState(state: { busy: boolean; connected: boolean }): void;
}

export interface Session {
  readonly busy: boolean;
  run(command: string): void;
  type(data: string): void;
  fit(): void;
  retheme(): void;
  focus(): void;
  close(): void;
}

/** One terminal of the page: the screen, the wire behind it, and what is said between them. */
export function createSession(panel: HTMLElement, options: SessionOptions): Session {
  const { words } = options;
  const screenHost = document.createElement('div');
  screenHost.className = 'terminal-screen';
  panel.append(screenHost);
  const notice = document.createElement('p');
  notice.className = 'terminal-notice';
  notice.setAttribute('role', 'status');
  notice.textContent = words.connecting;
  panel.append(notice);

  const screen = createScreen(screenHost, () => owner && screen.fit());
  const { terminal } = screen;
  let replaying = false;
  let busy = true;
  let connected = false;
  let owner = true;
  let withdraw: (() => void) | undefined;
  /** Commands clicked before the shell stood at its prompt. */
  let waiting: string[] = [];
  /** What the shell is at has not been told yet. */
  let first = true;

  const say = (text: string) => {
    notice.textContent = text;
    notice.hidden = text === '';
  };
  const send = (data: string) => {
    // A terminal answers some sequences by itself; answers to a replay would be typed into the shell.
    if (!replaying) connection.send({ kind: 'input', data: new TextEncoder().encode(data) });
  };

  function onControl(control: Control): void {
    switch (control.type) {
      case 'hello':
        first = true;
        if (control.reset) {
          replaying = true;
          terminal.reset();
        }
        say(control.fresh ? words.fresh : '');
        break;
      case 'live':
        // An empty write calls back when the replay before it is parsed.
        terminal.write('', () => {
          replaying = false;
        });
        break;
      case 'state':
        if (busy && !control.busy) panel.dataset.prompts = String(Number(panel.dataset.prompts ?? 0) + 1);
        busy = control.busy;
        if (!busy) withdraw?.();
        tell();
        // A shell that was at work before this page came may not get to its prompt by itself: that is offered.
        if (!busy || (first && control.command)) release();
        first = false;
        break;
      case 'owner':
        owner = control.owner;
        if (!owner) terminal.resize(control.columns, control.rows);
        else fitAsOwner(control);
        offerTake();
        break;
      case 'refused':
        offerWayOut(control.command, control.running);
        break;
      case 'exit':
        showOffer(panel, words.exited(control.code), [{ label: words.restart, act: () => connection.restart() }]);
    }
  }

  /** What the terminal became while the wire was not up yet, nobody was told. */
  function fitAsOwner({ columns, rows }: { columns: number; rows: number }): void {
    screen.fit();
    if (terminal.cols === columns && terminal.rows === rows) return;
    connection.send({ kind: 'resize', columns: terminal.cols, rows: terminal.rows });
  }

  function tell(): void {
    panel.dataset.busy = String(busy);
    options.onState({ busy, connected });
  }

  function release(): void {
    const [command] = waiting.splice(0, 1);
    if (command !== undefined) connection.send({ kind: 'run', command });
  }

  function offerTake(): void {
    panel.querySelector('.terminal-take')?.remove();
    if (owner) return;
    const bar = document.createElement('div');
    bar.className = 'terminal-take';
    const button = document.createElement('button');
    button.type = 'button';
    button.textContent = words.take;
    button.addEventListener('click', () => {
      screen.fit();
      connection.send({ kind: 'resize', columns: terminal.cols, rows: terminal.rows });
      connection.send({ kind: 'take' });
    });
    bar.append(words.elsewhere, ' ', button);
    panel.append(bar);
  }

  function offerWayOut(command: string, running: string): void {
    const elsewhere = options.runElsewhere(command);
    withdraw?.();
    withdraw = showOffer(panel, words.busy(running), [
      { label: words.useOther(elsewhere.name), act: elsewhere.act },
      {
        label: words.interrupt,
        act: () => {
          waiting = [command];
          send('\u0003');
          terminal.focus();
        },
      },
      { label: words.cancel, act: () => terminal.focus() },
    ]);
  }

  // Before anybody listens to sizes: the connection asks for the first one itself.
  screen.fit();
  terminal.onData((data) => {
    // Whoever goes on has read what was said.
    if (connected) say('');
    send(data);
  });
  terminal.onResize(({ cols, rows }) => {
    if (owner) connection.send({ kind: 'resize', columns: cols, rows });
  });
  terminal.attachCustomKeyEventHandler((event) => event.key !== 'F6');
  screenHost.addEventListener(
    'paste',
    (event) => {
      const text = event.clipboardData?.getData('text/plain') ?? '';
      if (!text.trimEnd().includes('\n') || busy) return;
      event.preventDefault();
      event.stopPropagation();
      void confirmPaste(panel, text, words).then((agreed) => {
        if (agreed) terminal.paste(text);
        terminal.focus();
      });
    },
    { capture: true },
  );

  const connection: Connection = connectTerminal(options.name, {
    onControl,
    onBytes: (data, _replay, parsed) => terminal.write(data, parsed),
    onWire(up) {
      connected = up;
      if (!up) say(words.lost);
      tell();
    },
    size: () => ({ columns: terminal.cols, rows: terminal.rows }),
  });

  return {
    get busy() {
      return busy;
    },
    run(command) {
      if (connected) connection.send({ kind: 'run', command });
      else waiting.push(command);
      terminal.focus();
    },
    type: send,
    fit() {
      if (owner) screen.fit();
    },
    retheme: () => screen.retheme(),
    focus: () => terminal.focus(),
    close() {
      connection.close();
      screen.dispose();
    },
  };
}
