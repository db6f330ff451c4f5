import type { Terminals } from './terminal/terminals.ts';

/** The shells' half of the bench: loaded after the page can be read, asked for by everything that runs a command. */
export interface TerminalDoor {
  /** Resolves when the command has been handed over. */
  run(command: string, terminal?: number): Promise<void>;
  focus(): void;
  host: HTMLElement;
}

export function openTerminals(host: HTMLElement, lang: 'en' | 'fr', onFailure: () => void): TerminalDoor {
  let loading: Promise<Terminals | undefined> | undefined;
  const load = () => {
    loading ??= import('./terminal/terminals.ts')
      .then(({ mountTerminals }) => {
        host.replaceChildren();
        return mountTerminals(host, { lang });
      })
      .catch((): undefined => {
        loading = undefined;
        onFailure();
      });
    return loading;
  };
  // After the first paint: what is read comes before what is typed.
  requestAnimationFrame(() => setTimeout(load));
  return {
    host,
    run: (command, terminal) => load().then((terminals) => terminals?.run(command, terminal)),
    focus: () => void load().then((terminals) => terminals?.focus()),
  };
}
