import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import type { KubeObject, Loose } from '../../../../kubernetes/object.ts';
import { compileCheck } from '../../../../src/checks/conditions.ts';
import { type Circumstances, judge, judgeHint, takeBefore } from '../../../../src/checks/evaluate.ts';
import { commandWords } from '../../../../src/checks/said.ts';
import type { View } from '../../../../src/cluster/source.ts';
import type { Check } from '../../../../src/lessons/schema.ts';
import { deployment, pod } from './fake-cluster.ts';

/** A Secret as Helm writes it. */
function release(name: string, revision: number, status: string, config: Loose = {}): Loose {
  const record = {
    name,
    namespace: 'ada',
    version: revision,
    info: { status, last_deployed: '2026-01-01T00:00:00Z', description: 'Install complete', notes: 'hi' },
    chart: {
      metadata: { name: 'jupyter-python', version: '1.0.0', appVersion: '4', dependencies: [{ name: 'base' }] },
    },
    config,
    manifest:
      '---\napiVersion: v1\nkind: Service\nmetadata:\n  name: lab\n---\nkind: PersistentVolumeClaim\nmetadata: {name: disk}\n',
  };
  const packed = gzipSync(JSON.stringify(record)).toString('base64');
  return {
    metadata: { name: `sh.helm.release.v1.${name}.v${revision}`, namespace: 'ada', uid: `${name}${revision}` },
    type: 'helm.sh/release.v1',
    data: { release: Buffer.from(packed).toString('base64') },
  };
}

function circumstances(views: Record<string, Loose[] | View>, rest: Partial<Circumstances> = {}): Circumstances {
  const view = (resource: string): View => {
    const known = views[resource];
    if (!known) return { state: 'syncing', items: [] };
    return Array.isArray(known) ? { state: 'synced', items: known as KubeObject[] } : known;
  };
  return { snapshot: { view }, namespace: 'ada', variables: { namespace: 'ada' }, ...rest };
}

function compiled(check: Check) {
  const { compiled, problems } = compileCheck('step/check', check);
  expect(problems).toEqual([]);
  return compiled;
}

const web: Check = {
  id: 'check',
  watch: { resource: 'deployments', name: 'web' },
  expect: 'item.status.availableReplicas == item.spec.replicas && item.spec.replicas > 1',
};

describe('verdicts', () => {
  test.each<[string, Check, Record<string, Loose[] | View>, object]>([
    ['not read yet', web, {}, { verdict: 'waiting', why: { field: 'deployments', value: 'being read' } }],
    [
      'not allowed',
      web,
      { deployments: { state: 'denied', items: [], message: 'deployments is forbidden' } },
      { verdict: 'failing', why: { field: 'deployments', value: 'deployments is forbidden' } },
    ],
    [
      'not there',
      web,
      { deployments: [deployment('db', 2, 2)] },
      { verdict: 'waiting', why: { field: 'deployments/web', value: 'not there yet' } },
    ],
    [
      'not so',
      web,
      { deployments: [deployment('web', 2, 1)] },
      { verdict: 'failing', why: { field: 'status.availableReplicas', value: '1' } },
    ],
    [
      'second half',
      web,
      { deployments: [deployment('web', 1, 1)] },
      { verdict: 'failing', why: { field: 'spec.replicas', value: '1' } },
    ],
    ['so', web, { deployments: [deployment('web', 2, 2)] }, { verdict: 'passed' }],
    [
      'gone',
      { id: 'check', watch: { resource: 'deployments', name: 'web' }, expect: 'items.size() == 0' },
      { deployments: [deployment('db', 1, 1)] },
      { verdict: 'passed' },
    ],
    [
      'chosen by label',
      { id: 'check', watch: { resource: 'pods', selector: 'app=web,tier!=x' }, expect: 'items.size() == 1' },
      { pods: [pod('a'), pod('b', { metadata: { labels: { app: 'web', tier: 'x' } } })] },
      { verdict: 'passed' },
    ],
    [
      'a kind that the cluster does not serve is an empty list',
      { id: 'check', watch: { resource: 'gadgets.example.org' }, expect: 'items.exists(c, c.status.ready)' },
      { 'gadgets.example.org': { state: 'absent', items: [] } },
      { verdict: 'failing', why: { field: 'items', value: 'none' } },
    ],
  ])('%s', (_, check, views, judgement) => {
    expect(judge(compiled(check), circumstances(views))).toEqual(judgement);
  });
});

test('a hint may look at a release where its check looks at objects', () => {
  const check: Check = {
    id: 'check',
    watch: { resource: 'deployments', name: 'web' },
    expect: 'item.status.readyReplicas == 1',
    hints: [
      {
        id: 'ignored',
        release: { name: 'lab' },
        where: "it.revision == release.revision && !it.objects.exists(o, o.kind == 'Ingress')",
        facts: { revision: 'string(it.revision)' },
      },
    ],
  };
  const [hint] = compiled(check).hints;
  const views = { releases: [release('lab', 1, 'superseded'), release('lab', 2, 'deployed')], deployments: [] };
  expect(hint && judgeHint(hint, circumstances(views))).toEqual({ id: 'ignored', facts: { revision: '2' }, more: 0 });
});

