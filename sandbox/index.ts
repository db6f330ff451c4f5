import { execFile } from 'node:child_process';
import { chmod, mkdir, rename, stat, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import { homeFolder } from './home-folder.ts';
import { type Connection, connect } from './provision/connection.ts';
import { keepToken, kubeconfigOf, writePrivately } from './provision/credentials.ts';
import { INTERNET, provisionInternet } from './provision/internet.ts';
import { type Authority, readAuthority, writeAuthorities } from './shell/authorities.ts';
import { shellEnvironment, WORKBENCH } from './shell/environment.ts';
import { openShell, type Shell } from './shell/pty.ts';
import { socketPath } from './socket-path.ts';
import type { Tools } from './tools/tools.ts';

export { homeFolder } from './home-folder.ts';
export type { Shell } from './shell/pty.ts';

export interface SandboxOptions {
  /** A DNS label; it names the namespace too. */
  learner: string;
  /** Everything of this learner on this machine: home, credentials, the command's socket. */
  directory: string;
  /** The cluster owner's kubeconfig and, where it has several, the context in it. */
  kubeconfig: string;
  context?: string;
  /** Every embedded cluster is the learner's own: context `admin` is there, namespaces can be listed. */
  ownCluster: boolean;
  tools: Tools;
  /** The embedded cluster’s HTTP proxy, once it is known; asked at each use. */
  proxy?: () => string | undefined;
  /** PEM file of the workshop's own certificate authority, where the cluster has one. */
  authority?: string;
  /** Of the hosts of Ingresses. */
  domain?: string;
  onTrouble: (error: Error) => void;
}

export interface Sandbox {
  readonly namespace: string;
  /** The learner's HOME. */
  readonly home: string;
  /** The socket path that `atelier wait` and `atelier answer` use in the learner's shells. */
  readonly control: string;
  /** The identity checks watch with. */
  readonly readerKubeconfig: string;
  /** The file of certificates that the learner's programs trust; undefined where those of the machine are enough. */
  readonly authorities: string | undefined;
  /** The workshop's own certificate authority, for a browser to trust; undefined where the cluster has none. */
  authority(): Authority | undefined;
  /** Whether the learner may do anything in the cluster, by context `admin`; known once provisioned. */
  ownsCluster(): boolean;
  /** Opens a shell. Needs no cluster: a prompt comes up while the sandbox is still provisioned. */
  shell(size: { columns: number; rows: number }): Promise<Shell>;
  /** The environment of a shell, for commands that run without a terminal. */
  environment(): Record<string, string>;
  /** Makes namespace, identities and kubeconfigs. Rejects with what the cluster refused. Safe to repeat. */
  provision(): Promise<void>;
  /** The learner's own kubeconfig, as the page's download gives it. */
  download(): string;
  /** Puts the downloaded kubeconfig in place where none is; answers whether it did. */
  placeKubeconfig(): Promise<boolean>;
  /** Moves ~/.kube/config to config.old, for lesson 1; answers whether there was one. */
  hideKubeconfig(): Promise<boolean>;
  /** Deletes all the learner has in the cluster and makes the empty sandbox anew. Files in HOME stay. */
  reset(): Promise<void>;
  close(): void;
}

/** Lays out one learner's place. Nothing is asked of the cluster before `provision`. Rejects when the folder cannot be written. */
export async function openSandbox(options: SandboxOptions): Promise<Sandbox> {
  const { learner, directory, tools } = options;
  const home = path.join(directory, 'home');
  const credentials = path.join(directory, 'credentials');
  const commands = path.join(directory, 'bin');
  const completions = path.join(path.dirname(tools.directory), 'completions');
  const readerKubeconfig = path.join(credentials, 'reader.kubeconfig');
  const control = socketPath(directory);
  for (const folder of [home, credentials, commands]) {
    await mkdir(folder, { recursive: true, mode: 0o700 });
  }
  await writeCommand(path.join(commands, 'atelier'));
  const bundle = path.join(credentials, 'authorities.crt');
  // Looked at again when the sandbox is provisioned: at its very first start, a cluster makes its authority meanwhile.
  const trust = async () => options.authority !== undefined && writeAuthorities(options.authority, bundle, process.env);
  let trusts = await trust();
  const completing = writeCompletions(tools, completions).catch(options.onTrouble);

  let connection: Connection | undefined;
  let kubeconfig = '';
  let hasAdmin = options.ownCluster;
  const renewals: { close(): void }[] = [];
  const tokenFile = (name: string) => path.join(credentials, `${name}.token`);
  const environment = (systemTools = false) =>
    shellEnvironment(
      {
        learner,
        home,
        commands,
        tools: tools.directory,
        systemTools,
        completions,
        proxy: options.proxy?.(),
        authorities: trusts ? bundle : undefined,
        control,
      },
      process.env,
    );
  // What stands for the internet, where nothing else does: an embedded cluster's learner has no public name.
  const simulated = options.ownCluster &&
    options.authority !== undefined && {
      authority: path.dirname(options.authority),
      domain: options.domain ?? `${learner}.localhost`,
    };
  const kubectlConfig = path.join(home, '.kube', 'config');

  async function provision(): Promise<void> {
    connection ??= await connect(options.kubeconfig, options.context);
    const owner = connection;
    const variables = { namespace: learner, learner };
    await owner.apply('namespace', variables);
    await owner.apply('learner', variables);
    await owner.apply('cluster-facts', variables);
    await owner.apply('reader', variables);
    hasAdmin = options.ownCluster || (await owner.ownsCluster());
    trusts = await trust();
    if (hasAdmin) await owner.apply('own-cluster', variables);
    const names = options.ownCluster && owner.apply('external-dns', variables);
    const internet = simulated && provisionInternet(owner, simulated);
    for (const renewal of renewals.splice(0)) renewal.close();
    const accounts = [
      { namespace: learner, name: 'learner', file: tokenFile('learner') },
      { namespace: 'atelier-system', name: 'checks', file: tokenFile('reader') },
      ...(hasAdmin ? [{ namespace: 'atelier-system', name: 'admin', file: tokenFile('admin') }] : []),
    ];
    for (const account of accounts) renewals.push(await keepToken(owner, account, options.onTrouble));
    kubeconfig = kubeconfigOf(owner, [
      { context: 'sandbox', namespace: learner, tokenFile: tokenFile('learner') },
      ...(hasAdmin ? [{ context: 'admin', namespace: learner, tokenFile: tokenFile('admin') }] : []),
    ]);
    await writePrivately(path.join(await homeFolder(home, 'Downloads'), 'kubeconfig.yaml'), kubeconfig);
    await writePrivately(
      readerKubeconfig,
      kubeconfigOf(owner, [{ context: 'reader', namespace: learner, tokenFile: tokenFile('reader') }], 'client-node'),
    );
    await Promise.all([names, internet]);
  }

  return {
    namespace: learner,
    home,
    control,
    readerKubeconfig,
    authorities: options.authority === undefined ? undefined : bundle,
    authority: () => (options.authority === undefined ? undefined : readAuthority(options.authority)),
    ownsCluster: () => hasAdmin,
    async shell(size) {
      await completing;
      return openShell({
        ...size,
        environment: environment(process.env.ATELIER_TOOLS === 'system'),
        directory: home,
        startFile: path.join(WORKBENCH, 'bashrc'),
      });
    },
    environment: () => environment(),
    provision,
    download: () => kubeconfig,
    async placeKubeconfig() {
      if (await exists(kubectlConfig)) return false;
      await homeFolder(home, '.kube');
      await writePrivately(kubectlConfig, kubeconfig);
      return true;
    },
    async hideKubeconfig() {
      if (!(await exists(kubectlConfig))) return false;
      await rename(kubectlConfig, `${kubectlConfig}.old`);
      return true;
    },
    async reset() {
      if (!connection) return provision();
      const owner = connection;
      const further = await owner.namespaces(`${learner}-`);
      // Rate limits outlive restarts, but a learner who begins anew begins anew with them, too.
      const gone = [learner, ...further, ...(simulated ? [INTERNET] : [])];
      const isOurs = (name: string) => name === learner || name.startsWith(`${learner}-`);
      if (hasAdmin) await owner.removeReleases(gone, isOurs);
      else await Promise.all(gone.map((name) => owner.removeNamespace(name)));
      await provision();
    },
    close() {
      for (const renewal of renewals.splice(0)) renewal.close();
    },
  };
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}

/** `atelier` on the learner's PATH, run by the Node that runs this. */
async function writeCommand(file: string): Promise<void> {
  const script = path.join(WORKBENCH, 'atelier.ts');
  await writeFile(file, `#!/bin/sh\nexec '${process.execPath}' '${script}' "$@"\n`);
  await chmod(file, 0o755);
}

/** Asks the tools for their own completion functions, once per pinned version. */
async function writeCompletions(tools: Tools, folder: string): Promise<void> {
  const run = promisify(execFile);
  await mkdir(folder, { recursive: true });
  for (const tool of ['kubectl', 'helm'] as const) {
    const file = path.join(folder, `${tool}.bash`);
    if (await exists(file)) continue;
    const { stdout } = await run(tools[tool], ['completion', 'bash'], { maxBuffer: 4 * 1024 * 1024 });
    await writePrivately(file, stdout);
  }
}
