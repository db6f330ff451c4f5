import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { joinPath } from '../file-system/paths.ts';
import { fileErrorText } from '../file-system.ts';
import { type Listening, listenHttp, readBody } from '../http/server.ts';
import type { ContainerProcess } from '../image.ts';
import { Contents } from './contents.ts';
import { labPage, loginPage } from './page.ts';

const VERSION = '2.21.1';
const SITE = '/opt/conda/lib/python3.13/site-packages';
const SERVERS =
  'basedpyright, bash-language-server, dockerfile-language-server-nodejs, javascript-typescript-langserver, jedi-language-server, julia-language-server, pyrefly, pyright, python-language-server, python-lsp-server, r-languageserver, sql-language-server, texlab, typescript-language-server, unified-language-server, vscode-css-languageserver-bin, vscode-html-languageserver-bin, vscode-json-languageserver-bin, yaml-language-server';

export interface JupyterOptions {
  ip: string;
  port: number;
  token: string;
  root: string;
  base: string;
  allowRoot: boolean;
  app: 'lab' | 'tree';
}

/** One running Jupyter server: its log, its sessions, its answers. */
export class JupyterServer {
  private readonly process: ContainerProcess;
  private readonly options: JupyterOptions;
  private readonly contents: Contents;
  private readonly sessions = new Set<string>();
  private readonly startedAt: Date;
  private port: number;

  constructor(process: ContainerProcess, options: JupyterOptions) {
    this.process = process;
    this.options = options;
    this.port = options.port;
    this.contents = new Contents(process, options.root);
    this.startedAt = process.container.clock.now();
  }

  /** `[I 2026-11-21 08:07:12.816 ServerApp] …` on stderr. */
  private log(level: 'I' | 'W' | 'C', text: string, app = 'ServerApp'): Promise<void> {
    const stamp = this.process.container.clock.now().toISOString().replace('T', ' ').slice(0, 23);
    return this.process.stderr.write(`[${level} ${stamp} ${app}] ${text}\n`);
  }

  async run(): Promise<number> {
    const { process, options } = this;
    const runtime = joinPath(process.env.HOME ?? '/home/jovyan', '.local/share/jupyter/runtime');
    for (const name of ['jupyter_lsp', 'jupyter_server_terminals', 'jupyterlab'])
      await this.log('I', `${name} | extension was successfully linked.`);
    try {
      process.fs.makeDirectory(runtime, { recursive: true, mode: 0o700 });
      const secret = `${runtime}/jupyter_cookie_secret`;
      if (!process.fs.access(secret, 'r')) {
        await this.log('I', `Writing Jupyter server cookie secret to ${secret}`);
        process.fs.write(secret, randomBytes(32).toString('base64'), { mode: 0o600 });
      }
    } catch (error) {
      await process.stderr.write(`PermissionError: [Errno 13] ${fileErrorText(error)}: '${runtime}'\n`);
      return 1;
    }
    await this.log('I', 'notebook_shim | extension was successfully linked.');
    if (options.token === '')
      await this.log(
        'W',
        'All authentication is disabled.  Anyone who can connect to this server will be able to run code.',
      );
    for (const name of ['notebook_shim', 'jupyter_lsp', 'jupyter_server_terminals'])
      await this.log('I', `${name} | extension was successfully loaded.`);
    await this.log('I', `JupyterLab extension loaded from ${SITE}/jupyterlab`, 'LabApp');
    await this.log('I', 'JupyterLab application directory is /opt/conda/share/jupyter/lab', 'LabApp');
    await this.log('I', "Extension Manager is 'pypi'.", 'LabApp');
    await this.log('I', 'jupyterlab | extension was successfully loaded.');
    if (process.uid === 0 && !options.allowRoot) {
      await this.log('C', 'Running as root is not recommended. Use --allow-root to bypass.');
      return 1;
    }
    const listening = await this.listen();
    if (!listening) {
      await this.log('C', 'ERROR: the Jupyter server could not be started because no available port could be found.');
      return 1;
    }
    await this.announce(runtime);
    const signal = await new Promise<number>((resolve) => {
      process.onSignal('SIGTERM', () => resolve(15));
      process.onSignal('SIGINT', () => resolve(2));
    });
    await this.log('C', `received signal ${signal}, stopping`);
    await this.log('I', 'Shutting down 5 extensions');
    listening.close();
    return 0;
  }

