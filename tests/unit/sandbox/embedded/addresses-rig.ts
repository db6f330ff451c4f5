import { type ChildProcess, execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { issue } from '../../../../sandbox/embedded/workshop-ca/issue.ts';
import { shellEnvironment } from '../../../../sandbox/shell/environment.ts';

const main = fileURLToPath(new URL('../../../../sandbox/embedded/main.ts', import.meta.url));

/** A cluster of a home, in the processes that every user has. */
export interface Place {
  name: string;
  domain: string;
  /** As `proxy.json` tells it. */
  proxy: string;
  ports: { http: number; https: number };
  kubectl(...words: string[]): string;
  /** curl as the learner's shell runs it: status, then what came. */
  shell(...words: string[]): Promise<string>;
  /** Replaces a record of the zone. */
  record(name: string, address: string): Promise<void>;
  /** The load balancer's address of a web that answers `NAME` on 80, and `ok` by TLS on 443. */
  serve(): Promise<string>;
}

export class Home {
  readonly directory = mkdtempSync(join(tmpdir(), 'atelier-addresses-'));
  readonly #children = new Set<ChildProcess>();
  main: ChildProcess | undefined;

  async open(name: string, ...flags: string[]): Promise<Place> {
    const child = spawn(process.execPath, [main, '--home', this.directory, '--name', name, '--nodes', '1', ...flags], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#children.add(child);
    this.main ??= child;
    if (this.main.exitCode !== null || this.main.signalCode !== null) this.main = child;
    const kubeconfig = await new Promise<string>((resolve, reject) => {
      createInterface({ input: child.stdout! }).on('line', (line) => {
        const found = /^export KUBECONFIG=(.+)$/.exec(line)?.[1];
        if (found) resolve(found);
      });
      child.once('exit', () => reject(new Error('ended before it was ready')));
    });
    const kubectl = (...words: string[]) =>
      execFileSync(process.env.ATELIER_KUBECTL ?? 'kubectl', ['--kubeconfig', kubeconfig, ...words], {
        encoding: 'utf8',
        stdio: 'pipe',
      }).trim();
    kubectl('wait', '--for=create', 'node/node-1', '--timeout=20s');
    kubectl('wait', '--for=condition=Ready', 'node/node-1', '--timeout=20s');
    const told = JSON.parse(readFileSync(join(this.directory, 'clusters', name, 'proxy.json'), 'utf8'));
    const { url, ingress } = told as { url: string; ingress: { http: number; https: number; domain: string } };
    const shell = (...words: string[]) =>
      curl(
        words,
        shellEnvironment(
          {
            learner: name,
            home: this.directory,
            commands: '/nowhere',
            tools: '/nowhere',
            completions: '/nowhere',
            control: '/nowhere',
            proxy: url,
          },
          process.env,
        ),
      );
    const records = (change: object) =>
      shell(
        '-X',
        'POST',
        '-d',
        JSON.stringify(change),
        '-H',
        'Content-Type: application/json',
        'http://zone.atelier.internal/records',
      );
    return {
      name,
      domain: ingress.domain,
      proxy: url,
      ports: ingress,
      kubectl,
      shell,
      async record(host, address) {
        const answer = await records({ create: [{ dnsName: host, recordType: 'A', targets: [address] }] });
        if (!answer.startsWith('204')) throw new Error(answer);
      },
      serve: () => serve(kubectl, this.directory, name, ingress.domain),
    };
  }

  /** Process ids of the pair. */
  pids(): { control: number; node: number } {
    const control = this.main?.pid ?? 0;
    const table = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' }).split('\n');
    const node = table
      .map((line) => /^\s*(\d+)\s+(\d+)\s+(.*)$/.exec(line) ?? [])
      .find(([, , parent, command = '']) => Number(parent) === control && command.includes('node/main.ts'));
    // Process 0 would be this test itself.
    if (!control || !node) throw new Error('the pair of processes is not there');
    return { control, node: Number(node[1]) };
  }

  async close(): Promise<void> {
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill('SIGTERM');
      await once(child, 'exit');
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Status and body. curl fails: its own words. */
export function curl(words: string[], env: NodeJS.ProcessEnv = {}): Promise<string> {
  return new Promise((resolve) => {
    execFile(
      'curl',
      ['-sS', '-m', '20', '-w', '\n%{http_code}', ...words],
      { env: { PATH: process.env.PATH, ...env } },
      (_, out, err) => {
        const lines = out.trimEnd().split('\n');
        const status = lines.pop();
        resolve([status, lines.join('\n').trim(), err.trim()].filter(Boolean).join(' '));
      },
    );
  });
}

async function serve(kubectl: Place['kubectl'], directory: string, name: string, domain: string): Promise<string> {
  const pair = await issue({ subject: `CN=${domain}`, permitted: [domain], now: new Date(), days: 1 });
  const leaf = await issue({ subject: 'CN=web', issuer: pair, names: [`*.${domain}`], now: new Date(), days: 1 });
  const encoded = (text: string) => Buffer.from(text).toString('base64');
  const objects = [
    {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'web' },
      type: 'kubernetes.io/tls',
      data: { 'tls.crt': encoded(leaf.cert + pair.cert), 'tls.key': encoded(leaf.key) },
    },
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'web' }, data: { 'index.html': `${name}\n` } },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'web', labels: { app: 'web' } },
      spec: {
        containers: [
          {
            name: 'nginx',
            image: 'nginx:1.27',
            ports: [{ containerPort: 80 }],
            volumeMounts: [
              { name: 'page', mountPath: '/usr/share/nginx/html' },
              { name: 'files', mountPath: '/usr/share/nginx/html/files' },
            ],
          },
          { name: 'tls', image: 'atelier.dev/admission:1', volumeMounts: [{ name: 'tls', mountPath: '/tls' }] },
        ],
        volumes: [
          { name: 'page', configMap: { name: 'web' } },
          { name: 'files', emptyDir: {} },
          { name: 'tls', secret: { secretName: 'web' } },
        ],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'web' },
      spec: {
        type: 'LoadBalancer',
        selector: { app: 'web' },
        ports: [
          { name: 'http', port: 80 },
          { name: 'https', port: 443, targetPort: 8443 },
        ],
      },
    },
    {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'client' },
      spec: { containers: [{ name: 'client', image: 'atelier.dev/utilities:1', command: ['sleep', '3600'] }] },
    },
  ];
  const file = join(directory, `${name}.json`);
  writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  kubectl('apply', '-f', file);
  kubectl('wait', '--for=condition=Ready', 'pod/web', 'pod/client', '--timeout=30s');
  // Beside its page, a download that takes its time.
  const files = 'head -c 30000000 /dev/zero > /usr/share/nginx/html/files/large';
  kubectl('exec', 'web', '-c', 'nginx', '--', 'sh', '-c', files);
  kubectl('wait', '--for=jsonpath={.status.loadBalancer.ingress}', 'service/web', '--timeout=20s');
  return kubectl('get', 'service', 'web', '-o', 'jsonpath={.status.loadBalancer.ingress[0].ip}');
}
