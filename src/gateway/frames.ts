/** What goes over a terminal's WebSocket: binary frames, the first byte names the kind. Used by both ends. */
export const PROTOCOL = 'atelier.terminal.v1';

/** From the browser. */
const FROM_CLIENT = { input: 0, resize: 1, acknowledge: 2, take: 3, run: 4 } as const;
/** From the server. `output` bytes count towards the offset, `replay` bytes do not. */
export const FROM_SERVER = { output: 0, control: 1, replay: 2 } as const;

export type ClientFrame =
  | { kind: 'input'; data: Uint8Array }
  | { kind: 'resize'; columns: number; rows: number }
  /** How many bytes of this shell's output the client has parsed, from the shell's start. */
  | { kind: 'acknowledge'; offset: number }
  /** Asks to decide the terminal's size from now on. */
  | { kind: 'take' }
  /** A command to type, if the shell stands at its prompt. */
  | { kind: 'run'; command: string };

export type Control =
  /** First of all: which shell this is and where its output stands. With `reset`, a replay follows and what was shown is void. */
  | { type: 'hello'; shell: string; offset: number; reset: boolean; fresh: boolean }
  /** The replay is over; what comes now is live. */
  | { type: 'live' }
  | { type: 'state'; busy: boolean; command: string }
  | { type: 'owner'; owner: boolean; columns: number; rows: number }
  /** A command was not typed, because another one runs. */
  | { type: 'refused'; command: string; running: string }
  | { type: 'exit'; code: number };

const MAXIMUM_COLUMNS = 500;
const MAXIMUM_ROWS = 300;

export function encodeClient(frame: ClientFrame): Uint8Array<ArrayBuffer> {
  switch (frame.kind) {
    case 'input':
      return tagged(FROM_CLIENT.input, frame.data);
    case 'run':
      return tagged(FROM_CLIENT.run, new TextEncoder().encode(frame.command));
    case 'take':
      return Uint8Array.of(FROM_CLIENT.take);
    case 'resize': {
      const view = new DataView(new ArrayBuffer(5));
      view.setUint8(0, FROM_CLIENT.resize);
      view.setUint16(1, frame.columns);
      view.setUint16(3, frame.rows);
      return new Uint8Array(view.buffer);
    }
    case 'acknowledge': {
      const view = new DataView(new ArrayBuffer(9));
      view.setUint8(0, FROM_CLIENT.acknowledge);
      view.setFloat64(1, frame.offset);
      return new Uint8Array(view.buffer);
    }
  }
}

/** Undefined for anything malformed: a bad frame must not cost more than itself. */
export function decodeClient(data: Uint8Array): ClientFrame | undefined {
  const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
  switch (data[0]) {
    case FROM_CLIENT.input:
      return { kind: 'input', data: data.subarray(1) };
    case FROM_CLIENT.run:
      return { kind: 'run', command: new TextDecoder().decode(data.subarray(1)) };
    case FROM_CLIENT.take:
      return { kind: 'take' };
    case FROM_CLIENT.resize: {
      if (data.length !== 5) return undefined;
      const columns = view.getUint16(1);
      const rows = view.getUint16(3);
      const sane = columns >= 2 && columns <= MAXIMUM_COLUMNS && rows >= 1 && rows <= MAXIMUM_ROWS;
      return sane ? { kind: 'resize', columns, rows } : undefined;
    }
    case FROM_CLIENT.acknowledge: {
      if (data.length !== 9) return undefined;
      const offset = view.getFloat64(1);
      return Number.isSafeInteger(offset) && offset >= 0 ? { kind: 'acknowledge', offset } : undefined;
    }
    default:
      return undefined;
  }
}

export function tagged(tag: number, data: Uint8Array): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(data.length + 1);
  frame[0] = tag;
  frame.set(data, 1);
  return frame;
}

export function encodeControl(control: Control): Uint8Array<ArrayBuffer> {
  return tagged(FROM_SERVER.control, new TextEncoder().encode(JSON.stringify(control)));
}

export function decodeControl(data: Uint8Array): Control {
  return JSON.parse(new TextDecoder().decode(data)) as Control;
}
