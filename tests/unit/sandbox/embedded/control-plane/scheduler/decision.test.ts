import { describe, expect, it } from 'vitest';
import type { KubeObject, Loose } from '../../../../../../kubernetes/object.ts';
import {
  type Decision,
  type DecisionOptions,
  decide,
} from '../../../../../../sandbox/embedded/control-plane/scheduler/decision.ts';
import { NodeStates } from '../../../../../../sandbox/embedded/control-plane/scheduler/node-state.ts';

const zones: Record<string, string> = { 'node-1': 'a', 'node-2': 'b', 'node-3': 'a' };

function node(name: string, extra: { spec?: Loose; labels?: Loose; status?: Loose } = {}): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name,
      labels: { 'kubernetes.io/hostname': name, 'topology.kubernetes.io/zone': zones[name]!, ...extra.labels },
    },
    spec: extra.spec ?? {},
    status: { allocatable: { cpu: '4', memory: '8Gi', pods: '5' }, ...extra.status },
  };
}

let last = 0;
function pod(name: string, spec: Loose = {}, metadata: Loose = {}): KubeObject {
  last += 1;
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name, namespace: 'a', uid: `uid-${last}`, labels: { app: name }, ...metadata },
    spec: { containers: [{ name: 'c', image: 'nginx:1.27' }], ...spec },
    status: {},
  };
}

const cpu = (amount: string, more: Loose = {}): Loose => ({
  containers: [{ name: 'c', image: 'nginx:1.27', resources: { requests: { cpu: amount } } }],
  ...more,
});
const app = (name: string) => ({ labelSelector: { matchLabels: { app: name } } });
const host = 'kubernetes.io/hostname';
const zone = 'topology.kubernetes.io/zone';

/** The decision for a pod where others are already: `[pod, node]`. */
function decided(
  wanted: KubeObject,
  there: [KubeObject, string][] = [],
  nodes: KubeObject[] = ['node-1', 'node-2', 'node-3'].map((name) => node(name)),
  more: Partial<DecisionOptions> = {},
): Decision {
  const states = new NodeStates();
  for (const one of nodes) states.setNode(one);
  for (const [other, place] of there) states.place(other, place);
  const nothing = { get: () => undefined, list: () => [] } as never;
  return decide(wanted, {
    states: states.all(),
    claims: { bound: [], waiting: [] },
    views: { claims: nothing, volumes: nothing, classes: nothing },
    namespaceLabels: () => ({}),
    defaultSelector: () => undefined,
    budgets: () => [],
    nominated: () => [],
    random: () => 0,
    ...more,
  });
}
const place = (decision: Decision) => ('node' in decision ? decision.node : decision.message);
const why = (decision: Decision) => ('node' in decision ? '' : decision.message);

