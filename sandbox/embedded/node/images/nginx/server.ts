import type { IncomingMessage, ServerResponse } from 'node:http';
import { formatDate } from '../applets/time.ts';
import { absolutePath } from '../file-system/paths.ts';
import { fileErrorText } from '../file-system.ts';
import { type Listening, listenHttp } from '../http/server.ts';
import type { ContainerProcess, Program } from '../image.ts';
import { openOutput } from '../process/open.ts';
import { matchesPattern } from '../shell/pattern.ts';
import {
  all,
  ConfigurationError,
  checkDirectives,
  type Directive,
  inherited,
  parseConfiguration,
} from './configuration.ts';
import { chooseLocation, serverMatches } from './location.ts';
import { type Exchange, fail, interpolate, proxy, redirect, reply, serveFile } from './request.ts';

const PID_FILE = '/run/nginx.pid';
const COMBINED =
  '$remote_addr - $remote_user [$time_local] "$request" $status $body_bytes_sent "$http_referer" "$http_user_agent"';

interface Configuration {
  http: Directive[];
  servers: Map<number, Directive[][]>;
  workers: number;
  daemon: boolean;
}

function readConfiguration(process: ContainerProcess, file: string, globals: string): Configuration {
  const read = (path: string): Directive[] => {
    let text: string;
    try {
      text = Buffer.from(process.fs.read(path)).toString();
    } catch (error) {
      const number = { 'No such file or directory': 2, 'Permission denied': 13 }[fileErrorText(error)] ?? 21;
      throw new ConfigurationError(`open() "${path}" failed (${number}: ${fileErrorText(error)})`);
    }
    return parseConfiguration(text, path, include);
  };
  const include = (pattern: string, from: Directive): Directive[] => {
    const full = absolutePath(pattern, '/etc/nginx');
    if (!/[*?[]/.test(full)) {
      try {
        return read(full);
      } catch (error) {
        if (error instanceof ConfigurationError && error.message.startsWith('open()'))
          throw new ConfigurationError(`${error.message} in ${from.file}:${from.line}`);
        throw error;
      }
    }
    const folder = full.slice(0, full.lastIndexOf('/'));
    try {
      const names = process.fs
        .list(folder)
        .filter((name) => !name.startsWith('.') && matchesPattern(full.slice(folder.length + 1), name));
      return names.flatMap((name) => read(`${folder}/${name}`));
    } catch (error) {
      if (error instanceof ConfigurationError) throw error;
      return [];
    }
  };
  const top = [...read(file), ...parseConfiguration(globals, 'command line', include)];
  checkDirectives(top);
  const http = all(top, 'http').flatMap((directive) => directive.block ?? []);
  const servers = new Map<number, Directive[][]>();
  for (const server of all(http, 'server')) {
    const listens = all(server.block ?? [], 'listen');
    for (const listen of listens.length > 0 ? listens : [{ args: ['80'], file, line: 1 }]) {
      const address = listen.args[0] ?? '80';
      const port = Number(/(\d+)$/.exec(address)?.[1] ?? 80);
      if (
        /:\D|[a-z]:?$/i.test(address.replace(/^(\*|\[::\]|localhost|[\w.-]+):(?=\d+$)/, '')) &&
        !/^unix:/.test(address)
      )
        throw new ConfigurationError(
          `invalid host in "${address}" of the "listen" directive in ${listen.file}:${listen.line}`,
        );
      const known = servers.get(port) ?? [];
      if (!known.includes(server.block ?? [])) servers.set(port, [...known, server.block ?? []]);
    }
  }
  return {
    http,
    servers,
    workers:
      Number(all(top, 'worker_processes')[0]?.args[0]) || Math.max(1, Math.ceil(process.container.limits.cpu ?? 4)),
    daemon: all(top, 'daemon').at(-1)?.args[0] !== 'off',
  };
}

/** The nginx binary: `nginx`, `nginx -t`, `nginx -T`, `nginx -s reload`, `nginx -v`. */
export function createNginx(version: string): Program {
  return async (process) => {
    const args = process.argv.slice(1);
    let file = '/etc/nginx/nginx.conf';
    let globals = '';
    let action = 'run';
    for (let at = 0; at < args.length; at += 1) {
      const word = args[at] as string;
      if (word === '-c') file = absolutePath(args[++at] ?? '', process.cwd);
      else if (word === '-g') globals = args[++at] ?? '';
      else if (word === '-s') action = `signal ${args[++at] ?? ''}`;
      else if (/^-[tTvVqh?]+$/.test(word)) action = word[1] === 'q' ? action : word;
      else if (word === '-p' || word === '-e') at += 1;
      else {
        await process.stderr.write(`nginx: invalid option: "${word.replace(/^-/, '')}"\n`);
        return 1;
      }
    }
    if (action === '-v' || action === '-V') {
      await process.stderr.write(
        `nginx version: nginx/${version}\n${action === '-V' ? 'built for Atelier: simulated\n' : ''}`,
      );
      return 0;
    }
    if (action.startsWith('signal')) return sendSignal(process, action.slice(7));
    let configuration: Configuration;
    try {
      configuration = readConfiguration(process, file, globals);
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      const stamp = formatDate('%Y/%m/%d %H:%M:%S', process.container.clock.now());
      await process.stderr.write(
        action === 'run'
          ? `${stamp} [emerg] ${process.pid}#${process.pid}: ${error.message}\nnginx: [emerg] ${error.message}\n`
          : `nginx: [emerg] ${error.message}\n`,
      );
      if (action !== 'run') await process.stderr.write(`nginx: configuration file ${file} test failed\n`);
      return 1;
    }
    if (action !== 'run') {
      await process.stderr.write(
        `nginx: the configuration file ${file} syntax is ok\nnginx: configuration file ${file} test is successful\n`,
      );
      if (action === '-T')
        await process.stdout.write(`# configuration file ${file}:\n${Buffer.from(process.fs.read(file)).toString()}\n`);
      return 0;
    }
    return new Master(process, version, configuration, () => readConfiguration(process, file, globals)).run();
  };
}

async function sendSignal(process: ContainerProcess, name: string): Promise<number> {
  const signal = ({ stop: 'SIGTERM', quit: 'SIGQUIT', reload: 'SIGHUP', reopen: 'SIGUSR1' } as const)[name];
  if (!signal) {
    await process.stderr.write(`nginx: invalid option: "-s ${name}"\n`);
    return 1;
  }
  let pid = 0;
  try {
    pid = Number(Buffer.from(process.fs.read(PID_FILE)).toString());
  } catch {
    await process.stderr.write(`nginx: [error] open() "${PID_FILE}" failed (2: No such file or directory)\n`);
    return 1;
  }
  await process.stderr.write(
    `${formatDate('%Y/%m/%d %H:%M:%S', process.container.clock.now())} [notice] ${process.pid}#${process.pid}: signal process started\n`,
  );
  process.container.signal(pid, signal);
  return 0;
}

/** The master process and, in name, its workers. */
class Master {
  private readonly process: ContainerProcess;
  private readonly version: string;
  private configuration: Configuration;
  private readonly read: () => Configuration;
  private readonly listening = new Map<number, Listening>();
  private workers: { pid: number; signal(name: 'SIGKILL'): void }[] = [];
  private connections = 0;

  constructor(process: ContainerProcess, version: string, configuration: Configuration, read: () => Configuration) {
    this.process = process;
    this.version = `nginx/${version}`;
    this.configuration = configuration;
    this.read = read;
  }

  async run(): Promise<number> {
    const { process } = this;
    const problem = this.prepare();
    if (problem) {
      await this.log('emerg', problem);
      await process.stderr.write(`nginx: [emerg] ${problem}\n`);
      return 1;
    }
    if (!(await this.listen())) return 1;
    await this.log('notice', 'using the "epoll" event method');
    await this.log('notice', this.version);
    await this.log('notice', 'built by gcc 12.2.0 (Debian 12.2.0-14) ');
    await this.log('notice', 'OS: Linux 6.1.0 (simulated by Atelier)');
    await this.log('notice', 'getrlimit(RLIMIT_NOFILE): 1048576:1048576');
    await this.startWorkers();
    process.argv = ['nginx: master process nginx -g daemon off;'];
    const stop = new Promise<'SIGTERM' | 'SIGQUIT' | 'SIGINT'>((resolve) => {
      for (const signal of ['SIGTERM', 'SIGQUIT', 'SIGINT'] as const) process.onSignal(signal, () => resolve(signal));
    });
    process.onSignal('SIGHUP', () => void this.reload().catch(() => undefined));
    process.onSignal('SIGUSR1', () => undefined);
    const signal = await stop;
    const number = { SIGTERM: 15, SIGQUIT: 3, SIGINT: 2 }[signal];
    await this.log(
      'notice',
      `signal ${number} (${signal}) received, ${signal === 'SIGQUIT' ? 'shutting down' : 'exiting'}`,
    );
    for (const listener of this.listening.values()) listener.close();
    for (const { pid } of this.workers)
      await this.log('notice', signal === 'SIGQUIT' ? 'gracefully shutting down' : 'exiting', pid);
    for (const { pid } of this.workers) await this.log('notice', `exit`, pid);
    await this.log('notice', 'exit');
    return 0;
  }

  /** Writes the pid and makes the cache folders, as the real one must be able to. */
  private prepare(): string | undefined {
    const { fs, pid } = this.process;
    for (const name of ['client_temp', 'proxy_temp']) {
      try {
        fs.makeDirectory(`/var/cache/nginx/${name}`, { recursive: true, mode: 0o700 });
      } catch (error) {
        const text = fileErrorText(error);
        return `mkdir() "/var/cache/nginx/${name}" failed (${text.startsWith('Read-only') ? 30 : 13}: ${text})`;
      }
    }
    try {
      fs.write(PID_FILE, `${pid}\n`);
    } catch (error) {
      const text = fileErrorText(error);
      return `open() "${PID_FILE}" failed (${text.startsWith('Read-only') ? 30 : 13}: ${text})`;
    }
    return undefined;
  }

  private async log(level: string, text: string, pid = this.process.pid): Promise<void> {
    const stamp = formatDate('%Y/%m/%d %H:%M:%S', this.process.container.clock.now());
    await openOutput(this.process, '/var/log/nginx/error.log', true).write(
      `${stamp} [${level}] ${pid}#${pid}: ${text}\n`,
    );
  }

  private async listen(): Promise<boolean> {
    for (const [port, listener] of this.listening) {
      if (this.configuration.servers.has(port)) continue;
      listener.close();
      this.listening.delete(port);
    }
    for (const port of this.configuration.servers.keys()) {
      if (this.listening.has(port)) continue;
      try {
        this.listening.set(
          port,
          await listenHttp(this.process, port, (request, response) => this.handle(port, request, response)),
        );
      } catch {
        const text = `bind() to 0.0.0.0:${port} failed (98: Address already in use)`;
        await this.log('emerg', text);
        await this.process.stderr.write(`nginx: [emerg] ${text}\n`);
        return false;
      }
    }
    return true;
  }

  private async startWorkers(): Promise<void> {
    await this.log('notice', 'start worker processes');
    this.workers = Array.from({ length: this.configuration.workers }, () =>
      this.process.spawn({ argv: ['nginx: worker process'], run: () => new Promise<number>(() => undefined) }),
    );
    for (const { pid } of this.workers) await this.log('notice', `start worker process ${pid}`);
  }

  private async reload(): Promise<void> {
    await this.log('notice', 'signal 1 (SIGHUP) received, reconfiguring');
    await this.log('notice', 'reconfiguring');
    const before = this.configuration;
    try {
      this.configuration = this.read();
    } catch (error) {
      if (!(error instanceof ConfigurationError)) throw error;
      this.configuration = before;
      await this.log('emerg', error.message);
      return;
    }
    await this.listen();
    for (const worker of this.workers) worker.signal('SIGKILL');
    await this.startWorkers();
  }

  private async handle(port: number, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { http, servers } = this.configuration;
    const host = (request.headers.host ?? '').replace(/:\d+$/, '');
    const candidates = servers.get(port) ?? [];
    const named = candidates.find((block) =>
      all(block, 'server_name').some(({ args }) => args.some((name) => serverMatches(name, host))),
    );
    const byDefault = candidates.find((block) =>
      all(block, 'listen').some(({ args }) => args.includes('default_server')),
    );
    const server = named ?? byDefault ?? candidates[0] ?? [];
    const [rawPath = '/', query = ''] = (request.url ?? '/').split('?');
    let path = rawPath;
    try {
      path = absolutePath(decodeURIComponent(rawPath)) + (rawPath.length > 1 && rawPath.endsWith('/') ? '/' : '');
    } catch {
      // A broken escape is taken as it stands.
    }
    const about = ++this.connections;
    const exchange: Exchange = {
      process: this.process,
      request,
      response,
      scopes: [http, server],
      http,
      version: inherited([http, server], 'server_tokens')?.args[0] === 'off' ? 'nginx' : this.version,
      path,
      query,
      variables: new Map([
        ['server_port', String(port)],
        ['server_name', all(server, 'server_name')[0]?.args[0] ?? '_'],
      ]),
      sent: 0,
      complain: (text) => this.logRequest(text, about),
    };
    await this.answer(exchange, server);
    const log = inherited(exchange.scopes, 'access_log')?.args;
    if (log?.[0] === 'off') return;
    const format =
      all(http, 'log_format')
        .find(({ args }) => args[0] === (log?.[1] ?? 'combined'))
        ?.args.slice(1)
        .join('') ?? COMBINED;
    const line = format.replace(/\$(\w+)/g, (whole) => interpolate(exchange, whole) || '-');
    await openOutput(this.process, log?.[0] ?? '/var/log/nginx/access.log', true).write(`${line}\n`);
  }

  private async logRequest(text: string, connection: number): Promise<void> {
    const stamp = formatDate('%Y/%m/%d %H:%M:%S', this.process.container.clock.now());
    const pid = this.workers[connection % Math.max(1, this.workers.length)]?.pid ?? this.process.pid;
    await openOutput(this.process, '/var/log/nginx/error.log', true).write(
      `${stamp} [error] ${pid}#${pid}: *${connection} ${text}\n`,
    );
  }

  private async answer(exchange: Exchange, server: Directive[]): Promise<void> {
    if (await this.returns(exchange, server)) return;
    const location = chooseLocation(server, exchange.path);
    if (location) exchange.scopes.push(location.block ?? []);
    const block = location?.block ?? [];
    for (const { args } of all(block, 'set'))
      exchange.variables.set((args[0] ?? '').slice(1), interpolate(exchange, args[1] ?? ''));
    if (await this.returns(exchange, block)) return;
    for (const { args } of [...all(server, 'rewrite'), ...all(block, 'rewrite')]) {
      const match = new RegExp(args[0] ?? '').exec(exchange.path);
      if (!match) continue;
      const target = interpolate(
        exchange,
        (args[1] ?? '').replace(/\$(\d)/g, (_, group: string) => match[Number(group)] ?? ''),
      );
      if (args[2] === 'redirect' || args[2] === 'permanent' || /^https?:/.test(target))
        return redirect(exchange, args[2] === 'permanent' ? 301 : 302, target);
      exchange.path = target;
    }
    if (all(block, 'deny').some(({ args }) => args[0] === 'all')) return fail(exchange, 403);
    if (block.some(({ name }) => name === 'stub_status'))
      return reply(
        exchange,
        200,
        `Active connections: 1 \nserver accepts handled requests\n ${this.connections} ${this.connections} ${this.connections} \nReading: 0 Writing: 1 Waiting: 0 \n`,
        { 'Content-Type': 'text/plain' },
      );
    const target = all(block, 'proxy_pass')[0]?.args[0];
    return target === undefined ? serveFile(exchange, location) : proxy(exchange, location, target);
  }

  private async returns(exchange: Exchange, block: Directive[]): Promise<boolean> {
    const found = all(block, 'return')[0];
    if (!found) return false;
    const [first = '', text] = found.args;
    const status = /^\d{3}$/.test(first) ? Number(first) : 302;
    const body = interpolate(
      exchange,
      (status === 302 && !/^\d{3}$/.test(first) ? first : (text ?? '')).replace(/\\n/g, '\n'),
    );
    if ([301, 302, 303, 307, 308].includes(status)) redirect(exchange, status, body);
    else if (text === undefined && status >= 300) await fail(exchange, status);
    else
      reply(exchange, status, body, {
        'Content-Type': inherited(exchange.scopes, 'default_type')?.args[0] ?? 'text/plain',
      });
    return true;
  }
}
