import { randomUUID } from 'node:crypto';
import { type ClientFrame, type Control, encodeControl, FROM_SERVER, tagged } from './frames.ts';
import { type FinishedCommand, readMarks } from './marks.ts';
import { createMirror, type Mirror } from './mirror.ts';
import { createRing } from './ring.ts';

/** What the gateway needs of a shell, wherever it runs. */
export interface ShellProcess {
  write(data: Uint8Array): void;
  resize(columns: number, rows: number): void;
  pause(): void;
  resume(): void;
  onData(listener: (data: Uint8Array) => void): void;
  onExit(listener: (code: number) => void): void;
  /** Resolves when it is gone. */
  close(): Promise<void>;
}

/** One browser tab's end of the wire. */
export interface Peer {
  send(frame: Uint8Array): void;
  /** Bytes that wait in this process for the network. */
  readonly buffered: number;
  close(reason: 'lagging'): void;
}

export interface Attachment {
  receive(frame: ClientFrame): void;
  detach(): void;
}

export interface AttachOptions {
  /** What the client has shown: of which shell, up to where. */
  shell?: string;
  offset?: number;
  columns: number;
  rows: number;
}

export interface Terminal {
  attach(peer: Peer, options: AttachOptions): Promise<Attachment>;
  readonly busy: boolean;
  close(): Promise<void>;
}

export const RING_BYTES = 256 * 1024;
/** Bytes after which a screen is kept: before the ring overflows, so that none is missed in quiet work. */
const MIRROR_FROM = RING_BYTES / 2;
/** Milliseconds without output after which the shell counts as quiet. */
const QUIET_MILLISECONDS = 50;
/** Unparsed bytes above which the shell is paused, and below which it goes on. */
const HIGH_MARK = 256 * 1024;
const LOW_MARK = 64 * 1024;
/** A second tab that is this far behind is cut off; it comes back by replay. */
const LAG_LIMIT = 1024 * 1024;
/** Milliseconds and bytes that output is gathered for after a frame went out. */
const GATHER_MILLISECONDS = 4;
const GATHER_BYTES = 64 * 1024;

interface Client {
  peer: Peer;
  acknowledged: number;
  columns: number;
  rows: number;
}

