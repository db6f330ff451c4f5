import { rmSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';

/** What `atelier` in a learner's shell asks; `lesson` as `track/folder`, by default the one that is open. */
export type ControlRequest =
  | { verb: 'wait'; target: string; lesson?: string }
  | { verb: 'answer'; target: string; value: string; lesson?: string };

export interface ControlAnswer {
  ok: boolean;
  text: string;
}

const LONGEST_REQUEST = 16 * 1024;

/** Listens on a Unix socket of the learner's folder, which no other user may enter. */
export function serveControl(
  socketPath: string,
  handle: (request: ControlRequest, gone: AbortSignal) => Promise<ControlAnswer>,
): { close(): void } {
  rmSync(socketPath, { force: true });
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    const gone = new AbortController();
    socket.on('close', () => gone.abort());
    socket.on('error', () => gone.abort());
    readLine(socket)
      .then((line) => handle(JSON.parse(line) as ControlRequest, gone.signal))
      .catch((error: Error) => ({ ok: false, text: `atelier: ${error.message}` }))
      .then(({ ok, text }) => socket.end(JSON.stringify({ ok, text: printable(text) })));
  });
  server.listen(socketPath);
  return {
    close() {
      server.close();
      rmSync(socketPath, { force: true });
    },
  };
}

function readLine(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.setEncoding('utf8');
    socket.on('data', (data: string) => {
      text += data;
      if (text.length > LONGEST_REQUEST) {
        socket.removeAllListeners('data').pause();
        reject(new Error('the request is too long'));
      }
      const end = text.indexOf('\n');
      if (end >= 0) resolve(text.slice(0, end));
    });
    socket.on('end', () => reject(new Error('the request broke off')));
  });
}

/** Values of the cluster are anybody's text: what would steer the learner's terminal is shown, not obeyed. */
function printable(text: string): string {
  return text.replace(/\p{Cc}/gu, (char) =>
    char === '\n' ? char : `\\x${char.charCodeAt(0).toString(16).padStart(2, '0')}`,
  );
}
