/** What the terminal itself says, in both languages. */
export interface TerminalWords {
  region: string;
  tab: (name: string) => string;
  add: string;
  close: (name: string) => string;
  connecting: string;
  lost: string;
  fresh: string;
  exited: (code: number) => string;
  restart: string;
  elsewhere: string;
  take: string;
  busy: (running: string) => string;
  useOther: (name: string) => string;
  interrupt: string;
  cancel: string;
  pasteTitle: (lines: number) => string;
  paste: string;
  keys: string;
  leave: string;
}

const en: TerminalWords = {
  region: 'Terminal',
  tab: (name) => (name === '1' ? 'Terminal' : `Terminal ${name}`),
  add: 'Open another terminal',
  close: (name) => `Close terminal ${name}`,
  connecting: 'Connecting to your shell…',
  lost: 'The connection is gone. Trying again…',
  fresh: 'The server was started again, so this is a new shell. Your progress and your files are as they were.',
  exited: (code) => `The shell has ended (${code}).`,
  restart: 'Start a new one',
  elsewhere: 'Another tab decides the size of this terminal.',
  take: 'Fit it here',
  busy: (running) => `“${running}” is still running here.`,
  useOther: (name) => `Run it in terminal ${name}`,
  interrupt: 'Stop it (Ctrl-C), then run',
  cancel: 'Cancel',
  pasteTitle: (lines) => `Paste ${lines} lines into the shell?`,
  paste: 'Paste',
  keys: 'Keys',
  leave: 'F6 leaves the terminal',
};

const fr: TerminalWords = {
  region: 'Terminal',
  tab: (name) => (name === '1' ? 'Terminal' : `Terminal ${name}`),
  add: 'Ouvrir un autre terminal',
  close: (name) => `Fermer le terminal ${name}`,
  connecting: 'Connexion à votre shell…',
  lost: 'La connexion est coupée. Nouvel essai…',
  fresh: 'Le serveur a redémarré : ce shell est donc neuf. Votre progression et vos fichiers n’ont pas changé.',
  exited: (code) => `Le shell s’est terminé (${code}).`,
  restart: 'En ouvrir un nouveau',
  elsewhere: 'Un autre onglet décide de la taille de ce terminal.',
  take: 'L’ajuster ici',
  busy: (running) => `« ${running} » est encore en cours ici.`,
  useOther: (name) => `Lancer dans le terminal ${name}`,
  interrupt: 'L’arrêter (Ctrl-C), puis lancer',
  cancel: 'Annuler',
  pasteTitle: (lines) => `Coller ${lines} lignes dans le shell ?`,
  paste: 'Coller',
  keys: 'Touches',
  leave: 'F6 pour quitter le terminal',
};

export const terminalWords = { en, fr };