describe('filters', () => {
  it('counts reasons over all nodes and says what came of preemption, as the real one does', () => {
    const nodes = [
      node('node-1'),
      node('node-2', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } }),
      node('node-3', { spec: { unschedulable: true } }),
    ];
    expect(why(decided(pod('p', cpu('2')), [[pod('q', cpu('3')), 'node-1']], nodes))).toBe(
      '0/3 nodes are available: 1 Insufficient cpu, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable. ' +
        'no new claims to deallocate, preemption: 0/3 nodes are available: ' +
        '1 No preemption victims found for incoming pod, 2 Preemption is not helpful for scheduling.',
    );
  });

  // https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#NodeSelectorRequirement
  // "If the operator is Gt or Lt, the values array must have a single element, which will be interpreted as an integer."
  it.each([
    ['Gt', '5', '6', true],
    ['Gt', '6', '6', false],
    ['Gt', '5', 'many', false],
    ['Lt', '10', '9', true],
    ['NotIn', 'x', 'y', true],
    ['DoesNotExist', '', 'y', false],
  ])('compares labels: %s %s with %s', (operator, value, label, fits) => {
    const values = operator === 'DoesNotExist' ? undefined : [value];
    const terms = [{ matchExpressions: [{ key: 'size', operator, values }] }];
    const required = { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: terms } };
    const nodes = [node('node-1', { labels: { size: label } })];
    expect(place(decided(pod('p', { affinity: { nodeAffinity: required } }), [], nodes)) === 'node-1').toBe(fits);
  });

  it('adds sidecars, the largest init container, overhead and extended resources', () => {
    const spec = {
      initContainers: [
        { name: 's', restartPolicy: 'Always', resources: { requests: { cpu: '1' } } },
        { name: 'i', resources: { requests: { cpu: '2500m' } } },
      ],
      containers: [{ name: 'c', resources: { requests: { cpu: '1' } } }],
      overhead: { cpu: '500m' },
    };
    const nodes = [node('node-1')];
    // 1 + 2.5 while it starts, and 0.5 on top: all there is.
    expect(place(decided(pod('p', spec), [], nodes))).toBe('node-1');
    expect(why(decided(pod('p', { ...spec, overhead: { cpu: '501m' } }), [], nodes))).toContain('1 Insufficient cpu.');
    const gpu = (count: string) => ({
      containers: [{ name: 'c', resources: { requests: { 'example.com/gpu': count } } }],
    });
    const rich = [node('node-1', { status: { allocatable: { cpu: '4', pods: '5', 'example.com/gpu': '2' } } })];
    expect(place(decided(pod('p', gpu('2')), [], rich))).toBe('node-1');
    expect(why(decided(pod('p', gpu('3')), [], rich))).toContain('1 Insufficient example.com/gpu.');
  });

  it('takes no port twice, but on another address', () => {
    const port = (hostIP?: string) => ({
      containers: [{ name: 'c', ports: [{ hostPort: 80, ...(hostIP && { hostIP }) }] }],
    });
    const nodes = [node('node-1')];
    const there: [KubeObject, string][] = [[pod('q', port('10.0.0.1')), 'node-1']];
    expect(place(decided(pod('p', port('10.0.0.2')), there, nodes))).toBe('node-1');
    expect(why(decided(pod('p', port()), there, nodes))).toContain(
      "1 node(s) didn't have free ports for the requested pod ports.",
    );
  });

  // https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#scheduling
  // "When whenUnsatisfiable=DoNotSchedule, it is the maximum permitted difference between the number of matching pods in
  // the target topology and the global minimum."
  it('keeps the skew of hard constraints, and counts missing domains as empty', () => {
    const spread = (more: Loose = {}) => ({
      topologySpreadConstraints: [
        { maxSkew: 1, topologyKey: zone, whenUnsatisfiable: 'DoNotSchedule', ...app('p'), ...more },
      ],
    });
    const one: [KubeObject, string][] = [[pod('p'), 'node-1']];
    expect(place(decided(pod('p', spread()), one))).toBe('node-2');
    const both: [KubeObject, string][] = [...one, [pod('p'), 'node-2']];
    expect(place(decided(pod('p', spread()), both))).toMatch(/^node-/);
    // "When the number of eligible domains with matching topology keys is less than minDomains, Pod Topology Spread treats
    // "global minimum" as 0, and then the calculation of Skew is performed."
    expect(why(decided(pod('p', spread({ minDomains: 3 })), both))).toContain(
      "3 node(s) didn't match pod topology spread constraints.",
    );
    expect(why(decided(pod('p', spread({ topologyKey: 'rack' }))))).toContain(
      "3 node(s) didn't match pod topology spread constraints (missing required label).",
    );
    // "Honor: nodes without taints, along with tainted nodes for which the incoming pod has a toleration, are included."
    const tainted = [node('node-1'), node('node-2', { spec: { taints: [{ key: 'k', effect: 'NoSchedule' }] } })];
    expect(why(decided(pod('p', spread()), one, tainted))).toContain("didn't match pod topology spread constraints");
    expect(place(decided(pod('p', spread({ nodeTaintsPolicy: 'Honor' })), one, tainted))).toBe('node-1');
  });

  // https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#PodAffinityTerm
  // "An empty selector ({}) matches all namespaces."
  it('looks for neighbours in the namespaces a term means', () => {
    const near = (more: Loose) => ({
      affinity: {
        podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [{ topologyKey: host, ...app('db'), ...more }] },
      },
    });
    const there: [KubeObject, string][] = [[pod('db', {}, { namespace: 'data' }), 'node-3']];
    const nodes = ['node-1', 'node-2', 'node-3'].map((name) => node(name));
    const labels = { namespaceLabels: () => ({ team: 'data' }) };
    expect(why(decided(pod('p', near({})), there))).toContain("3 node(s) didn't match pod affinity rules.");
    expect(place(decided(pod('p', near({ namespaces: ['data'] })), there))).toBe('node-3');
    expect(place(decided(pod('p', near({ namespaceSelector: {} })), there))).toBe('node-3');
    const selector = (team: string) => near({ namespaceSelector: { matchLabels: { team } } });
    expect(place(decided(pod('p', selector('data')), there, nodes, labels))).toBe('node-3');
    expect(why(decided(pod('p', selector('web')), there, nodes, labels))).toContain("didn't match pod affinity rules");
    // The first of a group may go anywhere.
    expect(place(decided(pod('db', near({}))))).toBe('node-1');
  });
});