/** A shell and those who look at it. `onCommand` hears each finished command; `onExit` that the shell is gone. */
export function createTerminal(
  shell: ShellProcess,
  size: { columns: number; rows: number },
  listener: { onCommand(finished: FinishedCommand): void; onExit(code: number): void },
): Terminal {
  const id = randomUUID();
  const ring = createRing(RING_BYTES);
  const clients: Client[] = [];
  let mirror: Promise<Mirror> | undefined;
  let gathered: Uint8Array[] = [];
  let gatheredBytes = 0;
  let sentAt = 0;
  let timer: NodeJS.Timeout | undefined;
  let paused = false;
  /** Offset up to which the mirror has been told. */
  let mirrored = 0;
  let quiet: NodeJS.Timeout | undefined;
  let { columns, rows } = size;

  const tell = (client: Client, control: Control) => client.peer.send(encodeControl(control));
  const marks = readMarks({
    onState: (busy, command) => {
      flush();
      for (const client of clients) tell(client, { type: 'state', busy, command });
    },
    onCommand: listener.onCommand,
  });

  function flush(): void {
    clearTimeout(timer);
    timer = undefined;
    if (gatheredBytes === 0) return;
    const frame = tagged(FROM_SERVER.output, Buffer.concat(gathered));
    gathered = [];
    gatheredBytes = 0;
    sentAt = performance.now();
    for (const client of [...clients]) {
      if (client !== clients[0] && ring.end - client.acknowledged > LAG_LIMIT) drop(client);
      else client.peer.send(frame);
    }
  }

  function drop(client: Client): void {
    remove(client);
    client.peer.close('lagging');
  }

  /** Only the one who decides the size slows the shell down: a tab asleep in the background must not stop the other. */
  function balance(): void {
    const owner = clients[0];
    const unread = owner ? Math.max(ring.end - owner.acknowledged, owner.peer.buffered) : 0;
    if (!paused && unread > HIGH_MARK) {
      paused = true;
      shell.pause();
    } else if (paused && unread < LOW_MARK) {
      paused = false;
      shell.resume();
    }
  }

  /** Parsing every byte would halve a flood's throughput: the screen catches up when the shell is quiet, or is asked for. */
  function mirrorSoon(): void {
    if (ring.end < MIRROR_FROM) return;
    if (quiet) quiet.refresh();
    else quiet = setTimeout(() => void catchUp(), QUIET_MILLISECONDS).unref();
  }

  /** The screen with all that was printed so far, and the offset it stands for. */
  async function catchUp(): Promise<{ screen: Mirror; offset: number }> {
    mirror ??= createMirror(columns, rows);
    const screen = await mirror;
    if (mirrored < ring.start) {
      // More than a ringful came in between: what is left of it is a log, and stands for itself.
      screen.reset();
      mirrored = ring.start;
    }
    const missed = ring.from(mirrored);
    if (missed && missed.length > 0) screen.write(missed);
    mirrored = ring.end;
    return { screen, offset: mirrored };
  }

  shell.onData((data) => {
    ring.push(data);
    mirrorSoon();
    gathered.push(data);
    gatheredBytes += data.length;
    const idle = performance.now() - sentAt >= GATHER_MILLISECONDS;
    if (idle || gatheredBytes >= GATHER_BYTES) flush();
    else timer ??= setTimeout(flush, GATHER_MILLISECONDS);
    marks.push(data);
    balance();
  });
  shell.onExit((code) => {
    flush();
    for (const client of clients) tell(client, { type: 'exit', code });
    listener.onExit(code);
  });

  function remove(client: Client): void {
    const at = clients.indexOf(client);
    if (at < 0) return;
    clients.splice(at, 1);
    if (at === 0 && clients[0]) own(clients[0]);
    balance();
  }

  function own(client: Client): void {
    clients.splice(clients.indexOf(client), 1);
    clients.unshift(client);
    setSize(client.columns, client.rows);
    for (const each of clients) tell(each, { type: 'owner', owner: each === client, columns, rows });
    balance();
  }

  function setSize(newColumns: number, newRows: number): void {
    if (newColumns === columns && newRows === rows) return;
    columns = newColumns;
    rows = newRows;
    shell.resize(columns, rows);
    mirror?.then((screen) => screen.resize(columns, rows));
  }

  function receive(client: Client, frame: ClientFrame): void {
    switch (frame.kind) {
      case 'input':
        shell.write(frame.data);
        break;
      case 'run':
        if (marks.busy) tell(client, { type: 'refused', command: frame.command, running: marks.command });
        else shell.write(typed(frame.command));
        break;
      case 'acknowledge':
        // A lost acknowledgement heals with the next one: they count from the shell's start.
        client.acknowledged = Math.min(ring.end, Math.max(client.acknowledged, frame.offset));
        balance();
        break;
      case 'take':
        own(client);
        break;
      case 'resize':
        resize(client, frame.columns, frame.rows);
    }
  }

  function resize(client: Client, newColumns: number, newRows: number): void {
    client.columns = newColumns;
    client.rows = newRows;
    if (clients[0] !== client) return;
    setSize(newColumns, newRows);
    for (const each of clients.slice(1)) tell(each, { type: 'owner', owner: false, columns, rows });
  }

  /** Everything a new client must be shown, and the offset it stands for. */
  async function picture(): Promise<{ replay: Uint8Array; offset: number }> {
    for (;;) {
      if (ring.start === 0) return { replay: ring.from(0) ?? new Uint8Array(), offset: ring.end };
      const { screen, offset } = await catchUp();
      const replay = new TextEncoder().encode(await screen.serialize());
      // More than a ringful was printed meanwhile: draw again.
      if (offset >= ring.start) return { replay, offset };
    }
  }

  return {
    get busy() {
      return marks.busy;
    },
    async attach(peer, options) {
      const known = options.shell === id && options.offset !== undefined && ring.from(options.offset) !== undefined;
      const shown = known ? undefined : await picture();
      flush();
      const offset = shown?.offset ?? options.offset ?? 0;
      const client: Client = { peer, acknowledged: offset, columns: options.columns, rows: options.rows };
      const fresh = options.shell !== undefined && options.shell !== id;
      tell(client, { type: 'hello', shell: id, offset, reset: !known, fresh });
      if (shown && shown.replay.length > 0) peer.send(tagged(FROM_SERVER.replay, shown.replay));
      const missed = ring.from(offset);
      if (missed && missed.length > 0) peer.send(tagged(FROM_SERVER.output, missed));
      tell(client, { type: 'live' });
      tell(client, { type: 'state', busy: marks.busy, command: marks.command });
      clients.push(client);
      if (clients.length === 1) own(client);
      else tell(client, { type: 'owner', owner: false, columns, rows });
      return { receive: (frame) => receive(client, frame), detach: () => remove(client) };
    },
    async close() {
      clearTimeout(timer);
      await shell.close();
      (await mirror)?.close();
    },
  };
}

/** What a person would have typed: a half-written line is cleared first; several lines go as one paste. */
function typed(command: string): Uint8Array {
  const clear = '\u0005\u0015';
  const text = command.includes('\n') ? `\u001b[200~${command}\u001b[201~` : command;
  return new TextEncoder().encode(`${clear}${text}\r`);
}
