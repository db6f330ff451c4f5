import { readFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import * as http from 'node:http';
import * as https from 'node:https';
import { dirname, resolve } from 'node:path';
import { parse } from 'yaml';
import type { Loose } from '../../kubernetes/object.ts';

/** How to reach a cluster: all that is ever asked is read-only. */
export interface Connection {
  /**
   * Sends a GET and resolves when the headers are there.
   * @param path with query, as `/api/v1/pods?limit=1`
   * @throws Error when the server cannot be reached
   */
  get(path: string, signal: AbortSignal): Promise<IncomingMessage>;
}

/** The answer of the server to a read, where it is not 200. */
export class ApiError extends Error {
  readonly status: number;
  readonly reason: string;
  constructor(status: number, message: string, reason: string) {
    super(message);
    this.status = status;
    this.reason = reason;
  }
}

/**
 * A connection by a kubeconfig: certificates, tokens, token files and exec plugins as `@kubernetes/client-node` reads
 * them. That library takes a third of a second to load, so it is loaded by the first request.
 * @param kubeconfig path of the file
 * @param context another one than the file's current
 */
export function connect(kubeconfig: string, context?: string): Connection {
  let config: Promise<Loose> | undefined;
  const load = async () => {
    const { KubeConfig } = await import('@kubernetes/client-node');
    const loaded = new KubeConfig();
    loaded.loadFromFile(kubeconfig);
    if (context) loaded.setCurrentContext(context);
    await readTokenFiles(kubeconfig, loaded);
    return loaded;
  };
  return {
    async get(path, signal) {
      config ??= load();
      // A file that is not there yet, or half written, is read again by the next request.
      const loaded = await config.catch((error: unknown) => {
        config = undefined;
        throw error;
      });
      const server: string | undefined = loaded.getCurrentCluster()?.server;
      if (!server) throw new Error(`the kubeconfig ${kubeconfig} names no cluster`);
      const options: https.RequestOptions = { headers: { accept: 'application/json' } };
      await loaded.applyToHTTPSOptions(options);
      const response = await send(server.replace(/\/$/, '') + path, options, signal);
      // The credentials may have been renewed on disk since they were read.
      if (response.statusCode === 401) config = undefined;
      return response;
    },
  };
}

/** `tokenFile`, which kubectl reads anew and client-node knows only as an auth provider. */
async function readTokenFiles(kubeconfig: string, loaded: Loose): Promise<void> {
  const { users = [] }: Loose = parse(await readFile(kubeconfig, 'utf8')) ?? {};
  for (const { name, user } of users) {
    const known = loaded.getUsers().find((one: Loose) => one.name === name);
    if (known && user?.tokenFile)
      known.authProvider = { name: 'tokenFile', config: { tokenFile: resolve(dirname(kubeconfig), user.tokenFile) } };
  }
}

function send(url: string, options: https.RequestOptions, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((answer, reject) => {
    const { request } = url.startsWith('http:') ? http : https;
    const sent = request(url, { ...options, method: 'GET', signal }, answer);
    sent.on('socket', (socket) => socket.setKeepAlive(true, 15_000));
    sent.on('error', reject);
    sent.end();
  });
}

/** The whole body as text; at most `limit` characters, then an Error. */
export async function readText(response: IncomingMessage, limit = 256 * 1024 * 1024): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > limit) throw new Error(`the answer is larger than ${limit} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

/** The body as JSON; throws ApiError with the server's own sentence for anything but 200. */
export async function readJson(response: IncomingMessage): Promise<Loose> {
  const text = await readText(response);
  if (response.statusCode !== 200) throw apiError(response.statusCode ?? 0, text);
  return JSON.parse(text);
}

export function apiError(status: number, text: string): ApiError {
  try {
    const body: Loose = JSON.parse(text);
    return new ApiError(body.code ?? status, body.message ?? text, body.reason ?? '');
  } catch {
    return new ApiError(status, text.trim().slice(0, 300) || `HTTP ${status}`, '');
  }
}