describe('scores', () => {
  // https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/#NodeAffinity
  // "the node(s) with the highest sum are the most preferred."
  it('prefers nodes by weight, by taints and by emptiness', () => {
    const preference = (weight: number, name: string) => ({
      weight,
      preference: { matchFields: [{ key: 'metadata.name', operator: 'In', values: [name] }] },
    });
    const nodeAffinity = {
      preferredDuringSchedulingIgnoredDuringExecution: [preference(10, 'node-2'), preference(90, 'node-3')],
    };
    expect(place(decided(pod('p', { affinity: { nodeAffinity } })))).toBe('node-3');
    const soft = [{ key: 'k', effect: 'PreferNoSchedule' }];
    const nodes = [
      node('node-1', { spec: { taints: soft } }),
      node('node-2', { spec: { taints: soft } }),
      node('node-3'),
    ];
    expect(place(decided(pod('p'), [[pod('q', cpu('2')), 'node-3']], nodes))).toBe('node-3');
    expect(place(decided(pod('p', cpu('1')), [[pod('q', cpu('2')), 'node-1']]))).not.toBe('node-1');
  });

  it('goes near those it likes, and away from those it does not', () => {
    const preferred = (kind: string) => ({
      affinity: {
        [kind]: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 100, podAffinityTerm: { topologyKey: zone, ...app('q') } },
          ],
        },
      },
    });
    const there: [KubeObject, string][] = [[pod('q'), 'node-2']];
    expect(place(decided(pod('p', preferred('podAffinity')), there))).toBe('node-2');
    expect(place(decided(pod('p', preferred('podAntiAffinity')), there))).not.toBe('node-2');
    // What is there likes and dislikes, too.
    expect(place(decided(pod('q'), [[pod('p', preferred('podAffinity')), 'node-2']]))).toBe('node-2');
  });

  // https://kubernetes.io/docs/concepts/scheduling-eviction/topology-spread-constraints/#internal-default-constraints
  // "If you don't configure any cluster-level default constraints for pod topology spreading, then kube-scheduler acts as
  // if you specified the following default topology constraints"
  it('spreads the pods of one owner over nodes and zones unasked', () => {
    const there: [KubeObject, string][] = [];
    const siblings = { defaultSelector: () => (labels: Record<string, string>) => labels.app === 'p' };
    const nodes = ['node-1', 'node-2', 'node-3'].map((name) => node(name));
    for (let count = 0; count < 6; count += 1) {
      const next = pod('p');
      there.push([next, place(decided(next, there, nodes, siblings))]);
    }
    const on = (name: string) => there.filter(([, chosen]) => chosen === name).length;
    expect([on('node-1'), on('node-2'), on('node-3')]).toEqual([2, 2, 2]);
  });

  it('prefers nodes that have a large image', () => {
    const images = [{ names: ['big:1'], sizeBytes: 3_000_000_000 }];
    const nodes = [node('node-1'), node('node-2', { status: { allocatable: node('x').status!.allocatable, images } })];
    const spec = { containers: [{ name: 'c', image: 'big:1' }] };
    expect(place(decided(pod('p', spec), [], nodes))).toBe('node-2');
  });
});

