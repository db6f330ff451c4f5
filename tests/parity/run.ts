import { execFile, spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { Tools } from '../../sandbox/tools/tools.ts';
import type { Outcome } from './recording.ts';
import { PARITY, type Scenario, type Step } from './scenario.ts';

const run = promisify(execFile);

/** Seconds one command may take, and a state may take to come. */
const PATIENCE = 90;

export interface Cluster {
  tools: Tools;
  /** An administrator's. */
  kubeconfig: string;
}

/** Versions of server, kubectl and helm, for the head of a record. */
export async function versions({ tools, kubeconfig }: Cluster): Promise<string> {
  const [kubectl, helm] = await Promise.all([
    run(tools.kubectl, ['--kubeconfig', kubeconfig, 'version', '-o', 'json']),
    run(tools.helm, ['version', '--template', '{{.Version}}']),
  ]);
  const { serverVersion, clientVersion } = JSON.parse(kubectl.stdout);
  return `server ${serverVersion.gitVersion}, kubectl ${clientVersion.gitVersion}, helm ${helm.stdout.trim()}`;
}

/** Runs a scenario in a namespace made for it and deleted after it. Rejects when a quiet step fails. */
export async function runScenario(cluster: Cluster, scenario: Scenario): Promise<Outcome[]> {
  const directory = await mkdtemp(path.join(tmpdir(), 'parity-'));
  const admin = (...args: string[]) => run(cluster.tools.kubectl, ['--kubeconfig', cluster.kubeconfig, ...args]);
  try {
    await cp(path.join(PARITY, 'files'), directory, { recursive: true });
    await cp(path.join(PARITY, '../../manifests/charts'), path.join(directory, 'charts'), { recursive: true });
    for (const [name, text] of Object.entries(scenario.files)) {
      await mkdir(path.dirname(path.join(directory, name)), { recursive: true });
      await writeFile(path.join(directory, name), text);
    }
    await mkdir(path.join(directory, '.kube'));
    await writeFile(path.join(directory, '.kube/config'), await kubeconfigFor(cluster, scenario.namespace));
    await admin('delete', 'namespace', scenario.namespace, '--ignore-not-found', '--timeout=120s');
    await admin('create', 'namespace', scenario.namespace);
    const outcomes: Outcome[] = [];
    for (const step of scenario.steps) {
      const outcome = withoutFolder(await runStep(cluster, directory, step), directory);
      if (!step.quiet) outcomes.push(outcome);
      else if (outcome.code !== 0 || outcome.late) {
        throw new Error(`${scenario.name}: "${step.command}" prepares and failed: ${outcome.stderr || outcome.stdout}`);
      }
    }
    return outcomes;
  } finally {
    await admin('delete', 'namespace', scenario.namespace, '--ignore-not-found', '--wait=false').catch(() => undefined);
    await rm(directory, { recursive: true, force: true });
  }
}

/** Cluster, user and context have the same names everywhere, so that `config view` and prompts say the same. */
async function kubeconfigFor({ tools, kubeconfig }: Cluster, namespace: string): Promise<string> {
  const args = ['--kubeconfig', kubeconfig, 'config', 'view', '--raw', '--minify', '--flatten', '-o', 'json'];
  const config = JSON.parse((await run(tools.kubectl, args)).stdout);
  config.clusters[0].name = 'parity';
  config.users[0].name = 'admin';
  config.contexts = [{ name: 'parity', context: { cluster: 'parity', user: 'admin', namespace } }];
  config['current-context'] = 'parity';
  return JSON.stringify(config);
}

/** The folder that a scenario runs in has another name each time. */
function withoutFolder(outcome: Outcome, directory: string): Outcome {
  const clean = (text: string) => text.replaceAll(directory, '<folder>');
  return { ...outcome, stdout: clean(outcome.stdout), stderr: clean(outcome.stderr) };
}

async function runStep(cluster: Cluster, directory: string, step: Step): Promise<Outcome> {
  const start = performance.now();
  const deadline = start + PATIENCE * 1000;
  for (;;) {
    const outcome = await runCommand(cluster, directory, step.command);
    outcome.seconds = (performance.now() - start) / 1000;
    if (!step.until || step.until.test(outcome.stdout + outcome.stderr)) return outcome;
    if (performance.now() > deadline) return { ...outcome, late: true };
    await pause(300);
  }
}

async function runCommand({ tools }: Cluster, directory: string, command: string): Promise<Outcome> {
  const child = spawn('bash', ['-o', 'pipefail', '-c', command], {
    cwd: directory,
    env: {
      HOME: directory,
      PATH: `${tools.directory}${path.delimiter}/usr/local/bin:/usr/bin:/bin`,
      LANG: 'C.UTF-8',
      TZ: 'UTC',
      KUBECTL_EXTERNAL_DIFF: 'diff -U1',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    // A group of its own, so that what a command left behind ends with it.
    detached: true,
  });
  const endGroup = () => {
    try {
      process.kill(-(child.pid as number), 'SIGKILL');
    } catch {
      // Nothing of it runs any more.
    }
  };
  const texts = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (data: string) => {
      texts[name] += data;
    });
  }
  const timer = setTimeout(endGroup, PATIENCE * 1000);
  child.once('exit', endGroup);
  const code = await new Promise<number>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (status) => resolve(status ?? 137));
  });
  clearTimeout(timer);
  return { command, ...texts, code };
}
