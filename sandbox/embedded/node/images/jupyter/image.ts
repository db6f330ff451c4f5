import { randomBytes } from 'node:crypto';
import { debianFiles, debianPrograms } from '../busybox/image.ts';
import { absolutePath, baseName } from '../file-system/paths.ts';
import type { ContainerProcess, Image, Program } from '../image.ts';
import { JupyterServer } from './server.ts';

/** `--ServerApp.token=x`, `--port 9999`, `--allow-root`: names without their class, lower case. */
function settings(args: string[]): Map<string, string> {
  const result = new Map<string, string>();
  for (let at = 0; at < args.length; at += 1) {
    const [, name = '', value] = /^--?([\w.-]+)(?:=([\s\S]*))?$/.exec(args[at] as string) ?? [];
    if (name === '') continue;
    const key = (name.split('.').at(-1) ?? '').replaceAll('-', '_').toLowerCase();
    const isSwitch = /^(allow_root|no_browser|debug|y)$/.test(key);
    if (value !== undefined) result.set(key, value.replace(/^(['"])(.*)\1$/, '$2'));
    else if (!isSwitch && args[at + 1] !== undefined && !args[at + 1]?.startsWith('--'))
      result.set(key, args[++at] as string);
    else result.set(key, 'True');
  }
  return result;
}

async function serve(process: ContainerProcess, args: string[], app: 'lab' | 'tree'): Promise<number> {
  const given = settings(args);
  const base = given.get('base_url') ?? process.env.NOTEBOOK_BASE_URL ?? '/';
  const port = Number(given.get('port') ?? process.env.JUPYTER_PORT ?? 8888);
  if (!Number.isInteger(port)) {
    await process.stderr.write(
      `[C ServerApp] Bad config encountered during initialization: The 'port' trait of a ServerApp instance expected an int, not the str '${given.get('port')}'.\n`,
    );
    return 1;
  }
  const password = given.has('password') || given.has('hashed_password');
  const server = new JupyterServer(process, {
    ip: given.get('ip') ?? '0.0.0.0',
    port,
    token: given.get('token') ?? process.env.JUPYTER_TOKEN ?? (password ? '' : randomBytes(24).toString('hex')),
    root: absolutePath(given.get('root_dir') ?? given.get('notebook_dir') ?? '.', process.cwd),
    base: `/${base.replace(/^\/|\/$/g, '')}/`.replace('//', '/'),
    allowRoot: given.get('allow_root') === 'True' || given.get('allow_root') === 'true',
    app,
  });
  return server.run();
}

const jupyterCommand: Program = async (process) => {
  const [first = '', ...args] = process.argv.slice(1);
  if (first === 'lab' || first === 'server' || first === 'labhub') return serve(process, args, 'lab');
  if (first === 'notebook' || first === 'nbclassic') return serve(process, args, 'tree');
  if (first === '--version') {
    await process.stdout.write('jupyter_server   : 2.21.1\njupyterlab       : simulated by Atelier\n');
    return 0;
  }
  await process.stderr.write(
    first === '' || first === '--help'
      ? 'usage: jupyter [-h] [--version] [subcommand]\n'
      : `Jupyter command \`jupyter-${first}\` not found.\n`,
  );
  return first === '--help' ? 0 : 1;
};

const startNotebook: Program = (process) =>
  serve(
    process,
    process.argv.slice(1).filter((word) => !/^\/.*start-/.test(word)),
    'lab',
  );

/** Wrappers that run what follows them; without a command they start the server. */
const wrapper: Program = async (process) => {
  const args = process.argv.slice(1).filter((word) => word !== '-g' && word !== '--');
  const first = args[0];
  if (first === undefined || first.startsWith('-')) return serve(process, args, 'lab');
  const { found } = process.find(first);
  if (found === 'program' || found === 'script') return process.exec({ argv: args });
  await process.stderr.write(`${baseName(process.argv[0] ?? '')}: exec: ${first}: not found\n`);
  return 127;
};

const NOTEBOOKS = 'minimal|base|scipy|datascience|r|julia|tensorflow|pytorch|pyspark|all-spark';

/** The one thing of Jupyter that is not played: it says so. */
const python: Program = async (process) => {
  if (/^(-V|--version)$/.test(process.argv[1] ?? '')) {
    await process.stdout.write('Python 3.12.10\n');
    return 0;
  }
  await process.stderr.write(
    'python3: no Python runs here: this image is simulated by Atelier. Files, the terminal and the pages of JupyterLab are played; code is not.\n',
  );
  return 1;
};

export const jupyter: Image = {
  match: new RegExp(`^quay\\.io/jupyter/(?:docker-stacks-foundation|(?:${NOTEBOOKS})-notebook)$`),
  tags: /^(?:latest|\d{4}-\d\d-\d\d|(?:python|lab|notebook|hub|ubuntu|julia|r|spark|pytorch|tensorflow)-\d[\d.]*|(?:x86_64|aarch64)-[\w.-]+|py3\.[\w.-]+|[0-9a-f]{12}|cuda\d*-?\w*)$/,
  names: NOTEBOOKS.split('|').map((name) => `quay.io/jupyter/${name}-notebook`),
  load: { request: 12, memory: 92 << 20 },
  config: {
    entrypoint: ['tini', '-g', '--', 'start.sh'],
    cmd: ['start-notebook.py'],
    env: {
      PATH: '/opt/conda/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      NB_USER: 'jovyan',
      NB_UID: '1000',
      NB_GID: '100',
      HOME: '/home/jovyan',
      CONDA_DIR: '/opt/conda',
      LANG: 'C.UTF-8',
      SHELL: '/bin/bash',
    },
    workingDir: '/home/jovyan',
    user: 1000,
    group: 100,
    exposedPorts: [8888],
  },
  programs: {
    ...debianPrograms,
    '/opt/conda/bin/jupyter': jupyterCommand,
    '/opt/conda/bin/python': python,
    '/opt/conda/bin/python3': python,
    '/opt/conda/bin/jupyter-lab': startNotebook,
    '/opt/conda/bin/jupyter-notebook': startNotebook,
    '/usr/bin/tini': wrapper,
    '/usr/local/bin/start.sh': wrapper,
    '/usr/local/bin/start-notebook.py': startNotebook,
    '/usr/local/bin/start-notebook.sh': startNotebook,
    '/usr/local/bin/start-singleuser.py': startNotebook,
  },
  files: {
    ...debianFiles,
    '/etc/passwd': `${debianFiles['/etc/passwd']}jovyan:x:1000:100::/home/jovyan:/bin/bash\n`,
    '/etc/group': 'root:x:0:\nusers:x:100:\nwww-data:x:33:\nnogroup:x:65534:\n',
    '/home/jovyan': { directory: true, owner: 1000, group: 100 },
    '/home/jovyan/work': { directory: true, owner: 1000, group: 100 },
    '/opt/conda/share/jupyter/lab': { directory: true },
  },
};

/** Docker Hub's images stopped in October 2023: later dates do not exist there. */
export const frozenJupyter: Image = {
  ...jupyter,
  match: new RegExp(`^jupyter/(?:${NOTEBOOKS})-notebook$`),
  tags: /^(?:latest|20(?:1\d|2[0-2])-\d\d-\d\d|2023-0\d-\d\d|2023-10-(?:0\d|1\d|20)|(?:python|lab|notebook|hub)-\d[\d.]*|x86_64-[\w.-]+|[0-9a-f]{12})$/,
  names: NOTEBOOKS.split('|').map((name) => `jupyter/${name}-notebook`),
};

export const onyxiaJupyter: Image = {
  ...jupyter,
  match: /^(?:docker\.io\/)?inseefrlab\/onyxia-jupyter-(?:python|pyspark|pytorch|tensorflow|r-python|python-minimal)$/,
  names: ['inseefrlab/onyxia-jupyter-python'],
  config: {
    ...jupyter.config,
    entrypoint: [],
    cmd: ['jupyter', 'lab', '--no-browser', '--ip=0.0.0.0'],
    env: { ...jupyter.config.env, NB_USER: 'onyxia', HOME: '/home/onyxia', WORKSPACE_DIR: '/home/onyxia/work' },
    workingDir: '/home/onyxia/work',
  },
  files: {
    ...jupyter.files,
    '/etc/passwd': `${debianFiles['/etc/passwd']}onyxia:x:1000:100::/home/onyxia:/bin/bash\n`,
    '/home/onyxia': { directory: true, owner: 1000, group: 100 },
    '/home/onyxia/work': { directory: true, owner: 1000, group: 100 },
  },
};
