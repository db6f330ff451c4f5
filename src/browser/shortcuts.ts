import { MAP } from '../layouts/view.ts';
import { runCommand } from './commands.ts';
import type { TerminalDoor } from './terminal-door.ts';
import { changeView, currentView, flipTheme } from './view.ts';

interface Options {
  pane: HTMLElement;
  terminals: TerminalDoor;
  project(): void;
}

/** Keys that work wherever nothing is being typed; F6 works everywhere, the terminal included. */
export function wireShortcuts({ pane, terminals, project }: Options): void {
  const keys = document.querySelector<HTMLDialogElement>('[data-keys]');
  const stages = document.querySelectorAll('[data-stage-toggle]');
  const showStage = () => {
    for (const stage of stages) stage.setAttribute('aria-pressed', String(currentView().stage));
  };
  const follow = (rel: string) => document.querySelector<HTMLLinkElement>(`link[rel="${rel}"]`)?.href;
  const current = () => pane.querySelector<HTMLElement>('[data-step][data-state="current"]');
  const toggleStage = () => {
    changeView({ stage: !currentView().stage });
    document.querySelector<HTMLElement>('#lesson-menu')?.hidePopover();
    showStage();
  };
  const go = (href: string | undefined) => {
    if (href) location.href = href;
  };
  const actions: Record<string, () => void> = {
    r: () => {
      const next = current()?.querySelector<HTMLElement>('.step-body > [data-run]:not([data-used])');
      if (next) runCommand(next, terminals);
    },
    c: () => {
      const step = current();
      step?.scrollIntoView({ block: 'start', behavior: 'smooth' });
      step?.querySelector('summary')?.focus({ preventScroll: true });
    },
    p: project,
    s: toggleStage,
    m: () => void changeView({ map: currentView().map === 0 ? MAP.usual : 0 }),
    d: flipTheme,
    j: () => go(follow('next')),
    k: () => go(follow('prev')),
    '?': () => keys?.showModal(),
  };

  showStage();
  for (const stage of stages) stage.addEventListener('click', toggleStage);
  document.querySelector('[data-keys-open]')?.addEventListener('click', () => keys?.showModal());
  // In the capture phase, before the terminal takes the key.
  addEventListener(
    'keydown',
    (event) => {
      if (event.key === 'F6' && !event.ctrlKey && !event.altKey && !event.metaKey) {
        event.preventDefault();
        event.stopPropagation();
        if (event.shiftKey) terminals.host.querySelector<HTMLElement>('[role="tab"][aria-selected="true"]')?.focus();
        else if (terminals.host.contains(document.activeElement)) pane.focus();
        else terminals.focus();
        return;
      }
      if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target) || openDialog()) return;
      const action = actions[event.key.toLowerCase()];
      if (!action) return;
      event.preventDefault();
      action();
    },
    { capture: true },
  );

  function typing(target: EventTarget | null): boolean {
    if (!(target instanceof HTMLElement)) return false;
    const field = target.closest('input:not([type="radio"]), textarea, select, [contenteditable="true"]');
    return field !== null || terminals.host.contains(target);
  }
}

const openDialog = () => document.querySelector('dialog[open]') !== null;
