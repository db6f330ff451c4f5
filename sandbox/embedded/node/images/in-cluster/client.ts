import {
  ApiError,
  type ApiRequest,
  type ApiResponse,
  type Client,
  createClient,
  type Transport,
} from '../../../client/client.ts';
import { createHttpsTransport } from '../../../client/https-transport.ts';
import type { ContainerProcess } from '../image.ts';
import { dialError, fileError, requestError, serverResponse } from './words.ts';

const account = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface InClusterOptions {
  /** As the API server's audit would show it: `traefik/3.6.7 (linux/amd64) kubernetes/ingress`. */
  userAgent: string;
}

/**
 * The API as the program's pod sees it: over the pod's network, with the ServiceAccount that is mounted there.
 * Its token is read again for each request, since the kubelet renews it. Ends with the process.
 *
 * Throws where nothing is mounted, and rejects where the server cannot be reached, in client-go's words.
 * https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/
 */
export function inClusterClient(process: ContainerProcess, { userAgent }: InClusterOptions): Client {
  const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
  if (!host || !port)
    throw new Error(
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    );
  const address = host.includes(':') ? `[${host}]` : host;
  const server = `https://${address}:${port}`;
  let token = read(process, `${account}/token`).trim();
  let ca: string | undefined;
  try {
    ca = read(process, `${account}/ca.crt`);
  } catch {
    // As client-go does, it goes on with what the machine trusts.
  }
  const inner = createHttpsTransport(
    { server, ...(ca && { ca }) },
    {
      userAgent,
      maxSockets: 8,
      token: () => {
        try {
          token = read(process, `${account}/token`).trim();
        } catch {
          // The last one is used until another can be read.
        }
        return token;
      },
      connect: async () => {
        const socket = await process.container.network.connect(host, Number(port));
        const close = () => socket.destroy();
        if (process.killed.aborted) {
          close();
          throw process.killed.reason;
        }
        process.killed.addEventListener('abort', close, { once: true });
        socket.once('close', () => process.killed.removeEventListener('abort', close));
        return socket;
      },
    },
  );
  return createClient(inWords(inner, server, `${address}:${port}`));
}

/** Says what went wrong as client-go does. */
function inWords(inner: Transport, server: string, reached: string): Transport {
  const explain = ({ method, path }: ApiRequest, error: unknown): Error =>
    requestError(method, server + path, dialError(reached, error as NodeJS.ErrnoException));
  return {
    async request(request): Promise<ApiResponse> {
      let answer: ApiResponse;
      try {
        answer = await inner.request(request);
      } catch (error) {
        throw explain(request, error);
      }
      const { code, body } = answer;
      return code < 400 || body?.kind === 'Status' ? answer : { code, body: serverResponse(request, code, body) };
    },
    async stream(request, onLine, signal): Promise<void> {
      try {
        await inner.stream(request, onLine, signal);
      } catch (error) {
        if (!(error instanceof ApiError)) throw explain(request, error);
        // What is no Status came without a reason.
        throw error.reason ? error : new ApiError(serverResponse(request, error.code, error.message));
      }
    },
    close: () => inner.close(),
  };
}

/** Rejects as Go's os.ReadFile does. */
function read(process: ContainerProcess, path: string): string {
  try {
    return Buffer.from(process.fs.read(path)).toString('utf8');
  } catch (error) {
    throw new Error(fileError('open', path, error as NodeJS.ErrnoException));
  }
}