  private async listen(): Promise<Listening | undefined> {
    const host = /^(127\.|localhost$)/.test(this.options.ip) ? '127.0.0.1' : '0.0.0.0';
    for (let tries = 0; tries < 50; tries += 1, this.port += 1) {
      try {
        return await listenHttp(this.process, this.port, (request, response) => this.handle(request, response), host);
      } catch (error) {
        if ((error as { code?: string }).code !== 'EADDRINUSE') throw error;
        await this.log('I', `The port ${this.port} is already in use, trying another port.`);
      }
    }
    return undefined;
  }

  private async announce(runtime: string): Promise<void> {
    const { options, process } = this;
    const query = options.token === '' ? '' : `?token=${process.env.JUPYTER_TOKEN ? '...' : options.token}`;
    const url = (host: string) => `http://${host}:${this.port}${options.base}${options.app}${query}`;
    const everywhere = ['', '0.0.0.0', '*'].includes(options.ip);
    const name = everywhere ? process.container.pod.hostname : options.ip;
    await this.log('I', `Serving notebooks from local directory: ${options.root}`);
    await this.log('I', `Jupyter Server ${VERSION} is running at:`);
    await this.log('I', url(options.ip === '*' ? name : options.ip));
    if (options.ip !== '127.0.0.1') await this.log('I', `    ${url('127.0.0.1')}`);
    await this.log('I', 'Use Control-C to stop this server and shut down all kernels (twice to skip confirmation).');
    if (options.token !== '') {
      const page = `${runtime}/jpserver-${process.pid}-open.html`;
      process.fs.write(page, `<meta http-equiv="refresh" content="1;url=${url('127.0.0.1')}">\n`, { mode: 0o600 });
      const urls = [...new Set([name, '127.0.0.1'])].map((host) => `        ${url(host)}\n`).join('');
      const reach = everywhere
        ? '    The server is listening on all interfaces, so any hostname or IP of this machine will work.'
        : '';
      await this.log(
        'C',
        `\n    \n    To access the server, open this file in a browser:\n        file://${page}\n    Or copy and paste one of these URLs:\n${urls}${reach}`.replace(
          /\n$/,
          '',
        ),
      );
    }
    await this.log('I', `Skipped non-installed server(s): ${SERVERS}`);
  }

