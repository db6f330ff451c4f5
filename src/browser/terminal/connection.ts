import {
  type ClientFrame,
  type Control,
  decodeControl,
  encodeClient,
  FROM_SERVER,
  PROTOCOL,
} from '../../gateway/frames.ts';

export interface ConnectionListener {
  onControl(control: Control): void;
  /** Output or replay bytes; call `parsed` once the terminal has taken them in. */
  onBytes(data: Uint8Array, replay: boolean, parsed: () => void): void;
  /** The wire is up, or gone and being tried again. */
  onWire(up: boolean): void;
  size(): { columns: number; rows: number };
}

export interface Connection {
  send(frame: ClientFrame): void;
  /** Gives the shell up and asks for a new one. */
  restart(): void;
  close(): void;
}

/** Bytes after which the server is told how far we are; not above its low mark. */
const ACKNOWLEDGE_BYTES = 32 * 1024;
const FIRST_RETRY = 300;
const LONGEST_RETRY = 5000;

/** A WebSocket that comes back by itself and goes on at the byte where it broke off. */
export function connectTerminal(name: string, listener: ConnectionListener): Connection {
  let socket: WebSocket | undefined;
  let shell: string | undefined;
  /** Bytes parsed since the shell's start; what a lost acknowledgement heals with. */
  let parsed = 0;
  let acknowledged = 0;
  let retry = FIRST_RETRY;
  let closed = false;
  let timer: ReturnType<typeof setTimeout> | undefined;

  async function open(): Promise<void> {
    const response = await fetch('/api/ticket', { method: 'POST' });
    if (!response.ok) throw new Error(`ticket: ${response.status}`);
    const { ticket } = (await response.json()) as { ticket: string };
    if (closed) return;
    const { columns, rows } = listener.size();
    const query = new URLSearchParams({ columns: String(columns), rows: String(rows) });
    if (shell) {
      query.set('shell', shell);
      query.set('offset', String(parsed));
    }
    const url = new URL(`/terminal/${name}?${query}`, location.href);
    url.protocol = url.protocol.replace('http', 'ws');
    const opened = new WebSocket(url, [PROTOCOL, `ticket.${ticket}`]);
    opened.binaryType = 'arraybuffer';
    opened.onmessage = (event) => receive(new Uint8Array(event.data as ArrayBuffer));
    opened.onclose = () => lost();
    socket = opened;
  }

  function receive(frame: Uint8Array): void {
    const body = frame.subarray(1);
    if (frame[0] === FROM_SERVER.control) {
      const control = decodeControl(body);
      if (control.type === 'hello') {
        retry = FIRST_RETRY;
        shell = control.shell;
        parsed = control.offset;
        acknowledged = control.offset;
        listener.onWire(true);
      }
      listener.onControl(control);
      return;
    }
    const replay = frame[0] === FROM_SERVER.replay;
    const from = shell;
    listener.onBytes(body, replay, () => {
      if (replay || from !== shell) return;
      parsed += body.length;
      if (parsed - acknowledged < ACKNOWLEDGE_BYTES) return;
      acknowledged = parsed;
      send({ kind: 'acknowledge', offset: parsed });
    });
  }

  function lost(): void {
    socket = undefined;
    if (closed) return;
    listener.onWire(false);
    timer = setTimeout(attempt, retry);
    retry = Math.min(LONGEST_RETRY, retry * 2);
  }

  function attempt(): void {
    open().catch(lost);
  }

  function send(frame: ClientFrame): void {
    if (socket?.readyState === WebSocket.OPEN) socket.send(encodeClient(frame));
  }

  // A laptop that wakes up, or a network that returns, does not wait for the next try.
  const hurry = () => {
    if (socket || closed) return;
    clearTimeout(timer);
    attempt();
  };
  addEventListener('online', hurry);
  attempt();

  return {
    send,
    restart() {
      shell = undefined;
      socket?.close();
    },
    close() {
      closed = true;
      clearTimeout(timer);
      removeEventListener('online', hurry);
      socket?.close();
    },
  };
}
