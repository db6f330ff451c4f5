import { execFile, spawn } from 'node:child_process';
import { createServer } from 'node:net';

const env = { ...process.env, KUBECONFIG: process.env.ATELIER_REAL_CLUSTER };

/** Runs a command against the real cluster, with that on its standard input. Rejects with what it complains of. */
export function run(command: string, words: string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, words, { env }, (error, out, complaint) =>
      error ? reject(new Error(complaint)) : resolve(out),
    );
    child.stdin?.end(input);
  });
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });
}

export interface RealTraefik {
  ports: { web: number; websecure: number };
  said(): string;
  kill(): void;
}

/** The real Traefik of that path, beside the real cluster. */
export async function startReal(program: string, flags: string[]): Promise<RealTraefik> {
  const ports = { web: await freePort(), websecure: await freePort() };
  const traefik = spawn(
    program,
    [
      `--entrypoints.web.address=127.0.0.1:${ports.web}`,
      `--entrypoints.websecure.address=127.0.0.1:${ports.websecure}`,
      '--entrypoints.websecure.http.tls=true',
      '--global.checknewversion=false',
      '--log.level=INFO',
      '--log.nocolor=true',
      '--accesslog=true',
      '--providers.providersthrottleduration=100ms',
      ...flags,
    ],
    { env },
  );
  let said = '';
  for (const stream of [traefik.stdout, traefik.stderr])
    stream.on('data', (chunk) => {
      said += chunk;
    });
  return { ports, said: () => said, kill: () => void traefik.kill('SIGKILL') };
}