describe('preemption', () => {
  const full = (priority: number): [KubeObject, string][] =>
    ['node-1', 'node-2', 'node-3'].map((name) => [pod(`low-${name}`, cpu('3', { priority })), name]);
  const victims = (decision: Decision) =>
    'node' in decision ? [] : (decision.room?.victims ?? []).map(({ metadata }) => metadata.name);

  // https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/#preemption
  // "Preemption logic tries to find a Node where removal of one or more Pods with lower priority than P would enable P to
  // be scheduled on that Node."
  it('ends no more than it must, and the least important', () => {
    const there: [KubeObject, string][] = [
      [pod('two', cpu('2', { priority: 2 })), 'node-1'],
      [pod('one', cpu('2', { priority: 1 })), 'node-1'],
    ];
    const found = decided(pod('p', cpu('2', { priority: 9 })), there, [node('node-1')]);
    expect(victims(found)).toEqual(['one']);
    expect(found).toMatchObject({ message: '0/1 nodes are available: 1 Insufficient cpu.', room: { node: 'node-1' } });
    const choice = full(5);
    choice[1]![0].spec.priority = 1;
    expect(decided(pod('p', cpu('2', { priority: 9 })), choice)).toMatchObject({ room: { node: 'node-2' } });
  });

  it('does nothing for equals, for those who ask for nothing, or where nothing helps', () => {
    const none = 'preemption: 0/3 nodes are available: 3 No preemption victims found for incoming pod.';
    expect(why(decided(pod('p', cpu('2', { priority: 5 })), full(5)))).toContain(none);
    const polite = pod('p', cpu('2', { priority: 9, preemptionPolicy: 'Never' }));
    expect(why(decided(polite, full(5)))).toContain('preemption: not eligible due to preemptionPolicy=Never.');
    expect(why(decided(pod('p', cpu('9', { priority: 9 })), full(5)))).toContain(
      'preemption: 0/3 nodes are available: 3 Preemption is not helpful for scheduling.',
    );
  });

  // https://kubernetes.io/docs/concepts/scheduling-eviction/pod-priority-preemption/#poddisruptionbudget-is-supported-but-not-guaranteed
  // "Kubernetes supports PDB when preempting Pods, but respecting PDB is best effort."
  it('spares what a budget keeps while there is another way', () => {
    const there = full(5);
    const budget = (name: string): KubeObject => ({
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name, namespace: 'a' },
      spec: { selector: { matchLabels: { app: name } } },
      status: { disruptionsAllowed: 0 },
    });
    const kept = ['low-node-1', 'low-node-3'].map(budget);
    const nodes = ['node-1', 'node-2', 'node-3'].map((name) => node(name));
    const more = { budgets: () => kept };
    expect(victims(decided(pod('p', cpu('2', { priority: 9 })), there, nodes, more))).toEqual(['low-node-2']);
    kept.push(budget('low-node-2'));
    expect(victims(decided(pod('p', cpu('2', { priority: 9 })), there, nodes, more))).toHaveLength(1);
  });

  it('keeps the room for whom it was made, and waits while victims leave', () => {
    const nodes = [node('node-1')];
    const waiting = pod('first', cpu('3', { priority: 9 }));
    const nominated = { nominated: () => [waiting] };
    expect(why(decided(pod('p', cpu('2', { priority: 5 })), [], nodes, nominated))).toContain('1 Insufficient cpu.');
    expect(place(decided(pod('p', cpu('2', { priority: 10 })), [], nodes, nominated))).toBe('node-1');
    const leaving = pod('low', cpu('3', { priority: 1 }), { deletionTimestamp: '2026-01-01T00:00:00Z' });
    leaving.status = { conditions: [{ type: 'DisruptionTarget', status: 'True', reason: 'PreemptionByScheduler' }] };
    waiting.status = { nominatedNodeName: 'node-1' };
    expect(decided(waiting, [[leaving, 'node-1']], nodes)).toMatchObject({
      message: expect.stringContaining('preemption: not eligible due to a terminating pod on the nominated node.'),
      lost: false,
    });
  });
});
