import { listenHttp, type ServerTls } from '../http/server.ts';
import type { ContainerProcess, Image, Program } from '../image.ts';
import type { EnvironmentName } from './environment.ts';
import type { Environments } from './server.ts';
import type { Journal } from './state.ts';

const AUTHORITY = '/etc/acme';
const DATA = '/var/lib/acme';

/** The files of an authority, as its Secret has them. */
interface Authority extends ServerTls {
  file(name: string): string;
}

function readAuthority({ fs, env }: ContainerProcess): Authority {
  const directory = env.AUTHORITY_DIRECTORY || AUTHORITY;
  const file = (name: string): string => Buffer.from(fs.read(`${directory}/${name}`)).toString();
  return { file, cert: file('acme.crt'), key: file('acme.key') };
}

/** One file in the volume: what is appended is there when the process is not. */
function journalIn({ fs, env }: ContainerProcess, name: string): Journal {
  const directory = env.DATA_DIRECTORY || DATA;
  const path = `${directory}/${name}.jsonl`;
  fs.makeDirectory(directory, { recursive: true });
  return {
    read: () => (fs.access(path, 'r') ? Buffer.from(fs.read(path)).toString() : undefined),
    append: (text) => fs.write(path, text, { append: true }),
    replace(text) {
      fs.write(`${path}.new`, text);
      fs.rename(`${path}.new`, path);
    },
  };
}

async function open(
  process: ContainerProcess,
  authority: Authority,
  log: (text: string) => void,
): Promise<Environments> {
  // Large, and no other image needs them.
  const { openEnvironment } = await import('./environment.ts');
  const { resume } = await import('./authorizations.ts');
  const { Policy } = await import('./policy.ts');
  const { network, clock } = process.container;
  const policy = new Policy(process.env.DOMAIN);
  const environment = (name: EnvironmentName, prefix: string) => {
    const opened = openEnvironment({
      name,
      journal: journalIn(process, name),
      issuer: {
        cert: authority.file(`${prefix}intermediate.crt`),
        key: authority.file(`${prefix}intermediate.key`),
        root: authority.file(`${prefix}root.crt`),
      },
      policy,
      reach: {
        clock,
        query: (host, type) => network.query(host, type),
        connect: (host, port) => network.connect(host, port),
      },
      log: (text) => log(`${name}: ${text}`),
    });
    resume(opened);
    return opened;
  };
  return { production: environment('production', ''), staging: environment('staging', 'staging-') };
}

const server: Program = async (process) => {
  const port = Number(process.env.PORT || 8443);
  const say = (text: string): void => {
    const stamp = process.container.clock.now().toISOString();
    void process.stdout.write(`${stamp} ${text}\n`).catch(() => {});
  };
  say('ACME server, simulated by Atelier: it stands for a public certificate authority');
  let environments: Environments;
  let authority: Authority;
  try {
    authority = readAuthority(process);
    environments = await open(process, authority, say);
  } catch (error) {
    await process.stderr.write(`cannot open the authority: ${(error as Error).message}\n`);
    return 1;
  }
  const { handle } = await import('./server.ts');
  const { cert, key } = authority;
  try {
    await listenHttp(process, port, (request, response) => handle(environments, request, response), '0.0.0.0', {
      cert,
      key,
    });
  } catch (error) {
    await process.stderr.write(`cannot listen on port ${port}: ${(error as Error).message}\n`);
    return 1;
  }
  say(`listening on port ${port}: /production/directory and /staging/directory`);
  return new Promise((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.onSignal(signal, () => resolve(0));
  });
};

/** A certificate authority by RFC 8555, standing for Let's Encrypt: two directories, the same rules, the same refusals. */
export const acme: Image = {
  match: /^atelier\.dev\/acme$/,
  tags: /^(?:latest|1(?:\.\d+)*)$/,
  names: ['atelier.dev/acme'],
  load: { request: 2, memory: 24 << 20 },
  config: { entrypoint: ['/acme'], cmd: [], env: {}, workingDir: '/', user: 0, exposedPorts: [8443] },
  programs: { '/acme': server },
};
