import { Agent, type RequestOptions, request } from 'node:https';
import type { Credentials } from '../../sandbox/embedded/client/kubeconfig.ts';

/** A client that does little itself, so that the server is what is measured. */
export class Api {
  readonly #agent: Agent;
  readonly #server: URL;
  readonly #token: string | undefined;

  constructor({ server, ca, cert, key, token }: Credentials, sockets: number) {
    this.#server = new URL(server);
    this.#token = token;
    const tls = { ...(ca && { ca }), ...(cert && { cert }), ...(key && { key }) };
    this.#agent = new Agent({ ...tls, keepAlive: true, maxSockets: sockets, checkServerIdentity: () => undefined });
  }

  #options(method: string, target: string, type = 'application/json'): RequestOptions {
    const { hostname, port } = this.#server;
    const authorization = this.#token && { authorization: `Bearer ${this.#token}` };
    const headers = { accept: 'application/json', 'content-type': type, ...authorization };
    return { hostname, port, method, path: target, agent: this.#agent, headers };
  }

  /** Resolves with the whole answer; rejects for 300 and above. */
  call(method: string, target: string, body?: object, type?: string): Promise<string> {
    return new Promise((resolve, reject) => {
      const asked = request(this.#options(method, target, type), (response) => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk) => chunks.push(chunk));
        response.on('end', () => {
          const text = Buffer.concat(chunks).toString();
          if ((response.statusCode ?? 500) < 300) resolve(text);
          else reject(new Error(`${method} ${target}: ${text}`));
        });
      });
      asked.on('error', reject);
      asked.end(body && JSON.stringify(body));
    });
  }

  /** Counts events until `count` have come, then resolves `done` and hangs up; `opened` when the server has answered. */
  watch(target: string, count: number): { opened: Promise<void>; done: Promise<void> } {
    const opened = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    const asked = request(this.#options('GET', target), (response) => {
      opened.resolve();
      let left = count;
      response.on('data', (chunk: Buffer) => {
        for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) left--;
        if (left > 0) return;
        done.resolve();
        asked.destroy();
      });
    });
    asked.on('error', done.reject);
    asked.end();
    return { opened: opened.promise, done: done.promise };
  }

  close(): void {
    this.#agent.destroy();
  }
}
