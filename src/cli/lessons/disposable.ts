import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Tools } from '../../../sandbox/tools/tools.ts';
import { UserError } from '../../server/user-error.ts';
import { ROOT } from '../project.ts';

const run = promisify(execFile);
const MARK = 'atelier-disposable';

/** Tests delete what they find: a real cluster must say that it is there to be thrown away. Rejects with {@link UserError}. */
export async function requireDisposable(tools: Tools, kubeconfig: string, mark: boolean): Promise<void> {
  const kubectl = kubectlOf(tools, kubeconfig);
  const marked = await kubectl('-n', 'kube-system', 'get', 'configmap', MARK, '-o', 'name').then(
    () => true,
    () => false,
  );
  if (marked) return;
  if (!mark) {
    throw new UserError(
      `the cluster of ${kubeconfig} is not marked as disposable, and tests delete what they find: give --mark-disposable if it may be thrown away.`,
    );
  }
  await kubectl('-n', 'kube-system', 'create', 'configmap', MARK);
}

/** What a bare cluster lacks for the lessons: a default StorageClass and volumes, made anew, as each is bound once. */
export async function furnish(tools: Tools, kubeconfig: string, learner: string): Promise<void> {
  const manifest = path.join(ROOT, 'tests/lessons/real-cluster.yaml');
  const kubectl = kubectlOf(tools, kubeconfig);
  await clear(tools, kubeconfig, learner);
  await kubectl('delete', '-f', manifest, '--ignore-not-found', '--wait=true', '--timeout=60s');
  await kubectl('apply', '-f', manifest);
}

/** Gives back the volumes whose claims are gone: each is bound once. */
export async function replenish(tools: Tools, kubeconfig: string): Promise<void> {
  const kubectl = kubectlOf(tools, kubeconfig);
  const phases = '-o=jsonpath={range .items[?(@.status.phase=="Released")]}{.metadata.name}{" "}{end}';
  const { stdout } = await kubectl('get', 'persistentvolumes', phases);
  const released = stdout.split(' ').filter((name) => name.startsWith('atelier-'));
  if (released.length === 0) return;
  await kubectl('delete', 'persistentvolumes', ...released, '--wait=true', '--timeout=60s');
  await kubectl('apply', '-f', path.join(ROOT, 'tests/lessons/real-cluster.yaml'));
}

/** Takes away what an earlier run left: the learner's namespace, whose claims hold volumes, and the record of progress. */
export async function clear(tools: Tools, kubeconfig: string, learner: string): Promise<void> {
  const kubectl = kubectlOf(tools, kubeconfig);
  await kubectl('delete', 'namespace', learner, '--ignore-not-found', '--wait=true', '--timeout=120s');
  // On a cluster that never had a learner, the kind is not there either.
  await kubectl('-n', 'atelier-system', 'delete', 'learner', learner, '--ignore-not-found').catch(() => undefined);
}

function kubectlOf(tools: Tools, kubeconfig: string) {
  return (...args: string[]) => run(tools.kubectl, ['--kubeconfig', kubeconfig, ...args]);
}
