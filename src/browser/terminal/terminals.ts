import '@xterm/xterm/css/xterm.css';
import './terminals.css';
import { mountKeyRow } from './key-row.ts';
import { createSession, type Session } from './session.ts';
import { terminalWords } from './words.ts';

export interface Terminals {
  /**
   * Types a command into a terminal that stands at its prompt: the one that is named, else the one in front. A terminal
   * that was only brought forward by its number (for a tunnel, say) is not taken for the learner's own choice.
   */
  run(command: string, terminal?: number): void;
  focus(): void;
  onState(listener: (state: { busy: boolean; connected: boolean }) => void): void;
}

/** More would not be found again in a row of tabs. */
const MOST = 4;
const REMEMBERED = 'atelier.terminals';

/** Terminals in tabs, in `host`; they outlive a reload on the server's side and come back as they were. */
export function mountTerminals(host: HTMLElement, { lang }: { lang: 'en' | 'fr' }): Terminals {
  const words = terminalWords[lang];
  const listeners: ((state: { busy: boolean; connected: boolean }) => void)[] = [];
  const sessions = new Map<string, { session: Session; panel: HTMLElement; tab: HTMLElement }>();
  const numbered = new Set<string>();
  let front = '1';

  host.classList.add('terminals');
  host.setAttribute('role', 'region');
  host.setAttribute('aria-label', words.region);
  const row = document.createElement('div');
  row.className = 'terminal-tabs';
  const list = document.createElement('div');
  list.className = 'terminal-tablist';
  list.setAttribute('role', 'tablist');
  const add = document.createElement('button');
  add.type = 'button';
  add.className = 'terminal-add';
  add.textContent = '+';
  add.setAttribute('aria-label', words.add);
  add.title = words.add;
  add.addEventListener('click', () => show(nextName()));
  const leave = document.createElement('span');
  leave.className = 'terminal-leave';
  leave.textContent = words.leave;
  row.append(list, add, leave);
  const stack = document.createElement('div');
  stack.className = 'terminal-stack';
  host.append(row, stack);
  mountKeyRow(host, words, (data) => sessions.get(front)?.session.type(data));

  function nextName(): string {
    for (let number = 1; number <= MOST; number++) if (!sessions.has(String(number))) return String(number);
    return front;
  }

  function open(name: string): void {
    const tab = document.createElement('button');
    tab.type = 'button';
    tab.id = `terminal-tab-${name}`;
    tab.setAttribute('role', 'tab');
    tab.setAttribute('aria-controls', `terminal-panel-${name}`);
    tab.textContent = words.tab(name);
    tab.addEventListener('click', () => {
      numbered.delete(name);
      show(name);
    });
    tab.addEventListener('keydown', (event) => step(event));
    list.append(tab);
    const panel = document.createElement('div');
    panel.className = 'terminal-panel';
    panel.id = `terminal-panel-${name}`;
    panel.setAttribute('role', 'tabpanel');
    panel.setAttribute('aria-labelledby', tab.id);
    stack.append(panel);
    const session = createSession(panel, {
      name,
      words,
      runElsewhere: (command) => {
        const idle = [...sessions].find(([other, entry]) => other !== name && !entry.session.busy)?.[0];
        const other = idle ?? nextName();
        return { name: other, act: () => runIn(other, command) };
      },
      onState: (state) => {
        tab.dataset.busy = String(state.busy);
        if (name === front) for (const listener of listeners) listener(state);
      },
    });
    sessions.set(name, { session, panel, tab });
    add.hidden = sessions.size >= MOST;
    sessionStorage.setItem(REMEMBERED, [...sessions.keys()].join());
  }

  function step(event: KeyboardEvent): void {
    const names = [...sessions.keys()];
    const move = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!move) return;
    event.preventDefault();
    const next = names[(names.indexOf(front) + move + names.length) % names.length] ?? front;
    show(next);
    sessions.get(next)?.tab.focus();
  }

  function show(name: string, focus = true): void {
    front = name;
    // Measured while visible: a hidden panel has no size to fit.
    if (!sessions.has(name)) open(name);
    for (const [each, { panel, tab }] of sessions) {
      panel.hidden = each !== name;
      tab.setAttribute('aria-selected', String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
    }
    sessions.get(name)?.session.fit();
    if (focus) sessions.get(name)?.session.focus();
  }

  function runIn(name: string, command: string): void {
    show(name);
    sessions.get(name)?.session.run(command);
  }

  const remembered = (sessionStorage.getItem(REMEMBERED) ?? '1').split(',').filter((name) => /^[1-9]$/.test(name));
  for (const name of remembered) open(name);
  // Opening must not steal the focus: a lesson begins with reading, and its keys scroll.
  show(remembered[0] ?? '1', false);

  new ResizeObserver(() => sessions.get(front)?.session.fit()).observe(stack);
  new MutationObserver(() => {
    for (const { session } of sessions.values()) {
      session.retheme();
      session.fit();
    }
  }).observe(document.documentElement, { attributeFilter: ['data-theme', 'data-bench', 'data-stage'] });

  return {
    run(command, terminal) {
      if (terminal && terminal > 1) numbered.add(String(terminal));
      runIn(terminal ? String(terminal) : numbered.has(front) ? '1' : front, command);
    },
    focus: () => sessions.get(front)?.session.focus(),
    onState: (listener) => void listeners.push(listener),
  };
}
