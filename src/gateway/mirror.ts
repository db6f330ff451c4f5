/** A screen kept on the server, for clients that come back after more output than the ring holds. */
export interface Mirror {
  write(data: Uint8Array): void;
  resize(columns: number, rows: number): void;
  /** Forgets all: what comes next does not follow what came before. */
  reset(): void;
  /** Everything needed to draw the screen again, scrollback, modes and cursor included. */
  serialize(): Promise<string>;
  close(): void;
}

/** Costs 2–3 MiB and parses every byte: made only once the ring overflows. */
export async function createMirror(columns: number, rows: number): Promise<Mirror> {
  const [{ Terminal }, { SerializeAddon }] = await Promise.all([
    import('@xterm/headless').then((module) => module.default),
    import('@xterm/addon-serialize').then((module) => module.default),
  ]);
  const terminal = new Terminal({ cols: columns, rows, scrollback: 1000, allowProposedApi: true });
  const serializer = new SerializeAddon();
  terminal.loadAddon(serializer as never);
  return {
    write: (data) => terminal.write(data),
    resize: (newColumns, newRows) => terminal.resize(newColumns, newRows),
    reset: () => terminal.reset(),
    serialize: () =>
      // An empty write calls back when all before it is parsed.
      new Promise((resolve) => terminal.write('', () => resolve(serializer.serialize()))),
    close: () => terminal.dispose(),
  };
}
