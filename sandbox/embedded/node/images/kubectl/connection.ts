import { parse } from 'yaml';
import type { Loose } from '../../../../../kubernetes/object.ts';
import { type Certificates, callHttp } from '../http/client.ts';
import type { ContainerProcess } from '../image.ts';
import { readAll } from '../process/streams.ts';

/** Said after `error: `, as kubectl says it. */
export class KubectlError extends Error {}

/** A server, and who one is there. */
export interface Connection {
  server: string;
  namespace: string;
  context: string;
  request(method: string, path: string, body?: Loose, contentType?: string, accept?: string): Promise<Answer>;
}

export interface Answer {
  code: number;
  body: Loose;
  text: string;
}

const account = '/var/run/secrets/kubernetes.io/serviceaccount';

/** By --kubeconfig, $KUBECONFIG, ~/.kube/config, or as the pod's ServiceAccount. https://kubernetes.io/docs/tasks/run-application/access-api-from-pod/ */
export function connect(process: ContainerProcess, flags: Map<string, string>): Connection {
  const file = flags.get('kubeconfig') ?? process.env.KUBECONFIG ?? `${process.env.HOME ?? '/'}/.kube/config`;
  const text = readText(process, file);
  if (text !== undefined) return fromKubeconfig(process, parse(text) ?? {}, flags, file);
  if (flags.has('kubeconfig')) throw new KubectlError(`stat ${file}: no such file or directory`);
  const token = readText(process, `${account}/token`);
  if (token === undefined)
    return connection(process, { server: 'http://localhost:8080', namespace: 'default', context: '', tls: {} });
  const { KUBERNETES_SERVICE_HOST: host = 'kubernetes.default.svc', KUBERNETES_SERVICE_PORT: port = '443' } =
    process.env;
  return connection(process, {
    server: `https://${host}:${port}`,
    namespace: readText(process, `${account}/namespace`) ?? 'default',
    context: '',
    tls: { ca: readText(process, `${account}/ca.crt`) },
    token,
  });
}

function fromKubeconfig(
  process: ContainerProcess,
  config: Loose,
  flags: Map<string, string>,
  file: string,
): Connection {
  const name = flags.get('context') ?? config['current-context'] ?? '';
  const named = (list: Loose[] | undefined, wanted: string) => list?.find((entry) => entry.name === wanted);
  const context = named(config.contexts, name)?.context;
  if (!context) throw new KubectlError(`context "${name}" does not exist`);
  const cluster = named(config.clusters, context.cluster)?.cluster ?? {};
  const user = named(config.users, context.user)?.user ?? {};
  const beside = (path: string) => (path.startsWith('/') ? path : `${file.replace(/[^/]*$/, '')}${path}`);
  const pem = (from: Loose, field: string) =>
    from[`${field}-data`]
      ? Buffer.from(from[`${field}-data`], 'base64').toString()
      : from[field] && readText(process, beside(from[field]));
  return connection(process, {
    server: String(cluster.server ?? 'http://localhost:8080'),
    namespace: context.namespace ?? 'default',
    context: name,
    tls: {
      ca: pem(cluster, 'certificate-authority'),
      cert: pem(user, 'client-certificate'),
      key: pem(user, 'client-key'),
      serverName: cluster['tls-server-name'],
    },
    token: user.token ?? (user.tokenFile && readText(process, beside(user.tokenFile))),
    insecure: cluster['insecure-skip-tls-verify'] === true,
  });
}

interface Target {
  server: string;
  namespace: string;
  context: string;
  tls: Certificates;
  token?: string | undefined;
  insecure?: boolean;
}

function connection(process: ContainerProcess, target: Target): Connection {
  const { server, namespace, context, tls, token, insecure = false } = target;
  return {
    server,
    namespace,
    context,
    async request(method, path, body, contentType = 'application/json', accept = 'application/json') {
      const headers: Record<string, string> = { Accept: accept, 'User-Agent': 'kubectl/v1.35.2 (linux/amd64)' };
      if (token) headers.Authorization = `Bearer ${token.trim()}`;
      const sent = body === undefined ? undefined : JSON.stringify(body);
      if (sent !== undefined) headers['Content-Type'] = contentType;
      if (sent !== undefined) headers['Content-Length'] = String(Buffer.byteLength(sent));
      const url = new URL(server.replace(/\/$/, '') + path);
      const answer = await callHttp(process, { url, method, headers, body: sent, insecure, tls }).catch((error) => {
        throw new KubectlError(trouble(url, error));
      });
      const chunks: Buffer[] = [];
      for await (const chunk of answer) chunks.push(chunk as Buffer);
      const text = Buffer.concat(chunks).toString();
      return { code: answer.statusCode ?? 0, body: decode(text), text };
    },
  };
}

function trouble(url: URL, { code, message }: NodeJS.ErrnoException): string {
  const at = `${url.hostname}:${url.port || (url.protocol === 'https:' ? 443 : 80)}`;
  if (code === 'ECONNREFUSED')
    return `The connection to the server ${at} was refused - did you specify the right host or port?`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `Unable to connect to the server: dial tcp: lookup ${url.hostname}: no such host`;
  if (code === 'ETIMEDOUT') return `Unable to connect to the server: dial tcp ${at}: i/o timeout`;
  if (/CERT|SELF_SIGNED|UNABLE_TO/.test(code ?? ''))
    return 'Unable to connect to the server: tls: failed to verify certificate: x509: certificate signed by unknown authority';
  return `Unable to connect to the server: ${message}`;
}

function decode(text: string): Loose {
  try {
    return JSON.parse(text);
  } catch {
    return { message: text };
  }
}

export function readText(process: ContainerProcess, path: string): string | undefined {
  try {
    return Buffer.from(process.fs.read(path)).toString();
  } catch {
    return undefined;
  }
}

export async function standardInput(process: ContainerProcess): Promise<string> {
  return (await readAll(process.stdin)).toString();
}