describe('releases', () => {
  const secrets = [
    release('lab', 1, 'superseded'),
    release('lab', 2, 'deployed', { replicas: 2 }),
    release('other', 1, 'failed'),
  ];

  test.each<[string, object]>([
    [
      "release.status == 'deployed' && release.revision == 2 && release.chart.version == '1.0.0'",
      { verdict: 'passed' },
    ],
    ['release.values.replicas / 2 == 1', { verdict: 'passed' }],
    ["release.objects.exists(o, o.kind == 'PersistentVolumeClaim' && o.name == 'disk')", { verdict: 'passed' }],
    ["releases.size() == 2 && releases[1].status == 'superseded'", { verdict: 'passed' }],
    ["release.chart.dependencies.exists(d, d.name == 'base')", { verdict: 'passed' }],
    ['release.revision == 3', { verdict: 'failing', why: { field: 'release.revision', value: '2' } }],
  ])('%s', (source, judgement) => {
    const check = compiled({ id: 'check', release: { name: 'lab' }, expect: source });
    expect(judge(check, circumstances({ releases: secrets }))).toEqual(judgement);
  });

  test('without a name the newest of each; no record is no release; garbage is none either', () => {
    const all = compiled({ id: 'check', release: {}, expect: "releases.map(r, r.name) == ['lab', 'other']" });
    expect(judge(all, circumstances({ releases: secrets }))).toEqual({ verdict: 'passed' });
    const one = compiled({ id: 'check', release: { name: 'lab' }, expect: "release.status == 'deployed'" });
    const garbage = { ...release('lab', 1, 'deployed'), data: { release: 'bm90IGEgcmVsZWFzZQ==' } };
    for (const views of [{ releases: [] }, { releases: [garbage] }])
      expect(judge(one, circumstances(views))).toEqual({
        verdict: 'waiting',
        why: { field: 'release/lab', value: 'not there yet' },
      });
  });
});

describe('before', () => {
  test('only the fields that are read', () => {
    const check = compiled({
      id: 'check',
      watch: { resource: 'pods' },
      expect: 'items.all(p, !before.items.exists(b, b.metadata.uid == p.metadata.uid)) && before.items.size() == 1',
    });
    expect(takeBefore(check, circumstances({ pods: [pod('a')] }))).toEqual({ items: [{ metadata: { uid: 'uid-a' } }] });
  });

  test('nothing where nothing reads it', () => {
    expect(takeBefore(compiled(web), circumstances({ deployments: [deployment('web', 1, 1)] }))).toBeUndefined();
  });

  test('of Secrets metadata alone', () => {
    const check = compiled({
      id: 'check',
      watch: { resource: 'secrets', name: 's' },
      expect: "item.data['password'] != before.item.data['password'] && item.metadata.uid == before.item.metadata.uid",
    });
    const secret = { metadata: { name: 's', uid: 'u' }, data: { password: 'c2VjcmV0' } };
    const before = takeBefore(check, circumstances({ secrets: [secret] }));
    expect(before).toEqual({ item: { metadata: { uid: 'u' } } });
    expect(JSON.stringify(before)).not.toContain('c2Vj');
  });

  test('at most 64 kB', () => {
    const check = compiled({
      id: 'check',
      watch: { resource: 'configmaps' },
      expect: 'items.exists(c, before.items.exists(b, b.data == c.data))',
    });
    const maps = Array.from({ length: 10 }, (_, index) => ({
      metadata: { name: `m${index}`, uid: `u${index}` },
      data: { text: 'x'.repeat(20_000) },
    }));
    const before = takeBefore(check, circumstances({ configmaps: maps }));
    expect(JSON.stringify(before).length).toBeLessThan(64 * 1024);
    expect((before as Loose).items[3]).toEqual({ metadata: { name: 'm3', uid: 'u3' } });
  });
});

describe('hints', () => {
  const hintOf = (hint: NonNullable<Check['hints']>[number]) =>
    compiled({ id: 'check', watch: { resource: 'pods' }, expect: 'items.size() == 9', hints: [hint] }).hints[0]!;

  test('an error is no, for that object alone', () => {
    const hint = hintOf({
      id: 'h',
      where: 'int(it.metadata.labels.n) > 1',
      facts: { pod: 'it.metadata.name', gone: 'it.spec.nodeName' },
    });
    const pods = [
      pod('a', { metadata: { labels: { n: 'x' } } }),
      pod('b'),
      pod('c', { metadata: { labels: { n: '2' } } }),
    ];
    expect(judgeHint(hint, circumstances({ pods }))).toEqual({ id: 'h', facts: { pod: 'c', gone: '' }, more: 0 });
  });

  test('another list, and what is absent', () => {
    const each = hintOf({
      id: 'h',
      each: 'items[0].spec.containers',
      where: "it.image.startsWith('nginx')",
      facts: { image: 'it.image' },
    });
    expect(judgeHint(each, circumstances({ pods: [pod('a')] }))).toEqual({
      id: 'h',
      facts: { image: 'nginx:1.27' },
      more: 0,
    });
    const when = hintOf({ id: 'h', when: 'items.size() == 0' });
    expect(judgeHint(when, circumstances({ pods: [] }))).toEqual({ id: 'h', facts: {}, more: 0 });
    expect(judgeHint(when, circumstances({ pods: [pod('a')] }))).toBeUndefined();
    expect(judgeHint(when, circumstances({}))).toBeUndefined();
  });
});

test.each([
  ['kubectl get pods -w', 'kubectl get'],
  ['k -n ada get pods', 'kubectl ada'],
  ['KUBECONFIG=x sudo /usr/bin/helm  upgrade lab .', 'helm upgrade'],
  ['ls', 'ls'],
])('the words of %j', (command, words) => {
  expect(commandWords(command)).toBe(words);
});