  // Requests

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const begun = performance.now();
    const { base } = this.options;
    const [path = '/', query = ''] = (request.url ?? '/').split('?');
    const parameters = new URLSearchParams(query);
    response.setHeader('Server', 'TornadoServer/6.6.1');
    const inside = path.startsWith(base) ? `/${path.slice(base.length)}` : undefined;
    if (inside === undefined) {
      if (path === '/' || `${path}/` === base) this.redirect(response, `${base}${this.options.app}`);
      else this.text(response, 404, 'text/html; charset=UTF-8', '<h1>404 : Not Found</h1>');
    } else await this.route(request, response, inside, parameters);
    await this.logRequest(request, response.statusCode, inside ?? path, performance.now() - begun);
  }

  private async logRequest(
    request: IncomingMessage,
    status: number,
    path: string,
    milliseconds: number,
  ): Promise<void> {
    if (status < 300 || status === 304) return;
    const who = (request.socket.remoteAddress ?? '127.0.0.1').replace(/^::ffff:/, '');
    const url = (request.url ?? '').replace(/(token=)[^&]*/g, '$1[secret]');
    const line = `${status} ${request.method} ${url} (@${who}) ${milliseconds.toFixed(2)}ms`;
    if (status < 400) {
      await this.log('I', line, path.startsWith('/lab') ? 'LabApp' : 'ServerApp');
      return;
    }
    if (status === 403 && path.startsWith('/api')) await this.log('W', "wrote error: 'Forbidden'");
    await this.log('W', `${line} referer=${request.headers.referer ?? 'None'}`);
  }

  private text(response: ServerResponse, status: number, type: string, body: string): void {
    response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) });
    response.end(response.req.method === 'HEAD' ? undefined : body);
  }

  private json(response: ServerResponse, status: number, body: unknown): void {
    this.text(response, status, 'application/json', pythonJson(body));
  }

  private redirect(response: ServerResponse, location: string): void {
    response.writeHead(302, { Location: location, 'Content-Type': 'text/html; charset=UTF-8', 'Content-Length': 0 });
    response.end();
  }

  private cookies(request: IncomingMessage): Map<string, string> {
    return new Map(
      (request.headers.cookie ?? '')
        .split(/; */)
        .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
    );
  }

  private cookieName(request: IncomingMessage): string {
    return `username-${(request.headers.host ?? '').replace(/[^A-Za-z0-9]/g, '-')}`;
  }

  /** How the request proves who it is. */
  private identity(request: IncomingMessage, parameters: URLSearchParams): 'token' | 'cookie' | undefined {
    const { token } = this.options;
    if (token === '') return 'token';
    const header = /^(?:token|Bearer)\s+(.+)$/i.exec(request.headers.authorization ?? '')?.[1];
    if (header === token || parameters.get('token') === token) return 'token';
    return this.sessions.has(this.cookies(request).get(this.cookieName(request)) ?? '') ? 'cookie' : undefined;
  }

  private logIn(request: IncomingMessage, response: ServerResponse): void {
    const session = randomBytes(24).toString('hex');
    this.sessions.add(session);
    const cookies = [`${this.cookieName(request)}=${session}; HttpOnly; Path=${this.options.base}`];
    response.setHeader('Set-Cookie', [...cookies, ...this.xsrfCookie(request).header]);
  }

  private xsrfCookie(request: IncomingMessage): { value: string; header: string[] } {
    const known = this.cookies(request).get('_xsrf');
    if (known) return { value: known, header: [] };
    const value = randomBytes(16).toString('hex');
    return { value, header: [`_xsrf=${value}; Path=${this.options.base}`] };
  }

  private async route(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    parameters: URLSearchParams,
  ): Promise<void> {
    const { base, app } = this.options;
    if (path === '/') return this.redirect(response, `${base}${app}?`);
    if (path === '/api') return this.json(response, 200, { version: VERSION });
    if (path === '/login') return this.login(request, response, parameters);
    if (path === '/logout') {
      this.sessions.delete(this.cookies(request).get(this.cookieName(request)) ?? '');
      return this.redirect(response, `${base}login`);
    }
    const identity = this.identity(request, parameters);
    if (path.startsWith('/api/')) return this.api(request, response, path, parameters, identity);
    if (!identity) return this.redirect(response, `${base}login?next=${encodeURIComponent(request.url ?? '/')}`);
    if (path.startsWith('/files/')) return this.file(response, decodeURIComponent(path.slice(7)));
    if (!/^\/(lab|tree|notebooks|doc)(\/|$)/.test(path))
      return this.text(response, 404, 'text/html; charset=UTF-8', '<h1>404 : Not Found</h1>');
    if (identity === 'token' && this.options.token !== '') this.logIn(request, response);
    else response.setHeader('Set-Cookie', this.xsrfCookie(request).header);
    return this.text(response, 200, 'text/html; charset=UTF-8', labPage(base, this.process.container.pod.name));
  }

  private async login(request: IncomingMessage, response: ServerResponse, parameters: URLSearchParams): Promise<void> {
    const { base, app, token } = this.options;
    // Only a path of this server: a login must not send people elsewhere.
    const wanted = parameters.get('next') ?? '';
    const next =
      /^\/(?![/\\])/.test(wanted) && wanted.startsWith(base)
        ? wanted.replace(/([?&])token=[^&]*/, '$1')
        : `${base}${app}`;
    const action = `${base}login?next=${encodeURIComponent(next)}`;
    const xsrf = this.xsrfCookie(request);
    if (request.method !== 'POST') {
      if (this.identity(request, parameters)) return this.redirect(response, next);
      response.setHeader('Set-Cookie', xsrf.header);
      return this.text(response, 200, 'text/html; charset=UTF-8', loginPage(action, xsrf.value));
    }
    const form = new URLSearchParams((await readBody(request)).toString());
    if (form.get('_xsrf') !== this.cookies(request).get('_xsrf'))
      return this.text(
        response,
        403,
        'text/html; charset=UTF-8',
        "<h1>403 : Forbidden</h1><p>'_xsrf' argument missing from POST</p>",
      );
    if (form.get('password') !== token)
      return this.text(response, 401, 'text/html; charset=UTF-8', loginPage(action, xsrf.value, 'Invalid credentials'));
    this.logIn(request, response);
    return this.redirect(response, next);
  }

  private file(response: ServerResponse, path: string): void {
    try {
      const body = Buffer.from(this.process.fs.read(joinPath(this.options.root, path)));
      response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': body.length });
      response.end(body);
    } catch (error) {
      fileErrorText(error);
      this.text(response, 404, 'text/html; charset=UTF-8', '<h1>404 : Not Found</h1>');
    }
  }

  private async api(
    request: IncomingMessage,
    response: ServerResponse,
    path: string,
    parameters: URLSearchParams,
    identity: string | undefined,
  ): Promise<void> {
    const method = request.method ?? 'GET';
    if (!identity) return this.json(response, 403, { message: 'Forbidden', reason: null });
    const body = (await readBody(request)).toString();
    if (
      !['GET', 'HEAD'].includes(method) &&
      identity === 'cookie' &&
      request.headers['x-xsrftoken'] !== this.cookies(request).get('_xsrf')
    )
      return this.json(response, 403, { message: `'_xsrf' argument missing from ${method}`, reason: null });
    const time = this.process.container.clock.now().toISOString();
    if (path === '/api/contents' || path.startsWith('/api/contents/')) {
      const file = decodeURIComponent(path.slice(13));
      if (method === 'PUT') await this.log('I', `Saving file at ${file}`);
      const answer = this.contents.handle(method === 'HEAD' ? 'GET' : method, file, parameters, body);
      if (answer.location !== undefined)
        response.setHeader('Location', `${this.options.base}${encodeURI(answer.location)}`);
      if (answer.status === 204) {
        response.writeHead(204);
        response.end();
        return;
      }
      return this.json(response, answer.status, answer.body);
    }
    switch (`${method} ${path}`) {
      case 'GET /api/status':
        return this.json(response, 200, {
          connections: 0,
          kernels: 0,
          last_activity: time,
          started: this.startedAt.toISOString(),
        });
      case 'GET /api/me':
        return this.json(response, 200, {
          identity: {
            username: 'simulated',
            name: 'Anonymous',
            display_name: 'Anonymous',
            initials: 'A',
            avatar_url: null,
            color: null,
          },
          permissions: {},
        });
      case 'GET /api/kernels':
      case 'GET /api/sessions':
      case 'GET /api/terminals':
        return this.json(response, 200, []);
      case 'GET /api/kernelspecs':
        return this.json(response, 200, { default: 'python3', kernelspecs: {} });
      case 'POST /api/kernels':
      case 'POST /api/sessions':
        return this.json(response, 501, {
          message: 'No Python kernel runs here: this JupyterLab is simulated.',
          reason: null,
        });
    }
    return this.json(response, 404, { message: 'Not Found', reason: null });
  }
}

/** JSON as Python's json.dumps writes it: a space after `:` and `,`. */
function pythonJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(pythonJson).join(', ')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  return `{${Object.entries(value)
    .map(([key, inner]) => `${JSON.stringify(key)}: ${pythonJson(inner)}`)
    .join(', ')}}`;
}
