import { execFile } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Installed, openInstalled } from '../../unit/sandbox/embedded/node/images/cert-manager/installed.ts';
import { act, changes, facts, type Kubectl } from './cert-manager-facts.ts';
import { parseSteps } from './steps.ts';

const folder = join(import.meta.dirname, '../record/parts/cert-manager');

let whole: Installed;
beforeAll(async () => {
  whole = await openInstalled();
});
afterAll(() => whole?.close());

describe.each(readdirSync(folder))('%s', (file) => {
  const namespace = `cm-${file.replace('.txt', '')}`;
  const kubectl: Kubectl = (words, input = '') =>
    new Promise((resolve) => {
      // Its cache lies beside the kubeconfig.
      const env = { PATH: process.env.PATH, HOME: dirname(whole.kubeconfig), KUBECONFIG: whole.kubeconfig };
      const all = ['-n', namespace, ...words];
      const options = { env, maxBuffer: 1 << 26 };
      const child = execFile(process.env.ATELIER_KUBECTL ?? 'kubectl', all, options, (_, out, err) =>
        resolve(out + err),
      );
      child.stdin?.end(input);
    });
  let before = '';
  beforeAll(() => whole.kubectl('create', 'namespace', namespace));

  test.each(
    parseSteps(readFileSync(join(folder, file), 'utf8')).map(
      (step, at) => [`${at + 1} ${step.command}`, step] as const,
    ),
  )('%s', async (_, { command, input, output }) => {
    if ((await act(kubectl, command, input)) !== undefined) return;
    let now = '';
    const look = async (): Promise<string> => {
      now = await facts(kubectl);
      return changes(before, now);
    };
    try {
      await expect.poll(look, { timeout: 8000, interval: 250 }).toBe(output);
    } finally {
      before = now;
    }
  });
});

// Last: what is left of the cluster can do nothing any more.
test('without rights, every collection that cannot be read is told', async () => {
  const recorded = readFileSync(join(folder, '../cert-manager-rights.txt'), 'utf8').trimEnd().split('\n');
  await whole.kubectl('delete', 'clusterrolebindings', '-l', 'app.kubernetes.io/instance=cert-manager');
  await whole.kubectl('delete', 'pods', '-n', 'cert-manager', '--all');
  const told = async (): Promise<string[]> => {
    const log = await whole.kubectl('logs', '-n', 'cert-manager', 'deploy/cert-manager');
    const lines = log.split('\n').filter((line) => line.includes('"Failed to watch"'));
    return [...new Set(lines.map((line) => line.replace(/^E\S+ \S+ +\d+ /, '')))].sort();
  };
  await expect.poll(told, { timeout: 8000, interval: 250 }).toEqual(recorded);
});
