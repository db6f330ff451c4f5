import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { KubeObject, Loose } from '../../../kubernetes/object.ts';
import { openWholeCluster, type WholeCluster } from '../../unit/sandbox/embedded/whole-cluster.ts';
import { parseSteps, type Step, shownLog, shownZone } from './steps.ts';

const folder = join(import.meta.dirname, '../record/parts/external-dns');
const namespace = 'parts-zone';
const pods = { group: '', version: 'v1', resource: 'pods' };

let whole: WholeCluster;
let count = 0;

beforeAll(async () => {
  whole = await openWholeCluster();
  const crd = readFileSync('sandbox/provision/external-dns.yaml', 'utf8').split(/^---$/m)[1]!;
  await whole.give(crd);
  await whole.give(`
apiVersion: v1
kind: Namespace
metadata: { name: ${namespace} }
---
apiVersion: v1
kind: ServiceAccount
metadata: { name: everybody, namespace: ${namespace} }
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: { name: everybody }
roleRef: { apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin }
subjects: [{ kind: ServiceAccount, name: everybody, namespace: ${namespace} }]
`);
});
afterAll(() => whole.close());

/** What a pod of external-dns says, with these words after its name. */
async function run(words: string[], serviceAccountName: string): Promise<string> {
  count += 1;
  const name = `run-${count}`;
  const container = { name: 'external-dns', image: 'registry.k8s.io/external-dns/external-dns:v0.20.0', args: words };
  await whole.client.create(pods, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace },
    spec: { serviceAccountName, restartPolicy: 'Never', containers: [container] },
  });
  const ended = (pod: KubeObject) => pod.status?.containerStatuses?.[0]?.state?.terminated;
  const pod = await whole.until(pods, name, ended);
  return shownLog(await whole.kubectl('logs', '-n', namespace, name), ended(pod).exitCode);
}

async function answer({ command, input }: Step): Promise<string> {
  const [verb = '', ...words] = command.split(' ');
  const kubectl = (...given: string[]) => whole.kubectl(...given, '-n', namespace);
  if (verb === 'apply') {
    await whole.give(input, namespace);
    return '';
  }
  if (verb === 'delete') {
    await kubectl('delete', ...words);
    return '';
  }
  if (verb === 'balance') {
    const status: Loose = { loadBalancer: { ingress: JSON.parse(words.slice(2).join(' ')) } };
    await kubectl(
      'patch',
      words[0]!,
      words[1]!,
      '--subresource=status',
      '--type=merge',
      '-p',
      JSON.stringify({ status }),
    );
    return '';
  }
  if (verb === 'status')
    return `${(await kubectl('get', ...words, '-o', 'jsonpath={.metadata.generation} {.status}')).trim()}\n`;
  const account = verb === 'as' ? words.shift()! : 'everybody';
  const given = (flag: string) => words.some((word) => word.startsWith(flag));
  const bare = words.length === 0 || words.at(-1) === '--source';
  const more = bare
    ? []
    : [
        '--provider=webhook',
        '--once',
        `--namespace=${namespace}`,
        '--metrics-address=127.0.0.1:17998',
        ...(given('--webhook-provider-url') ? [] : ['--webhook-provider-url=http://zone.atelier.internal']),
        ...(verb === 'debug' ? ['--log-level=debug'] : []),
      ];
  return (await run([...words, ...more], account)) + shownZone(whole.machines.zone.list());
}

describe('external-dns says and does what the real one did', () => {
  test.each(['dnsendpoints', 'texts', 'ownership', 'ingresses', 'services', 'conflicts', 'mistakes'])(
    '%s',
    async (name) => {
      whole.machines.zone.change({ delete: whole.machines.zone.list() });
      const steps = parseSteps(readFileSync(join(folder, `${name}.txt`), 'utf8'));
      const heard = new Map<Step, string>();
      // What never comes to look at the zone can be said side by side.
      const apart = steps.filter(({ output }) =>
        /flag parsing error|config validation|connect to webhook/.test(output),
      );
      await Promise.all(apart.map(async (step) => heard.set(step, await answer(step))));
      for (const step of steps) {
        const said = heard.get(step) ?? (await answer(step));
        expect.soft({ ...step, output: sorted(said) }).toEqual({ ...step, output: sorted(step.output) });
      }
    },
    120_000,
  );
});

/** The real one goes through maps, whose order is of the moment. */
const sorted = (text: string): string[] => text.split('\n').sort();
