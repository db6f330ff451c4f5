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
  const kubectl = (...args: string[]) => run(tools.kubectl, ['--kubeconfig', kubeconfig, '-n', 'kube-system', ...args]);
  const marked = await kubectl('get', 'configmap', MARK, '-o', 'name').then(
    () => true,
    () => false,
  );
  if (marked) return;
  if (!mark) {
    throw new UserError(
      `the cluster of ${kubeconfig} is not marked as disposable, and tests delete what they find: give --mark-disposable if it may be thrown away.`,
    );
  }
  await kubectl('create', 'configmap', MARK);
}

/** What a bare cluster lacks for the lessons: a default StorageClass and two volumes. Volumes are made anew, as each is bound once. */
export async function furnish(tools: Tools, kubeconfig: string): Promise<void> {
  const manifest = path.join(ROOT, 'tests/lessons/real-cluster.yaml');
  const kubectl = (...args: string[]) => run(tools.kubectl, ['--kubeconfig', kubeconfig, ...args]);
  await kubectl('delete', '-f', manifest, '--ignore-not-found', '--wait=true', '--timeout=60s');
  await kubectl('apply', '-f', manifest);
}
